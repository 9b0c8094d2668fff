"""The verb `audits`: what stands out in a dataset, kind by kind, and what to do about it."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cleaner.cells import guarded
from cleaner.cli.desk import Desk, dataset_verb, examples, table
from cleaner.cli.engine import engine_options, engine_settings, scan_there
from cleaner.cli.watching import ProgressLine
from cleaner.errors import CleanerError

if TYPE_CHECKING:
    from cleaner.lanes import Proposal
    from cleaner.project import Project

_LINES_SHOWN = 20
_ACTIONS = ("keep_one", "exclude", "dismiss", "restore")
_COLUMNS = ("kind", "severity", "finding", "path", "current_label", "split", "detail")


@click.command(
    epilog=examples(
        "audits data/demo",
        "audits data/demo --kind near_duplicate --csv twins.csv",
        "audits data/demo --kind near_duplicate --keep-one --dry-run",
        "audits data/demo --kind blurry --dismiss",
        "audits photos --engine ray --address 10.0.0.5:6379",
    )
)
@dataset_verb
@click.option("--kind", metavar="KIND", help="Only this kind, finding by finding.")
@click.option("--keep-one", is_flag=True, help="Of each group of copies keep the best image.")
@click.option("--exclude", is_flag=True, help="Exclude every image the kind is about.")
@click.option("--dismiss", is_flag=True, help="Mark all of the kind as fine; they do not return.")
@click.option("--restore", is_flag=True, help="Bring back what was dismissed of the kind.")
@click.option("--dry-run", is_flag=True, help="Only say what would be excluded.")
@click.option("--reviewer", default="", metavar="NAME", help="Who decides, for the log.")
@click.option(
    "--csv",
    "sheet",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also write the findings to a CSV file, a line for each image.",
)
@engine_options("First read what is new in the folder", default=None)
def audits(
    desk: Desk, *, kind: str | None, sheet: Path | None, dry_run: bool, reviewer: str, **rest: Any
) -> None:
    """List what stands out among the files, and settle all of a kind at once.

    Without --kind, every kind with its counts: duplicates, dark, bright, blurry, odd sizes and so
    on, as the last scan found them, and after `score` also near duplicates that only a network
    sees and pictures unlike all others. Above them stands what shows of the classes as a whole:
    sizes, pairs taken for each other, classes that are perhaps one or two, and those told apart
    by their border or colours alone. Excluded images leave their folder with `apply`; `undo`
    takes decisions back. With --engine the folder is first read once more, there.
    """
    where = engine_settings(rest)
    action = _action(rest)
    _check(action, kind, dry_run=dry_run)
    with desk.project() as project:
        if where is not None:
            with ProgressLine() as line:
                scan_there(project, line, where)
        if action is not None and kind is not None:
            document, lines = _done(project, kind, action, dry_run=dry_run, reviewer=reviewer)
        elif kind is not None:
            document, lines = _one_kind(project, kind)
        else:
            document, lines = _all_kinds(desk, project)
        if sheet is not None:
            _write(sheet, _listed(project, kind))
    desk.answer(document, lines)


def _check(action: str | None, kind: str | None, *, dry_run: bool) -> None:
    if action is not None and kind is None:
        raise click.UsageError(f"Name the --kind that --{action.replace('_', '-')} is about.")
    if dry_run and action not in ("keep_one", "exclude"):
        raise click.UsageError("--dry-run goes with --keep-one or --exclude.")


def _action(flags: dict[str, bool]) -> str | None:
    chosen = [name for name in _ACTIONS if flags[name]]
    if len(chosen) > 1:
        raise click.UsageError(
            "Give one of " + ", ".join(f"--{name.replace('_', '-')}" for name in _ACTIONS) + "."
        )
    return chosen[0] if chosen else None


_Answer = tuple[dict[str, Any], Sequence[str]]


def _all_kinds(desk: Desk, project: Project) -> _Answer:
    from cleaner import class_health, lanes

    found = lanes.kinds(project)
    document = {
        "kinds": [
            {
                "kind": one.kind,
                "severity": one.severity,
                "findings": one.findings,
                "images": one.images,
                "dismissed": one.dismissed,
            }
            for one in found
        ],
        "classes": class_health.as_json(class_health.read(project)),
    }
    lines = [*_class_lines(document["classes"]), *_kind_lines(desk, document["kinds"])]
    return document, lines


def _class_lines(found: list[dict[str, Any]]) -> Iterator[str]:
    for one in found:
        yield f"{one['says']}:" if "says" in one else f"{one['kind'].replace('_', ' ')}:"
        yield f"  {one['detail']}"
    if found:
        yield ""


def _kind_lines(desk: Desk, found: list[dict[str, Any]]) -> Iterator[str]:
    if not found:
        yield "Nothing stands out."
        yield desk.next_step("score")
        return
    heads = ("kind", "severity", "findings", "images", "dismissed")
    yield from table(heads, [tuple(one[name] for name in heads) for one in found])
    yield ""
    first = next((one["kind"] for one in found if one["findings"]), found[0]["kind"])
    yield f"{desk.next_step('audits')} --kind {first}"


def _one_kind(project: Project, kind: str) -> _Answer:
    from cleaner import lanes

    entries = [lanes.as_json(one) for one in lanes.of_kind(project, kind)]
    lines = [line for entry in entries[:_LINES_SHOWN] for line in _entry_lines(entry)]
    if len(entries) > _LINES_SHOWN:
        lines.append(f"... and {len(entries) - _LINES_SHOWN:,} more; --json or --csv lists all.")
    return {"kind": kind, "findings": entries}, lines or [f"No finding of kind {kind} is open."]


def _entry_lines(entry: dict[str, Any]) -> Iterator[str]:
    yield entry["detail"]
    yield from (f"  {path}" for path in entry["paths"])


def _done(project: Project, kind: str, action: str, *, dry_run: bool, reviewer: str) -> _Answer:
    from cleaner import lanes

    if action == "dismiss":
        count = lanes.dismiss(project, kind, reviewer=reviewer)
        return {"dismissed": count}, [f"{count:,} marked as fine; --restore brings them back."]
    if action == "restore":
        count = lanes.restore(project, kind)
        return {"restored": count}, [f"{count:,} are back."]
    propose = lanes.one_kept if action == "keep_one" else lanes.all_excluded
    proposal = propose(project, kind)
    excluded = 0
    if not dry_run and proposal.excluded:
        outcome = lanes.carry_out(project, proposal, reviewer=reviewer)
        if outcome.rejected:
            raise CleanerError(f"Nothing recorded. {outcome.rejected[0].reason}")
        excluded = len(outcome.recorded)
        _follow(project)
    document = _proposal_document(proposal) | {"recorded": excluded}
    return document, list(_proposal_lines(document, dry_run=dry_run))


def _proposal_document(proposal: Proposal) -> dict[str, Any]:
    from cleaner.items import shown_path

    return {
        "kept": [shown_path(item.path) for item in proposal.kept],
        "excluded": [shown_path(item.path) for item in proposal.excluded],
        "left": proposal.left,
    }


def _proposal_lines(document: dict[str, Any], *, dry_run: bool) -> Iterator[str]:
    excluded = document["excluded"]
    kept = f", {len(document['kept']):,} kept" if document["kept"] else ""
    yield f"{len(excluded):,} {'would be excluded' if dry_run else 'excluded'}{kept}."
    yield from (f"  {path}" for path in excluded[:_LINES_SHOWN])
    if len(excluded) > _LINES_SHOWN:
        yield f"  ... and {len(excluded) - _LINES_SHOWN:,} more; --json lists them all."
    if document["left"]:
        yield (
            f"{document['left']:,} groups are left: their labels disagree and none prevails. "
            "Settle those labels first."
        )
    if excluded and not dry_run:
        yield f"`undo --last {len(excluded)}` takes it back."


def _follow(project: Project) -> None:
    from cleaner.following import catch_up

    catch_up(project.store, project.state)


def _listed(project: Project, kind: str | None) -> Iterator[dict[str, Any]]:
    from cleaner import lanes

    kinds = [kind] if kind else [one.kind for one in lanes.kinds(project) if one.findings]
    for name in kinds:
        for one in lanes.of_kind(project, name):
            entry = lanes.as_json(one)
            images = {image["path"]: image for image in entry["images"]}
            for path in entry["paths"]:
                yield entry | images.get(path, {}) | {"path": path}


def _write(sheet: Path, rows: Iterator[dict[str, Any]]) -> None:
    try:
        with sheet.open("w", newline="", encoding="utf-8") as lines:
            written = csv.writer(lines, lineterminator="\n")
            written.writerow(_COLUMNS)
            for row in rows:
                cells = [row.get(name, "") for name in _COLUMNS]
                written.writerow([guarded(c) if isinstance(c, str) else c for c in cells])
    except OSError as error:
        raise CleanerError(
            f"{sheet}: cannot write it ({error.strerror}). Name a file in a place you can write to."
        ) from error
