"""The verb about what was decided: history."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import click

from cleaner.cli.desk import Desk, dataset_verb, examples, table
from cleaner.decisions import Action
from cleaner.errors import CleanerError
from cleaner.logbook import Entry, Wanted, sheet

_LINES_SHOWN = 20
_DAY = click.DateTime(["%Y-%m-%d"])


@click.command(
    epilog=examples(
        "history data/demo",
        "history data/demo --action move --class seven",
        "history data/demo --since 2026-01-31 --csv decisions.csv",
    )
)
@dataset_verb
@click.option("--limit", type=click.IntRange(0, 2**31 - 1), help="At most so many, the latest.")
@click.option("--reviewer", metavar="NAME", help="Only what this person decided.")
@click.option("--action", type=click.Choice(get_args(Action)), help="Only these decisions.")
@click.option("--class", "label", metavar="CLASS", help="Only from or to this class.")
@click.option("--file", metavar="TEXT", help="Only images with this in their path.")
@click.option("--round", "round_id", type=int, metavar="N", help="Only of this round.")
@click.option("--since", type=_DAY, metavar="YYYY-MM-DD", help="Only from this day on (UTC).")
@click.option("--until", type=_DAY, metavar="YYYY-MM-DD", help="Only up to this day (UTC).")
@click.option(
    "--csv",
    "csv_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also write them to a CSV file.",
)
def history(
    desk: Desk,
    *,
    limit: int | None,
    since: datetime | None,
    until: datetime | None,
    csv_file: Path | None,
    **asked: Any,
) -> None:
    """List what was decided, by whom, when and why, the latest first.

    The id in the last column is what `undo --decision` takes.
    """
    wanted = Wanted(
        since=None if since is None else _moment(since),
        until=None if until is None else _moment(until + timedelta(days=1)),
        **asked,
    )
    with desk.project() as project:
        found = project.log(wanted, limit=limit)
    if csv_file is not None:
        _write(csv_file, found)
    entries = [entry.as_json() for entry in found]
    shown = _LINES_SHOWN if limit is None else limit
    desk.answer({"decisions": entries}, _lines(entries, shown=shown))


def _moment(day: datetime) -> str:
    return day.replace(tzinfo=UTC).isoformat(timespec="milliseconds")


def _write(file: Path, found: list[Entry]) -> None:
    try:
        with file.open("w", newline="", encoding="utf-8") as lines:
            lines.writelines(sheet(found))
    except OSError as error:
        raise CleanerError(
            f"{file}: cannot write it ({error.strerror}). Name a file in a place you can write to."
        ) from error


def _lines(entries: list[dict[str, Any]], *, shown: int) -> Iterator[str]:
    if not entries:
        yield "No decision is recorded that fits."
        return
    rows = [
        (
            entry["decided_at"][:16].replace("T", " "),
            entry["reviewer"],
            entry["path"],
            _what(entry),
            entry["op_id"],
        )
        for entry in entries[:shown]
    ]
    yield from table(("when (UTC)", "who", "path", "what", "id"), rows)
    if len(entries) > shown:
        yield f"... and {len(entries) - shown:,} more; --limit or --csv shows them."


def _what(entry: dict[str, Any]) -> str:
    labels = f"{entry['label_before']} -> {entry['label_after']}"
    stays = entry["label_before"] == entry["label_after"]
    words = f"{entry['action']} {entry['label_after'] if stays else labels}"
    return f"{words} (undone)" if entry["is_undone"] else words
