"""Verbs about the folder itself: demo, scan, status, recover."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cleaner.cli.desk import Desk, answer, dataset_verb, examples, json_option, table
from cleaner.cli.engine import engine_options, engine_settings, scan_there
from cleaner.cli.sampling import outlook_facts
from cleaner.cli.second import facts as second_opinions
from cleaner.cli.watching import ProgressLine
from cleaner.items import Finding, shown_path
from cleaner.settings import ScanSettings

if TYPE_CHECKING:
    from cleaner.project import Project

_FINDINGS_SHOWN = 12
_USUAL_SHARE = 0.1


@click.command(epilog=examples("demo"))
@click.argument("folder", type=click.Path(path_type=Path), default=Path("data/demo"))
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    default=0,
    show_default=True,
    help="Another seed, other errors.",
)
@json_option
def demo(*, folder: Path, seed: int, as_json: bool) -> None:
    """Make a small dataset with known label errors.

    Handwritten digits in ten folders, one in twenty in a wrong one. FOLDER is data/demo unless
    you name another. Nothing is downloaded. The answers lie in FOLDER.cleaner/truth.csv, and
    `status` counts how many of the errors you have put right.
    """
    from cleaner.demo import make

    with ProgressLine() as line:
        made = make(folder, seed=seed, report=line)
    facts = f"{made['images']:,} images in {folder}, {made['planted_errors']} with a wrong label."
    answer(made, [facts, f"Next: python -m cleaner score {folder}"], as_json=as_json)


@click.command(epilog=examples("scan data/demo", "scan photos --test-percent 20"))
@dataset_verb
@click.option(
    "--validation-percent",
    type=click.IntRange(0, 98),
    help="How many of the images that are new only decide when to stop.  [default: 10]",
)
@click.option(
    "--test-percent",
    type=click.IntRange(0, 98),
    help="How many of them only measure the final model.  [default: 10]",
)
@engine_options("Where new files are read")
def scan(
    desk: Desk,
    *,
    validation_percent: int | None,
    test_percent: int | None,
    **options: Any,
) -> None:
    """Read the folder and name what is wrong with its files.

    Needs no model. Every file becomes an image of the dataset or a finding that says why not:
    unreadable, duplicate, too dark, and so on. Only new and changed files are read again.

    An image is trained on, or validates, or tests, for good: by its content, so moving it changes
    nothing, and duplicates keep together. Other percentages hold for images that come later.
    """
    where = engine_settings(options) or ScanSettings()
    with desk.project() as project:
        if validation_percent is not None or test_percent is not None:
            project.hold_out(validation=_share(validation_percent), test=_share(test_percent))
        with ProgressLine() as line:
            scan_there(project, line, where)
        document = _scanned(project)
    desk.answer(document, _scan_lines(desk, document))


def _share(percent: int | None) -> float:
    return _USUAL_SHARE if percent is None else percent / 100


def _scanned(project: Project) -> dict[str, Any]:
    dataset = project.dataset()
    counts = dict.fromkeys(dataset.class_names, 0)
    lying_there = [item for item in dataset.items if not item.quarantined]
    counts |= Counter(item.path.split("/", 1)[0] for item in lying_there)
    return {
        "images": len(lying_there),
        "classes": {shown_path(name): count for name, count in counts.items()},
        "findings": [entry for found in project.findings() for entry in _entries(found)],
    }


def _entries(finding: Finding) -> Iterator[dict[str, Any]]:
    """Yield one entry for each path, so that a script may look a file up without searching."""
    paths = [shown_path(path) for path in finding.paths]
    for path in paths:
        yield {
            "kind": finding.kind,
            "path": path,
            "detail": finding.detail,
            "severity": finding.severity,
            "paths": paths,
        }


def _scan_lines(desk: Desk, document: dict[str, Any]) -> Iterator[str]:
    yield f"{document['images']:,} images in {len(document['classes'])} classes"
    yield ""
    yield from table(("class", "images"), document["classes"].items())
    findings = document["findings"]
    yield ""
    if findings:
        kinds = Counter(entry["kind"].replace("_", " ") for entry in findings)
        yield from table(("finding", "files"), kinds.most_common())
        yield ""
        yield from (f"{entry['path']}: {entry['detail']}" for entry in findings[:_FINDINGS_SHOWN])
        if len(findings) > _FINDINGS_SHOWN:
            yield f"... and {len(findings) - _FINDINGS_SHOWN:,} more; --json lists them all."
        yield ""
    yield desk.next_step("score")


@click.command(epilog=examples("status data/demo"))
@dataset_verb
def status(desk: Desk) -> None:
    """Say where the work stands and what comes next."""
    from cleaner import jobs, opinions

    with desk.project() as project:
        document = project.status()
        job = jobs.active(project)
        document["job"] = None if job is None else {"kind": job.kind, "stage": job.stage}
        heard = opinions.figures(project.store)
        document["second_opinions"] = heard.as_json()
        document["models"] = [shown_path(model.folder) for model in project.models()]
        document["outlook"] = project.outlook().as_json()
    told = second_opinions(heard) if heard.any else {}
    desk.answer(document, _status_lines(desk, document, told))


def _status_lines(desk: Desk, document: dict[str, Any], heard: dict[str, str]) -> Iterator[str]:
    counts = {k: v for k, v in document["decided"].items() if k != "unreviewed"}
    decided = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    facts = {
        "dataset": document["root"],
        "state": document["state"],
        "store": document["store"],
        "images": f"{document['images']:,} in {len(document['classes'])} classes",
        "decisions": decided or "none",
        "round": document["round"] or "none yet",
        "awaiting review": f"{document['awaiting_review']:,}",
        **heard,
        "moves to apply": f"{document['moves_to_apply']:,}",
    }
    if document["job"]:
        facts["running"] = f"{document['job']['kind']}: {document['job']['stage']}"
    if document["models"]:
        facts["latest model"] = document["models"][0]
    if document["planted_errors"] is not None:
        facts["planted errors"] = (
            f"{document['planted_errors_found']} of {document['planted_errors']} put right"
        )
    facts |= outlook_facts(document["outlook"])
    yield from (f"{name:<16} {value}" for name, value in facts.items())
    yield ""
    yield desk.next_step(_next_verb(document))


def _next_verb(document: dict[str, Any]) -> str:
    if not document["round"]:
        return "score"
    if document["awaiting_review"]:
        return "review"
    return "round" if document["moves_to_apply"] else "train"


@click.command(epilog=examples("recover data/demo"))
@dataset_verb
def recover(desk: Desk) -> None:
    """Finish or revert file moves that a crash interrupted.

    Every verb does this when it opens the dataset; this one says what was done.
    """
    with desk.project() as project:
        settled = [
            {
                "source": shown_path(move.source),
                "destination": shown_path(move.destination),
                "state": move.state,
            }
            for move in project.recovered
        ]
    document = {"recovered": len(settled), "moves": settled}
    lines = [f"{move['state']:<9} {move['source']} -> {move['destination']}" for move in settled]
    desk.answer(document, lines or ["No move was interrupted."])
