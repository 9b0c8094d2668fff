"""Label quality becomes a review queue: who is flagged, in which order, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, overload

import numpy as np

from cleaner.arrays import ClassMask, ItemIds, ItemMask, LabelQuality, Labels
from cleaner.noise import estimate
from cleaner.predictions import Evidence
from cleaner.signals import SIGNALS
from cleaner.signals.neighbours import MEMBER
from cleaner.standings import LONELY_VOTE, Grounds, Standard, Standings, Teller, Verdict, Voices

# From this estimated share of wrong labels on, the chance that a label is right ranks better
# than confidence, which is best below it (docs/method.md).
NOISY = 0.25
# The odds of an error are taken to be this many times what the noise model says. It lets noise
# depend on the class alone, while people mistake hard pictures more often than easy ones, so it
# finds too few of human errors. Where nearly every error can be told from the picture there are
# hardly any hard ones: from an expected F1 score of CLEAR on, caution shrinks to none at 1.
CAUTION = 2.0
CLEAR = 0.9
# No label with a smaller chance of being wrong is put up for review.
LEAST_CHANCE = 0.1
# Of the signals that are kept beside the rank: it decides between those that this makes equal.
_DECIMALS = 4
# Every decision brings this one up to date, so it is not kept among those of the round.
_OWN_COLUMN = "self_confidence"
_ROWS_AT_ONCE = 4_096


def fitting(evidence: Evidence) -> Standard:
    """Return the standard that fits the noise of the labels nobody confirmed."""
    in_doubt = ~_confirmed(evidence)
    probs, labels = evidence.pred_probs[in_doubt], evidence.labels[in_doubt]
    noise = estimate(probs, labels)
    signal = "label_posterior" if noise.rate >= NOISY else "balanced_confidence"
    quality = SIGNALS[signal](Evidence(labels, probs, noise=noise))
    right = noise.posterior(probs, labels)
    _, clarity = best_cut(quality, right)
    caution = 1 + (CAUTION - 1) * min(1.0, (1 - clarity) / (1 - CLEAR))
    cut, _ = best_cut(quality, right / (right + caution * (1 - right)))
    return Standard(signal, noise, cut)


def best_cut(quality: LabelQuality, right: LabelQuality) -> tuple[float, float]:
    """Return the quality up to which to review for the best expected F1 score, and that score.

    With `right` the chance that each label is right, the first k labels in order of quality
    hold an expected sum(1 - right) errors; precision and recall of every k follow from it.

    Reference: Ye, Chai, Lee and Chieu, ICML (2012), on cuts that optimise the expected F1.
    """
    order = np.argsort(quality, kind="stable")
    wrong = 1 - right[order]
    # Where hardly an error is expected, the best cut of all would be to review everything.
    worth_a_look = np.flatnonzero(wrong >= LEAST_CHANCE)
    if not worth_a_look.size:
        return -1.0, 1.0
    errors = np.cumsum(wrong)
    expected = 2 * errors / (np.arange(1, wrong.size + 1) + errors[-1])
    best = int(expected[: worth_a_look[-1] + 1].argmax())
    return float(quality[order[best]]), float(expected[best])


def build(
    item_ids: ItemIds,
    evidence: Evidence,
    class_names: Sequence[str],
    standard: Standard | None = None,
) -> list[dict[str, Any]]:
    """Return one row an item, worst first, as `store.rounds.open_round` takes them.

    An image is flagged if its label quality is below the cut of the standard and no person
    has confirmed its label. Ties break by id, so that the same scores give the same queue.
    """
    return list(ranked(item_ids, judged(evidence, standard), class_names))


def ranked(item_ids: ItemIds, verdict: Verdict, class_names: Sequence[str]) -> Ranking:
    """Return the rows that `build` does, of labels that were judged before."""
    found = verdict.standings
    order = np.lexsort((item_ids, found.quality, ~found.flagged))
    kept = {name: said for name, said in verdict.signals.items() if name != _OWN_COLUMN}
    return Ranking(Teller(item_ids, class_names, found, verdict.grounds), order, kept)


class Ranking(Sequence[dict[str, Any]]):
    """A row an item, worst first, made when it is asked for: of a million they take 2 GB.

    Args:
        teller: makes the rows but for the signals.
        order: (item,), places of the items, the worst first.
        signals: name -> (item,), what is kept beside the rank.
    """

    def __init__(
        self, teller: Teller, order: np.ndarray, signals: Mapping[str, LabelQuality]
    ) -> None:
        self._teller = teller
        self._order = order
        self._signals = signals

    def __len__(self) -> int:
        return len(self._order)

    @overload
    def __getitem__(self, positions: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, positions: slice) -> list[dict[str, Any]]: ...

    def __getitem__(self, positions: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        if isinstance(positions, slice):
            return list(self._rows(range(len(self))[positions]))
        (row,) = self._rows([range(len(self))[positions]])
        return row

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for top in range(0, len(self), _ROWS_AT_ONCE):
            yield from self[top : top + _ROWS_AT_ONCE]

    def _rows(self, positions: Sequence[int]) -> Iterator[dict[str, Any]]:
        places = self._order[list(positions)]
        kept = {
            name: quality[places].round(_DECIMALS).tolist()
            for name, quality in self._signals.items()
        }
        said = (dict(zip(kept, values, strict=True)) for values in zip(*kept.values(), strict=True))
        rows = self._teller.rows(places.tolist(), positions)
        return (row | {"signals": signals} for row, signals in zip(rows, said, strict=True))


def judged(evidence: Evidence, standard: Standard | None = None) -> Verdict:
    """Hold each label to the standard, or to the one that fits the noise of the labels."""
    standard = standard or fitting(evidence)
    labels, probs, confirmed = evidence.labels, evidence.pred_probs, _confirmed(evidence)
    evidence = replace(evidence, noise=standard.noise)
    signals = {name: signal(evidence) for name, signal in SIGNALS.items()}
    quality = signals[standard.signal]
    flagged = standard.flagged(quality, confirmed)
    suggested = _suggestions(evidence, flagged)
    standings = Standings(
        labels=labels,
        self_confidence=signals["self_confidence"],
        quality=quality,
        suggested=suggested,
        confidence=probs[np.arange(len(labels)), suggested],
        flagged=flagged,
    )
    return Verdict(standard, confirmed, standings, _grounds(evidence, signals), signals)


def _grounds(evidence: Evidence, said: Mapping[str, LabelQuality]) -> Grounds:
    """Return the views and the models, as far as there are any, and which labels are lonely."""
    apart = [("views", evidence.view_probs), ("models", evidence.committee_probs)]
    signals = {"views": "view_disagreement", "models": "committee_disagreement"}
    voices = tuple(
        Voices(noun, said[signals[noun]], probs.argmax(axis=2))
        for noun, probs in apart
        if probs is not None
    )
    return Grounds(voices, _lonely(evidence))


def _lonely(evidence: Evidence) -> ClassMask:
    """Ask of every label what the signal `neighbours` asks of the current one."""
    lonely: ClassMask = np.zeros(evidence.pred_probs.shape[::-1], bool)
    if evidence.committee_probs is not None and MEMBER in evidence.member_names:
        votes = evidence.committee_probs[evidence.member_names.index(MEMBER)]
        lonely = votes.T < LONELY_VOTE
    return lonely


def _confirmed(evidence: Evidence) -> ItemMask:
    if evidence.confirmed is None:
        return np.zeros(len(evidence.labels), bool)
    return evidence.confirmed


def _suggestions(evidence: Evidence, flagged: ItemMask) -> Labels:
    """Return the predicted label; for a flagged one that agrees with it, the best rival."""
    rows = np.arange(len(evidence.labels))
    rivals = evidence.pred_probs.copy()
    rivals[rows[flagged], evidence.labels[flagged]] = -1
    suggested: Labels = rivals.argmax(axis=1)
    return suggested
