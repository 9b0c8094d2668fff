"""Verbs of the review: queue, decide, undo, apply."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cleaner.cli import sheets
from cleaner.cli.desk import Desk, dataset_verb, examples, table
from cleaner.cli.lookup import Asked, decide_all
from cleaner.cli.selecting import meant, selecting
from cleaner.cli.watching import ProgressLine
from cleaner.decisions import STATUS_AFTER
from cleaner.errors import DatasetError, StoreError
from cleaner.items import shown_path
from cleaner.progress import Progress
from cleaner.selection import UNTOLD_ORDERS

if TYPE_CHECKING:
    from cleaner.decisions import FileMove
    from cleaner.progress import Report
    from cleaner.project import Project, Undone
    from cleaner.selection import Selection

_LINES_SHOWN = 20

log = logging.getLogger(__name__)


@click.command(
    epilog=examples(
        "queue data/demo",
        "queue data/demo --current shirt --suggested t-shirt --low 0.8",
        "queue data/demo --reviewer ann --order -decided",
        "queue data/demo --all --csv ranking.csv",
    )
)
@dataset_verb
@click.option("--limit", type=click.IntRange(0, 2**31 - 1), help="At most so many images.")
@click.option("--all", "everything", is_flag=True, help="All ranked images, reviewed or not.")
@click.option(
    "--csv",
    "sheet",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also write them to a CSV file, which `decide --from` reads back.",
)
@selecting
def queue(
    desk: Desk,
    *,
    limit: int | None,
    everything: bool,
    sheet: Path | None,
    asked: dict[str, str],
) -> None:
    """List the images that await review, the most suspect first, or others that are asked for.

    Those that are to be looked at blind, drawn at random or sealed for the test, stand last and
    without what the model says; where that is asked for, they are left out.
    """
    if everything and "status" in asked:
        raise click.UsageError("Give --all or --status, not both.")
    with desk.project() as project:
        selection = meant(project, asked | ({"status": "any"} if everything else {}))
        entries = _entries(project, selection, limit)
    if sheet is not None:
        sheets.write(sheet, entries)
    if asked and not entries:
        desk.answer({"items": []}, ["No image matches."])
        return
    lines = _queue_lines(desk, entries, shown=_LINES_SHOWN if limit is None else limit)
    desk.answer({"items": entries}, lines)


def _entries(project: Project, selection: Selection, limit: int | None) -> list[dict[str, Any]]:
    found = project.selected(selection, limit=limit, without_blind=selection.asks_the_model).items
    shown, blind = project.told(found)
    entries = [item.as_json() | {"is_blind": item.item_id in blind} for item in shown]
    if selection.status == "blind" or selection.key in UNTOLD_ORDERS:
        return entries
    # Between two others, the place of one would say how suspect it is.
    last = sorted((one for one in entries if one["is_blind"]), key=lambda one: str(one["path"]))
    return [one for one in entries if not one["is_blind"]] + last


def _queue_lines(desk: Desk, entries: list[dict[str, Any]], *, shown: int) -> Iterator[str]:
    if not entries:
        yield "Nothing awaits review."
        yield desk.next_step("train")
        return
    rows = [_queue_row(entry) for entry in entries[:shown]]
    yield from table(("quality", "path", "label", "suggested", "why"), rows)
    if len(entries) > shown:
        yield f"... and {len(entries) - shown:,} more; --limit or --csv shows them."
    blind = sum(entry["is_blind"] for entry in entries)
    if blind:
        yield ""
        yield f"{blind:,} to be judged by the picture alone: they tell how many labels are wrong."
    yield ""
    yield desk.next_step("review")


def _queue_row(entry: dict[str, Any]) -> tuple[object, ...]:
    if entry["is_blind"]:
        return ("", entry["path"], entry["current_label"], "", "to be looked at blind")
    names = ("label_quality", "path", "current_label", "suggested_label")
    return (*(entry[name] for name in names), next(iter(entry["reasons"]), ""))


@click.command(
    epilog=examples(
        "decide data/demo one/digit-0013.jpg move seven",
        "decide data/demo one/digit-0014.jpg accept",
        "decide data/demo --from decisions.csv",
    )
)
@dataset_verb
@click.argument("words", nargs=-1, metavar="[PATH ACTION [CLASS]]")
@click.option(
    "--from",
    "sheet",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="CSV with the columns path, action, label; all of it is recorded, or nothing.",
)
@click.option("--reviewer", default="", metavar="NAME", help="Who decides, for the log.")
def decide(desk: Desk, *, words: tuple[str, ...], sheet: Path | None, reviewer: str) -> None:
    """Record a decision about an image, or a file of them.

    ACTION is accept (the label is right), move (to CLASS), exclude (out of the dataset) or
    skip (later). PATH is as `queue` prints it. Files move with `apply` or `round`, not yet.
    Lines of a CSV file without an action are passed over, so a list from `queue --csv` can be
    filled in and read back.
    """
    asked = [_one(words)] if sheet is None else _many(words, sheet)
    with desk.project() as project:
        recorded, rejected = decide_all(project, asked, reviewer=reviewer)
        _follow(project)
    document = {"recorded": recorded, "rejected": rejected}
    desk.answer(document, [f"{recorded:,} recorded."] if recorded else [])
    if rejected:
        raise DatasetError(_refusal(rejected))


def _follow(project: Project) -> None:
    """Rank anew with what was decided; whoever lists the queue next sees it."""
    from cleaner.following import catch_up

    try:
        catch_up(project.store, project.state)
    except StoreError as error:
        # The decision is in the log, and the next look learns from it.
        log.warning("The ranking does not follow: %s", error)


def _one(words: tuple[str, ...]) -> Asked:
    if len(words) < 2:
        raise click.UsageError("Give PATH and ACTION, or --from FILE.")
    path, action, *label = words
    if action not in STATUS_AFTER:
        raise click.UsageError(f"No action {action!r}. Known: {', '.join(STATUS_AFTER)}.")
    if len(label) != (action == "move"):
        wanted = "needs one CLASS" if action == "move" else "takes no CLASS"
        raise click.UsageError(f"The action {action} {wanted}.")
    return Asked(path, action, label[0] if label else None)


def _many(words: tuple[str, ...], sheet: Path) -> list[Asked]:
    if words:
        raise click.UsageError("Give PATH and ACTION, or --from FILE, not both.")
    return [Asked(*row) for row in sheets.read(sheet)]


def _refusal(rejected: list[dict[str, str]]) -> str:
    first = f"Nothing recorded. {rejected[0]['reason']}"
    return first if len(rejected) == 1 else f"{first} And {len(rejected) - 1:,} more like it."


@click.command(
    epilog=examples(
        "undo data/demo",
        "undo data/demo --last 5",
        "undo data/demo --round 2",
        "undo data/demo --decision 1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed",
    )
)
@dataset_verb
@click.option(
    "--last", type=click.IntRange(1, 2**31 - 1), metavar="N", help="How many.  [default: 1]"
)
@click.option("--round", "round_id", type=int, metavar="N", help="All of this round.")
@click.option(
    "--decision",
    "op_ids",
    multiple=True,
    metavar="ID",
    help="This one, as `history` names it; repeat it for several.",
)
@click.option("--all", "everything", is_flag=True, help="All that anybody decided.")
@click.option("--reviewer", default="", metavar="NAME", help="Who undoes, for the log.")
def undo(desk: Desk, **asked: Any) -> None:
    """Take back decisions, and the file moves that followed."""
    given = [f"--{_UNDO_OPTIONS[name]}" for name in _UNDO_OPTIONS if asked[name]]
    if len(given) > 1:
        raise click.UsageError(f"Give {given[0]} or {given[1]}, not both.")
    with desk.project() as project:
        if asked["everything"]:
            _confirm_all(project)
        with ProgressLine() as line:
            undone = _undo(project, asked, line)
        _follow(project)
        paths = {item.item_id: shown_path(item.path) for item in project.dataset().items}
    details = [
        {"path": paths.get(decision.item_id, ""), "action": decision.action, "id": decision.op_id}
        for decision in undone.decisions
    ]
    problems = [{"path": path, "reason": reason} for path, reason in undone.problems]
    lines = [
        f"{len(details):,} undone.",
        *(f"  {detail['action']:<8} {detail['path']}" for detail in details[:_LINES_SHOWN]),
        *_more(details),
        *(f"  stays where it is: {problem['reason']}" for problem in problems),
    ]
    desk.answer({"undone": len(details), "decisions": details, "problems": problems}, lines)


_UNDO_OPTIONS = {"last": "last", "round_id": "round", "op_ids": "decision", "everything": "all"}


def _undo(project: Project, asked: Mapping[str, Any], report: Report) -> Undone:
    reviewer = asked["reviewer"]
    if asked["op_ids"]:
        return project.undo_decisions(asked["op_ids"], reviewer=reviewer)
    if asked["everything"]:
        return project.undo_all(reviewer=reviewer, report=report)
    last, round_id = asked["last"] or 1, asked["round_id"]
    return project.undo(last=last, round_id=round_id, reviewer=reviewer, report=report)


def _confirm_all(project: Project) -> None:
    """Ask whoever sits at a terminal; a script has said what it wants."""
    if sys.stdin.isatty():
        found = project.standing()
        click.confirm(
            f"Take back all {found.decisions:,} decisions and move {found.files:,} files back?",
            abort=True,
            err=True,
        )


def _more(entries: Sequence[object]) -> list[str]:
    left = len(entries) - _LINES_SHOWN
    return [f"  ... and {left:,} more; --json lists them all."] if left > 0 else []


@click.command(epilog=examples("apply data/demo --dry-run", "apply data/demo"))
@dataset_verb
@click.option("--dry-run", is_flag=True, help="Only say what would move.")
def apply(desk: Desk, *, dry_run: bool) -> None:
    """Move files so that the folders match the decisions.

    Nothing is ever overwritten: a taken name becomes NAME~2. Excluded images go to the
    quarantine in the state folder. `undo` brings files back.

    Of a manifest no file moves: a new manifest is written, with the labels of now and without
    excluded images. It lies beside it, as NAME.cleaned-1.csv, or in the state folder if the
    manifest has an address.
    """
    with desk.project() as project:
        plan, is_folder = project.plan_moves(), project.origin.moves_files
        moved: tuple[FileMove, ...] = ()
        problems, manifest = plan.problems, None
        if not dry_run:
            with ProgressLine() as line:
                applied = project.apply(
                    lambda done, total, path: line(Progress("Moving files", done, total, path))
                )
            moved, problems, manifest = applied.moved, applied.problems, applied.manifest
    document = {
        "planned": len(plan.moves),
        "moved": len(moved),
        "moves": [_move_document(move) for move in (plan.moves if dry_run else moved)],
        "problems": [{"path": path, "reason": reason} for path, reason in problems],
        "manifest": None if manifest is None else shown_path(str(manifest)),
    }
    said = _moved if is_folder else _written
    desk.answer(document, _apply_lines(desk, document, said, dry_run=dry_run))


def _move_document(move: FileMove) -> dict[str, str]:
    from cleaner.moves.places import shown

    return {"source": shown(move.source), "destination": shown(move.destination)}


def _moved(document: Mapping[str, Any], *, dry_run: bool) -> str:
    return f"{len(document['moves']):,} files {'would move' if dry_run else 'moved'}."


def _written(document: Mapping[str, Any], *, dry_run: bool) -> str:
    changes = f"{len(document['moves']):,} images"
    if dry_run:
        return f"A new manifest would say otherwise of {changes}."
    if document["manifest"] is None:
        return "The latest manifest says all that is decided; none was written."
    return f"Written: {document['manifest']}, with changes of {changes}."


def _apply_lines(
    desk: Desk, document: Mapping[str, Any], said: Callable[..., str], *, dry_run: bool
) -> Iterator[str]:
    moves = document["moves"]
    yield said(document, dry_run=dry_run)
    yield from (f"  {m['source']} -> {m['destination']}" for m in moves[:_LINES_SHOWN])
    yield from _more(moves)
    yield from (f"Left alone: {p['path']}: {p['reason']}" for p in document["problems"])
    yield desk.next_step("apply" if dry_run and moves else "round")
