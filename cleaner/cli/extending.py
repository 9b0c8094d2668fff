"""The verb that puts new classes beside those of a model that is kept: extend."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from cleaner import settings
from cleaner.cli.desk import Desk, dataset_verb, examples, table
from cleaner.cli.watching import run_job


@click.command(
    epilog=examples(
        "extend photos --out pandas-and-sunflowers",
        "extend photos --out model --check imagenette",
    )
)
@dataset_verb
@click.option(
    "--out",
    "destination",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The model's folder, to be made.  [default: DATASET.cleaner/extended/...]",
)
@click.option(
    "--backbone",
    default=settings.DEFAULT_EXTENDED,
    show_default=True,
    help="The network whose thousand classes are kept.",
)
@click.option(
    "--check",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="Photos of things that ImageNet knows, to count how many answers change.",
)
@click.option("--seed", default=0, show_default=True, help="Makes it repeatable.")
def extend(
    desk: Desk, *, destination: Path | None, backbone: str, check: Path | None, seed: int
) -> None:
    """Make a model of ImageNet's thousand classes and the classes of DATASET.

    The thousand keep their rows and so their answers; the new classes' rows are learnt from
    their images and set so that few answers change. A class that ImageNet has under its name is
    not learnt anew; its images serve to count changed answers. `predict` runs the model.
    """
    with desk.project() as project:
        name = f"{backbone}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
        where = destination or project.state / "extended" / name
        wanted = settings.ExtendSettings(
            destination=str(where.expanduser().absolute()),
            backbone=backbone,
            check=None if check is None else str(check.absolute()),
            seed=seed,
        )
        result = run_job(project, "extend", wanted.as_json())
    desk.answer(result, _lines(result))


def _lines(result: dict[str, Any]) -> Iterator[str]:
    for name, known in result["known_classes"].items():
        yield f"ImageNet knows {name!r} already, as {known!r}; its images are of an old class."
    rows = [
        (name, found["images"], found["right"]) for name, found in result["new_classes"].items()
    ]
    yield from table(("new class", "test images", "right"), rows)
    yield ""
    yield f"accuracy     {_share(result['accuracy'], result['accuracy_interval'])}"
    yield f"changed      {_changed(result)}"
    yield f"seconds      {result['seconds']['total']:.0f}"
    yield f"classes      {result['classes']:,}"
    yield f"model        {result['model']}"
    yield f"Next: python -m cleaner predict {result['model']} IMAGE..."


def _share(share: float | None, interval: list[float]) -> str:
    if share is None:
        return "not measured: there are no test images"
    return f"{share:.1%}  (95% interval {interval[0]:.1%} to {interval[1]:.1%})"


def _changed(result: dict[str, Any]) -> str:
    if not result["old_images"]:
        return "not measured: there are no images of old classes; name some with --check"
    share = _share(result["old_changed_share"], result["old_changed_interval"])
    return f"{share} of the answers on {result['old_images']:,} images of old classes"
