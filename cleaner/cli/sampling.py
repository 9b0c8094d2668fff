"""The verb about the images that are drawn at random: sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from cleaner.cli.desk import Desk, dataset_verb, examples, table


@click.command(
    epilog=examples(
        "sample data/demo",
        "sample data/demo --size 400",
        "sample data/demo --reviewer-error 0.05",
    )
)
@dataset_verb
@click.option("--size", type=int, metavar="N", help="How many images to draw.")
@click.option("--share", type=float, metavar="0..0.9", help="How many of what the queue shows.")
@click.option(
    "--reviewer-error",
    type=float,
    metavar="0..0.4",
    help="How often a decision is assumed to be wrong.",
)
def sample(
    desk: Desk, *, size: int | None, share: float | None, reviewer_error: float | None
) -> None:
    """Say how many wrong labels are left, and draw the images that tell it.

    Images drawn at random come up among the suspects, without what the model says of them. From
    what you decide about them follows how many of all labels are wrong still.
    """
    from cleaner.sampling import Sampling  # here and not at the top: --help is quick

    with desk.project() as project:
        now = project.sampling()
        wanted = Sampling(
            size=now.size if size is None else size,
            share=now.share if share is None else share,
            reviewer_error=now.reviewer_error if reviewer_error is None else reviewer_error,
        )
        if wanted != now:
            project.set_sampling(wanted)
        found = project.outlook().as_json()
    document = {name: found[name] for name in ("errors_left", "sample", "reviews_to_halve")}
    desk.answer(document, _lines(document))


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{name:<16} {value}" for name, value in outlook_facts(document).items())
    if document["errors_left"] is None:
        return
    classes = document["errors_left"]["classes"]
    yield ""
    rows = [(name, one["images"], _rate(one)) for name, one in classes.items()]
    yield from table(("class", "images", "errors left"), rows)


def outlook_facts(outlook: Mapping[str, Any]) -> dict[str, str]:
    """Return name -> words of what is known of the errors that are left."""
    drawn, left = outlook["sample"], outlook["errors_left"]
    facts = {"random sample": f"{drawn['left']:,} of {drawn['size']:,} await a decision"}
    if left is not None:
        facts["errors left"] = f"{_rate(left)}, from {left['sampled']:,} images drawn at random"
        facts["to halve them"] = _to_halve(outlook["reviews_to_halve"])
    elif drawn["needed_for_an_estimate"]:
        needed = drawn["needed_for_an_estimate"]
        facts["errors left"] = f"not known before {needed:,} more of the sample are decided"
    facts |= {name: outlook[name] for name in ("verdict", "alarm") if outlook.get(name)}
    return facts


def _rate(left: Mapping[str, Any]) -> str:
    low, high = left["interval"]
    return f"{left['rate']:.1%} ({low:.1%} to {high:.1%})"


def _to_halve(reviews: int | None) -> str:
    return "more reviews than the ranking can say" if reviews is None else f"{reviews:,} reviews"
