"""The verb about second opinions: opinions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from cleaner.cli.desk import Desk, dataset_verb, examples, table

if TYPE_CHECKING:
    from cleaner.opinions import Figures


@click.command(
    epilog=examples(
        "opinions data/demo --ask 50",
        "opinions data/demo --ask 20 --changed --reviewer ann",
        "opinions data/demo",
    )
)
@dataset_verb
@click.option(
    "--ask",
    "most",
    type=click.IntRange(1, 2**31 - 1),
    metavar="N",
    help="Ask for a second opinion on N of the images that were decided about, at random.",
)
@click.option("--changed", is_flag=True, help="With --ask: only of those moved or excluded.")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    default=None,
    metavar="N",
    help="With --ask: the same seed, the same images.",
)
@click.option("--withdraw", is_flag=True, help="Ask about nothing any more; opinions stay.")
@click.option("--reviewer", default="", metavar="NAME", help="Who asks, for the log.")
def opinions(
    desk: Desk, *, most: int | None, changed: bool, seed: int | None, withdraw: bool, reviewer: str
) -> None:
    """Ask for second opinions, and say how far people agree.

    Somebody else judges an image again in the app, knowing neither the decision nor what the
    model suggests. Where the two differ, `queue --status disputed` lists it until it is settled.
    """
    if most is None and (changed or seed is not None):
        raise click.UsageError("--changed and --seed belong to --ask N.")
    if most is not None and withdraw:
        raise click.UsageError("Give --ask or --withdraw, not both.")
    import numpy as np

    from cleaner import opinions as second

    with desk.project() as project:
        store, asked, withdrawn = project.store, 0, 0
        if most is not None:
            which = "changed" if changed else "decided"
            rng = np.random.default_rng(seed)
            asked = second.ask(store, rng, most=most, which=which, asker=reviewer)
        if withdraw:
            withdrawn = second.withdraw(store)
        found = second.figures(store)
    told = [f"Asked about {asked:,} images."] if most is not None else []
    told += [f"{withdrawn:,} images wait for an opinion no more."] if withdraw else []
    document = {"asked": asked, "withdrawn": withdrawn} | found.as_json()
    desk.answer(document, [*told, *_lines(found)])


def _lines(found: Figures) -> Iterator[str]:
    yield from (f"{name:<16} {value}" for name, value in facts(found).items())
    if found.pairs:
        yield ""
        heads = ("reviewer", "and", "images", "agreed", "share", "kappa")
        yield from table(heads, [_row(pair.as_json()) for pair in found.pairs])


def facts(found: Figures) -> dict[str, str]:
    """Return how second opinions stand, in words."""
    both = found.overall
    share = "" if both.share is None else f", {both.agreed:,} agree ({both.share:.1%})"
    return {
        "second opinions": f"{both.images:,} images{share}; {found.waiting:,} wait for one",
        "Cohen's kappa": both.kappa_in_words,
        "to settle": f"{found.to_settle:,}",
    }


def _row(pair: dict[str, Any]) -> tuple[object, ...]:
    share = f"{pair['agreement']:.1%}"
    return (*pair["reviewers"], pair["images"], pair["agreed"], share, pair["kappa_in_words"])
