"""Classes that hold two kinds of images, well apart: perhaps two classes under one name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Int64
from numpy import ndarray

from cleaner.arrays import Features
from cleaner.health import Trait
from cleaner.traits.base import Gathered, Places, some

# How well apart two parts must lie, -1..1, and how much better than in a class of one part.
LEAST_SILHOUETTE = 0.2
LEAST_LEAD = 0.08
LEAST_IMAGES = 60
LEAST_PART = 0.1
# Mean out-of-fold probability of the label in each part: a part below it is wrong labels.
OWN = 0.6
_MOST_IMAGES = 400
_DIRECTIONS = 12
_NULLS = 39

_Rows = Float[ndarray, "row direction"]
_Parts = Int[ndarray, "row"]
_Chosen = Int64[ndarray, "chosen"]


def find_divided(gathered: Gathered) -> list[Trait]:
    """Return classes whose images fall into two parts.

    Two parts are always found; whether they are there is seen from how well apart they lie
    (Rousseeuw 1987) beside what is found in one bell-shaped cloud of the same size and spread
    (Liu, Hayes, Nobel and Marron, JASA 103, 2008). Both parts must be known by their label: else
    the one is made of wrong labels, and the queue says so.
    """
    return [
        _trait(gathered, number, division)
        for number in range(len(gathered.class_names))
        for division in _divided(gathered, number)
    ]


@dataclass(frozen=True, slots=True)
class _Division:
    """Two parts of a class: their images, the most typical first."""

    parts: tuple[Places, Places]
    share: float
    silhouette: float
    by_chance: float


def _divided(gathered: Gathered, number: int) -> Iterator[_Division]:
    rng = np.random.default_rng(0)
    places = some(gathered.of_class(number), _MOST_IMAGES, rng)
    if len(places) < LEAST_IMAGES:
        return
    rows = _main(gathered.features[places])
    parts, apart = _halved(rows)
    smaller = float(min(parts.mean(), 1 - parts.mean()))
    if apart < LEAST_SILHOUETTE or smaller < LEAST_PART:
        return
    own = gathered.pred_probs[places, number]
    if min(own[parts == 0].mean(), own[parts == 1].mean()) < OWN:
        return
    spread = rows.std(axis=0)
    chance = [_halved(rng.standard_normal(rows.shape) * spread)[1] for _ in range(_NULLS)]
    if apart > max(chance) and apart - float(np.mean(chance)) >= LEAST_LEAD:
        both = (_typical(rows, parts, places, 0), _typical(rows, parts, places, 1))
        yield _Division(both, smaller, apart, float(np.mean(chance)))


def _main(features: Features) -> _Rows:
    """Return the rows along their main directions, which are not correlated."""
    rows = features.astype(np.float64)
    centred = rows - rows.mean(axis=0)
    _left, _lengths, directions = np.linalg.svd(centred, full_matrices=False)
    main: _Rows = centred @ directions[:_DIRECTIONS].T
    return main


def _halved(rows: _Rows) -> tuple[_Parts, float]:
    """Return the two parts of the least spread, and how well apart they lie."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    parts: _Parts = KMeans(2, n_init=3, random_state=0).fit_predict(rows)
    if len(np.unique(parts)) < 2:
        return parts, -1.0
    return parts, float(silhouette_score(rows, parts))


def _typical(rows: _Rows, parts: _Parts, places: Places, part: int) -> _Chosen:
    own = np.flatnonzero(parts == part)
    away = ((rows[own] - rows[own].mean(axis=0)) ** 2).sum(axis=1)
    typical: _Chosen = places[own[np.argsort(away, kind="stable")]]
    return typical


def _trait(gathered: Gathered, number: int, division: _Division) -> Trait:
    return Trait(
        "split",
        (gathered.class_names[number],),
        f"Its images fall into two parts, {1 - division.share:.0%} and {division.share:.0%} of "
        f"them, that lie well apart (silhouette {division.silhouette:.2f}; "
        f"{division.by_chance:.2f} in a class of one part). Perhaps they are two classes.",
        {
            "smaller": division.share,
            "silhouette": division.silhouette,
            "silhouette_by_chance": division.by_chance,
        },
        (gathered.ids(division.parts[0]), gathered.ids(division.parts[1])),
        ("the one part", "the other part"),
    )
