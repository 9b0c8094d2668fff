"""How well a ranking finds wrong labels, each figure with a bootstrap interval.

Photos are drawn with replacement; what the models said of them stays as it is. So the intervals
tell how far the figures depend on the photos at hand, not on the chance in training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.truth import Labelling
from cleaner.arrays import ItemMask, Labels, PredProbs

RESAMPLES = 1_000
RECALL_SHARES = (0.02, 0.05, 0.10, 0.15, 0.20, 0.30)
PRECISION_SHARES = (0.01, 0.05)
AVERAGE_PRECISION = "average precision"
BEST_F1 = "best F1"
F1_AT_CUT = "F1 at the cut-off"
CALIBRATION_ERROR = "calibration error"
LEAD = "lead in average precision"
_BINS = 15
_NEAR_THE_TOP = 98

_Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Ranking:
    """An order of the photos, by one method.

    Attributes:
        name: of the method.
        suspicion: (item,), the higher the earlier; ties share a place.
        flagged: (item,), what the method's own cut-off takes to be wrong, or None without one.
        pred_probs: (item, class), or None where the method gives none.
    """

    name: str
    suspicion: np.ndarray
    flagged: ItemMask | None = None
    pred_probs: PredProbs | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure from all photos, and the middle 95% of what resampled photos give."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """Return it in points of a hundred, near the top with the digit that still tells."""
        value, low, high = (100 * bound for bound in (self.value, self.low, self.high))
        digits = 2 if value > _NEAR_THE_TOP else 1
        return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"

    def rounded(self) -> list[float]:
        """Return value, low and high as a file keeps them."""
        return [round(bound, 5) for bound in (self.value, self.low, self.high)]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was measured on one labelling; rankings and figures are in one order, ours first."""

    labelling: Labelling
    rankings: tuple[Ranking, ...]
    figures: tuple[dict[str, Interval], ...]

    @property
    def name(self) -> str:
        return self.labelling.name

    def figures_of(self, name: str) -> dict[str, Interval]:
        """Return the figures of the first ranking whose name starts so; none without it."""
        pairs = zip(self.rankings, self.figures, strict=True)
        return next((figures for r, figures in pairs if r.name.startswith(name)), {})


def measured(
    rankings: Sequence[Ranking], labelling: Labelling, *, seed: int
) -> tuple[dict[str, Interval], ...]:
    """Return the figures of each ranking; all are measured on the same resampled photos.

    The lead is that of the first ranking's average precision over this one's. Where only some
    wrong labels are known, only recalls are told: a photo that nobody disputed may be wrong too.

    Raises:
        SystemExit: no label is wrong.
    """
    if not labelling.wrong.any():
        raise SystemExit(f"{labelling.name}: every label is right; there is nothing to find.")
    measures = [_measure(ranking, labelling) for ranking in rankings]
    drawn: list[list[_Figures]] = [[] for _ in rankings]
    for weights in _resamples(labelling.wrong, seed):
        figures = [measure(weights) for measure in measures]
        for found, all_found in zip(figures, drawn, strict=True):
            if AVERAGE_PRECISION in found:
                found[LEAD] = figures[0][AVERAGE_PRECISION] - found[AVERAGE_PRECISION]
            all_found.append(found)
    return tuple(_intervals(all_found) for all_found in drawn)


def _resamples(wrong: ItemMask, seed: int) -> Iterator[np.ndarray]:
    """Yield how often each photo is drawn: first each once, then by chance.

    A draw without any wrong label is drawn again: it has nothing to find.
    """
    rng = np.random.default_rng(seed)
    photos = wrong.size
    yield np.ones(photos)
    for _ in range(RESAMPLES):
        weights = np.zeros(photos)
        while not weights[wrong].any():
            weights = np.bincount(rng.integers(photos, size=photos), minlength=photos).astype(float)
        yield weights


def _intervals(drawn: Sequence[_Figures]) -> dict[str, Interval]:
    whole, *resampled = drawn
    found = {}
    for name, value in whole.items():
        low, high = np.percentile([figures[name] for figures in resampled], [2.5, 97.5])
        found[name] = Interval(value, float(low), float(high))
    return found


def _measure(ranking: Ranking, labelling: Labelling) -> Callable[[np.ndarray], _Figures]:
    """Return a function from weights of the photos to figures."""
    steps = _Steps(ranking.suspicion, labelling.wrong)
    parts: list[Callable[[np.ndarray], _Figures]] = [steps.recalls]
    if labelling.is_complete:
        parts = [steps.precisions, steps.recalls]
        if ranking.flagged is not None:
            parts.append(_AtCut(ranking.flagged, labelling.wrong))
        if ranking.pred_probs is not None:
            parts.append(_Calibration(ranking.pred_probs, labelling.numbers))

    def measure(weights: np.ndarray) -> _Figures:
        return {name: value for part in parts for name, value in part(weights).items()}

    return measure


class _Steps:
    """The ranking as steps of equal suspicion, so that ties are nobody's luck.

    Within a step wrong labels are taken to lie evenly. Average precision is that of
    scikit-learn, which looks at the end of each step.
    """

    def __init__(self, suspicion: np.ndarray, wrong: ItemMask) -> None:
        self._order = np.argsort(-suspicion, kind="stable")
        self._wrong = wrong[self._order]
        self._ends = np.flatnonzero(np.append(np.diff(suspicion[self._order]) != 0, True))

    def curve(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return how many were looked at and how many found after each step, from 0."""
        drawn = weights[self._order]
        looked_at = np.cumsum(drawn)[self._ends]
        found = np.cumsum(drawn * self._wrong)[self._ends]
        return np.append(0, looked_at), np.append(0, found)

    def recalls(self, weights: np.ndarray) -> _Figures:
        looked_at, found = self.curve(weights)
        shares = np.interp(np.array(RECALL_SHARES) * looked_at[-1], looked_at, found) / found[-1]
        return {
            f"recall after {share:.0%}": float(value)
            for share, value in zip(RECALL_SHARES, shares, strict=True)
        }

    def precisions(self, weights: np.ndarray) -> _Figures:
        looked_at, found = self.curve(weights)
        photos, all_wrong = looked_at[-1], found[-1]
        precision = found[1:] / np.maximum(looked_at[1:], 1)
        taken = np.array([*PRECISION_SHARES, all_wrong / photos]) * photos
        names = [*(f"precision at {share:.0%}" for share in PRECISION_SHARES)]
        at_shares = np.interp(taken, looked_at, found) / taken
        right = np.maximum(photos - all_wrong, 1)
        return {
            AVERAGE_PRECISION: float(np.diff(found) @ precision / all_wrong),
            "AUROC": float(np.trapezoid(found / all_wrong, (looked_at - found) / right)),
            **dict(zip([*names, "precision at the noise rate"], at_shares.tolist(), strict=True)),
            BEST_F1: float((2 * found / (looked_at + all_wrong)).max()),
        }


class _AtCut:
    def __init__(self, flagged: ItemMask, wrong: ItemMask) -> None:
        self._flagged, self._wrong = flagged, wrong

    def __call__(self, weights: np.ndarray) -> _Figures:
        found = weights[self._flagged & self._wrong].sum()
        both = weights[self._flagged].sum() + weights[self._wrong].sum()
        return {F1_AT_CUT: float(2 * found / both)}


class _Calibration:
    """Expected calibration error of the predicted class, measured on the given labels.

    Reference: Guo, Pleiss, Sun and Weinberger, ICML 2017; 15 bins of equal width.
    """

    def __init__(self, pred_probs: PredProbs, labels: Labels) -> None:
        confidence = pred_probs.max(axis=1)
        self._bins = np.minimum((confidence * _BINS).astype(np.int64), _BINS - 1)
        # Of a bin's weight, how far being right exceeds the confidence.
        self._excess = (pred_probs.argmax(axis=1) == labels) - confidence

    def __call__(self, weights: np.ndarray) -> _Figures:
        gaps = np.bincount(self._bins, weights * self._excess, minlength=_BINS)
        return {CALIBRATION_ERROR: float(np.abs(gaps).sum() / weights.sum())}


def found_curve(ranking: Ranking, wrong: ItemMask) -> tuple[np.ndarray, np.ndarray]:
    """Return shares of photos looked at, and of wrong labels found by then."""
    looked_at, found = _Steps(ranking.suspicion, wrong).curve(np.ones(wrong.size))
    return looked_at / looked_at[-1], found / found[-1]


def found_early(ranking: Ranking, labelling: Labelling) -> float:
    """Return one figure by which rankings are told better or worse.

    Average precision, or where only some wrong labels are known the area under what is found.
    """
    if labelling.is_complete:
        figures = _Steps(ranking.suspicion, labelling.wrong).precisions(
            np.ones(ranking.suspicion.size)
        )
        return figures[AVERAGE_PRECISION]
    looked_at, found = found_curve(ranking, labelling.wrong)
    return float(np.trapezoid(found, looked_at))
