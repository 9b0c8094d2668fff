"""Classes that are told apart by what is no part of the thing: the border, or the colours alone.

A network finds such a shortcut too, does well on a test set that has it, and fails where the
photos come from elsewhere (Geirhos et al., Nature Machine Intelligence 2, 2020).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from cleaner import looks
from cleaner.arrays import Labels
from cleaner.health import Trait
from cleaner.traits.base import (
    Area,
    Gathered,
    Places,
    Scores,
    area_under_curve,
    bootstrapped,
    some,
)

# A shortcut is told if even the lower end of the interval reaches this;
TELLING = 0.9
# and so much of what the whole image tells, both above chance.
SHARE_OF_WHOLE = 0.8
LEAST_IMAGES = 30
_MOST_OF_CLASS = 400
_MOST_OF_REST = 1_200
_MOST_SCREENED = 10_000
_MARGIN = 0.1
_TINY = 1e-9
_FOLDS = 5
_TURNS = 300

_Inputs = Float[ndarray, "item input"]


@dataclass(frozen=True, slots=True)
class _Clue:
    """A part of what shows of an image.

    Attributes:
        kind: of the trait.
        words: what it is called.
        warning: what it may mean.
    """

    kind: str
    words: str
    warning: str


_BORDER = _Clue(
    "border",
    "the outermost pixels alone",
    "A network may learn the frame, the ground or the source of the photos instead of the class.",
)
_COLOUR = _Clue(
    "colour",
    "the colours alone, wherever they are,",
    "That may be what the class is, or only where its photos were taken.",
)


def find_border_shortcuts(gathered: Gathered) -> list[Trait]:
    """Return classes that are told from the others by colour and evenness of their border."""
    found, known = looks.read(gathered.looks)
    border = found["border"].reshape(len(found), 4 * looks.SIDES).astype(float)
    # Squares too: a grey frame is neither dark nor bright.
    inputs = np.hstack([border, ((border - 127.5) / 64) ** 2])
    return _told_apart(gathered, inputs, known, _BORDER)


def find_colour_shortcuts(gathered: Gathered) -> list[Trait]:
    """Return classes that are told from the others by how much there is of each colour."""
    found, known = looks.read(gathered.looks)
    # Of shares, square roots are as far apart as they are different.
    inputs = np.sqrt(found["colours"].astype(float))
    return _told_apart(gathered, inputs, known, _COLOUR)


def _told_apart(gathered: Gathered, inputs: _Inputs, known: np.ndarray, clue: _Clue) -> list[Trait]:
    places = gathered.distinct[known[gathered.distinct]]
    return [
        trait
        for number in _promising(inputs, gathered.labels, places)
        for trait in _of_class(gathered, inputs, places, number, clue)
    ]


def _promising(inputs: _Inputs, labels: Labels, places: Places) -> list[int]:
    """Return the classes that one linear fit of all of them tells apart well, or nearly so.

    A hundred times as quick as a logistic regression for each, and its area is hardly another.
    """
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import KFold, cross_val_predict

    drawn = some(places, _MOST_SCREENED, np.random.default_rng(0))
    classes, numbers = np.unique(labels[drawn], return_inverse=True)
    if len(drawn) < 2 * LEAST_IMAGES or len(classes) < 2:
        return []
    folds = KFold(_FOLDS, shuffle=True, random_state=0)
    shown = np.eye(len(classes))[numbers]
    spread = np.maximum(inputs[drawn].std(axis=0), _TINY)
    fitted = cross_val_predict(Ridge(1.0), inputs[drawn] / spread, shown, cv=folds)
    # Of two classes the one is told from the other as well as the other from it.
    asked = classes[:1] if len(classes) == 2 else classes
    return [
        int(number)
        for place, number in enumerate(asked)
        if area_under_curve(fitted[:, place], numbers == place) >= TELLING - _MARGIN
    ]


def _of_class(
    gathered: Gathered, inputs: _Inputs, places: Places, number: int, clue: _Clue
) -> Iterator[Trait]:
    rng = np.random.default_rng(0)
    is_own = gathered.labels[places] == number
    own, rest = some(places[is_own], _MOST_OF_CLASS, rng), some(places[~is_own], _MOST_OF_REST, rng)
    if min(len(own), len(rest)) < LEAST_IMAGES:
        return
    both, positive = np.concatenate([own, rest]), np.repeat([True, False], [len(own), len(rest)])
    scores = _left_out(inputs[both], positive)
    if area_under_curve(scores, positive) < TELLING:
        return
    area = bootstrapped(scores, positive)
    whole = area_under_curve(gathered.pred_probs[both, number].astype(float), positive)
    if area.low >= TELLING and area.value - 0.5 >= SHARE_OF_WHOLE * (whole - 0.5):
        order = np.argsort(-scores[positive], kind="stable")
        yield _trait(gathered, number, clue, (area, whole), own[order])


def _left_out(inputs: _Inputs, positive: np.ndarray) -> Scores:
    """Return what logistic regression says of each image, learnt from others."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(
        StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced", max_iter=_TURNS)
    )
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    scores: Scores = cross_val_predict(
        model, inputs, positive, cv=folds, method="decision_function"
    )
    return scores


def _trait(
    gathered: Gathered, number: int, clue: _Clue, areas: tuple[Area, float], own: Places
) -> Trait:
    area, whole = areas
    return Trait(
        clue.kind,
        (gathered.class_names[number],),
        f"Given an image of it and one of another class, {clue.words} say which is which "
        f"in {area.value:.0%} of cases ({area.low:.0%} to {area.high:.0%}); guessing is right in "
        f"50%, the whole image in {whole:.0%}. {clue.warning}",
        {"alone": area.value, "alone_low": area.low, "alone_high": area.high, "whole": whole},
        (gathered.ids(own), gathered.ids(own[::-1])),
        ("most easily told", "least easily told"),
    )
