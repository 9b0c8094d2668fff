"""The verb that lays the images out in the plane: map."""

from __future__ import annotations

import click

from cleaner.cli.desk import Desk, dataset_verb, examples
from cleaner.cli.watching import run_job


@click.command("map", epilog=examples("map data/demo", "map data/demo --json"))
@dataset_verb
def draw_map(desk: Desk) -> None:
    """Draw the map that the app shows: images that look alike lie side by side.

    Follows from the features of the latest round. While its images stay the same it is kept, and
    nothing is computed again.
    """
    with desk.project() as project:
        result = run_job(project, "map", {})
    images, laid_out = result["images"], result["laid_out"]
    others = "" if laid_out == images else f", {laid_out:,} of them laid out by t-SNE"
    desk.answer(
        result,
        [f"The map shows {images:,} images{others}: {result['file']}", desk.next_step("review")],
    )
