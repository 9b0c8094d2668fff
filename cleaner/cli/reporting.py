"""The verb that writes what there is to hand to a colleague: report."""

from __future__ import annotations

from pathlib import Path

import click

from cleaner.cli.desk import Desk, dataset_verb, examples
from cleaner.errors import CleanerError


@click.command(epilog=examples("report data/demo --out report.html"))
@dataset_verb
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    default=Path("report.html"),
    show_default=True,
    help="The file to write; one that is there is replaced.",
)
def report(desk: Desk, *, out: Path) -> None:
    """Write how clean the labels are, round by round, into one HTML file.

    It holds all it shows and asks the network for nothing. Its numbers are those of `status`.
    """
    from cleaner import report as reports  # here and not at the top: --help is quick

    with desk.project() as project:
        found = reports.figures(project)
    try:
        out.write_text(reports.html(found), encoding="utf-8")
    except OSError as error:
        raise CleanerError(
            f"{out}: cannot write it ({error.strerror}). Name a file in a place you can write to."
        ) from error
    desk.answer({"report": str(out), **found}, [f"Written to {out}."])
