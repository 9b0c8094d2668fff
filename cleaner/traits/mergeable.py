"""Pairs of classes that the committee cannot tell apart, though it knows both from the others."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cleaner.health import Trait
from cleaner.predictions import LEAST_PROBABILITY
from cleaner.traits.base import Area, Gathered, Places, area_under_curve, bootstrapped, some

# Two classes count as one if not even the upper end of the interval reaches this;
TOLD_APART = 0.65
# and if the two together are told from the rest so well: else the committee knows nothing at all.
TOLD_FROM_REST = 0.8
LEAST_IMAGES = 20
# Mean probabilities of the wrong one of two over the right one, there and back: 1 if they are one.
_WORTH_A_LOOK = 0.2
_MOST_IMAGES = 1_000


def find_mergeable(gathered: Gathered) -> list[Trait]:
    """Return pairs of classes that are perhaps one.

    Given an image of each, a committee that saw neither says which is which; it is right half of
    the time if it cannot know. Two classes without a third are never named: what is left would be
    no question.
    """
    if len(gathered.class_names) < 3:
        return []
    return [
        _trait(gathered, first, second, area, rest)
        for first, second in _candidates(gathered)
        for area, rest in _measured(gathered, first, second)
        if area.high < TOLD_APART and rest >= TOLD_FROM_REST
    ]


def _candidates(gathered: Gathered) -> list[tuple[int, int]]:
    classes = len(gathered.class_names)
    labels = gathered.labels[gathered.distinct]
    sizes = np.bincount(labels, minlength=classes)
    means = np.zeros((classes, classes))
    np.add.at(means, labels, gathered.pred_probs[gathered.distinct])
    means /= np.maximum(sizes, 1)[:, None]
    ratio = means / np.maximum(np.diag(means), LEAST_PROBABILITY)[:, None]
    alike = (ratio * ratio.T >= _WORTH_A_LOOK) & np.triu(np.ones((classes, classes), bool), k=1)
    large = sizes >= LEAST_IMAGES
    return [(int(a), int(b)) for a, b in np.argwhere(alike & large[:, None] & large)]


def _measured(gathered: Gathered, first: int, second: int) -> Iterator[tuple[Area, float]]:
    """Yield how well the two are told apart, and how well from the rest, if there is one."""
    rng = np.random.default_rng(0)
    sides = [some(gathered.of_class(one), _MOST_IMAGES, rng) for one in (first, second)]
    both = np.concatenate(sides)
    is_second = np.repeat([False, True], [len(side) for side in sides])
    logs = np.log(np.maximum(gathered.pred_probs, LEAST_PROBABILITY)[both][:, [first, second]])
    others = gathered.distinct[~np.isin(gathered.labels[gathered.distinct], (first, second))]
    if len(others):
        rest = some(others, _MOST_IMAGES, rng)
        either = gathered.pred_probs[np.concatenate([both, rest])][:, [first, second]].sum(axis=1)
        is_either = np.repeat([True, False], [len(both), len(rest)])
        yield (
            bootstrapped(logs[:, 1] - logs[:, 0], is_second),
            area_under_curve(either, is_either),
        )


def _trait(gathered: Gathered, first: int, second: int, area: Area, rest: float) -> Trait:
    return Trait(
        "merge",
        (gathered.class_names[first], gathered.class_names[second]),
        f"Given an image of each, the committee says which is which in {area.value:.0%} of cases "
        f"({area.low:.0%} to {area.high:.0%}; guessing is right in 50%), while it knows the two "
        f"from the other classes in {rest:.0%}. Perhaps they are one class.",
        {"apart": area.value, "apart_low": area.low, "apart_high": area.high, "from_rest": rest},
        (_typical(gathered, first, second), _typical(gathered, second, first)),
        ("the first", "the second"),
    )


def _typical(gathered: Gathered, label: int, other: int) -> tuple[int, ...]:
    places: Places = gathered.of_class(label)
    either = gathered.pred_probs[places][:, [label, other]].sum(axis=1)
    return gathered.ids(places[np.argsort(-either, kind="stable")])
