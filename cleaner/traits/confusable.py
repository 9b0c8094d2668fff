"""Pairs of classes that the committee takes for each other more often than chance would."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.stats import poisson

from cleaner.health import Trait
from cleaner.traits.base import Gathered

# Share of the two classes' images that are taken for the other one, from which on it is told.
LEAST_SHARE = 0.02
# How many times what would be there if mistakes fell on all classes alike.
LEAST_RATIO = 2.0
_CHANCE = 0.01
_MOST_PAIRS = 20

_Counts = Float[ndarray, "label class"]


def find_confusable(gathered: Gathered) -> list[Trait]:
    """Return pairs of classes that are taken for each other, those with the most images first.

    Mistakes are compared with those of a committee whose mistakes fall on the other classes as
    often as it names them at all, by a Poisson test at 1% over all pairs. Of two classes nothing
    is said: all their mistakes are of one pair.
    """
    labels = gathered.labels[gathered.distinct]
    predicted = gathered.pred_probs[gathered.distinct].argmax(axis=1)
    classes = len(gathered.class_names)
    counts = np.zeros((classes, classes))
    np.add.at(counts, (labels, predicted), 1)
    expected = _expected(counts)
    both, by_chance = counts + counts.T, expected + expected.T
    first, second = np.triu_indices(classes, k=1)
    seen, chance = both[first, second], by_chance[first, second]
    sizes = counts.sum(axis=1)
    stands_out = (
        (poisson.sf(seen - 1, np.maximum(chance, 1e-9)) < _CHANCE / max(1, len(first)))
        & (seen >= LEAST_RATIO * chance)
        & (seen >= LEAST_SHARE * (sizes[first] + sizes[second]))
    )
    found = np.flatnonzero(stands_out)
    ranked = found[np.argsort(-seen[found], kind="stable")][:_MOST_PAIRS]
    return [_trait(gathered, counts, int(first[one]), int(second[one])) for one in ranked]


def _expected(counts: _Counts) -> _Counts:
    """Return the mistakes that there would be if each class's fell on the others alike."""
    named = counts.sum(axis=0)
    mistakes = counts.sum(axis=1) - np.diag(counts)
    others = np.maximum(named.sum() - named, 1)
    expected: _Counts = np.outer(mistakes / others, named)
    np.fill_diagonal(expected, 0)
    return expected


def _trait(gathered: Gathered, counts: _Counts, first: int, second: int) -> Trait:
    there, back = int(counts[first, second]), int(counts[second, first])
    share = (there + back) / (counts[first].sum() + counts[second].sum())
    return Trait(
        "confusable",
        (gathered.class_names[first], gathered.class_names[second]),
        f"{there + back:,} of their images look like the other class ({there:,} one way, "
        f"{back:,} the other), {share:.0%}. Some are wrong labels; the others need more images "
        "or a clearer rule.",
        {"images": there + back, "share": share},
        (_most_like(gathered, first, second), _most_like(gathered, second, first)),
        ("looks like the second", "looks like the first"),
    )


def _most_like(gathered: Gathered, label: int, other: int) -> tuple[int, ...]:
    places = gathered.of_class(label)
    return gathered.ids(places[np.argsort(-gathered.pred_probs[places, other], kind="stable")])
