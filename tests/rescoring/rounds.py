"""A round on made-up features, and the same round solved anew after decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from scipy.special import softmax

from cleaner import queue
from cleaner.arrays import ItemMask, Labels, PredProbs
from cleaner.learning.heads import TrainingData
from cleaner.learning.inputs import joined
from cleaner.learning.scoring import Examples, out_of_fold
from cleaner.predictions import LEAST_PROBABILITY, Evidence, OutOfFold
from cleaner.rescoring import Kept, Opening, Rescorer, kept_of
from cleaner.settings import ScoreSettings
from cleaner.standings import Verdict
from tests.learning.samples import noisy_classes

CLASS_NAMES = ("a", "b", "c", "d")
# Puts up enough to decide about, whatever the noise is.
CUT = 0.5
TINY_ROUND = ScoreSettings(views=2, folds=2)


@dataclass(frozen=True)
class SolvedRound:
    """What a round was given, what it said, and what it left for decisions."""

    examples: Examples
    prediction: OutOfFold
    kept: Kept

    def rescorer(self) -> Rescorer:
        """Return one of its own; it writes into what it is given."""
        return Rescorer(replace(self.kept, fitted=self.kept.fitted.copy()))


@cache
def solved_round(rows: type = np.float64, signal: str = "balanced_confidence") -> SolvedRound:
    """Return a round of 90 with 9 sealed, 9 labelled wrong, a pair and a triple of duplicates."""
    data, _ = noisy_classes(items=90, wrong=9)
    examples = _with_duplicates(data)
    prediction = out_of_fold(examples, TINY_ROUND)
    evidence = evidence_of(examples.labels, prediction, prediction.pred_probs)
    verdict = queue.judged(evidence, replace(queue.fitting(evidence), signal=signal, cut=CUT))
    kept = kept_of(
        prediction,
        verdict,
        groups=examples.groups,
        sealed=examples.sealed,
        opening=Opening("2026-01-01T00:00:00+00:00", 0),
    )
    assert kept is not None
    return SolvedRound(examples, prediction, replace(kept, rows=kept.rows.astype(rows)))


def evidence_of(
    labels: Labels, prediction: OutOfFold, probs: PredProbs, confirmed: ItemMask | None = None
) -> Evidence:
    """Return the evidence as a round gathers it, the committee's probabilities being these."""
    return Evidence(
        labels,
        probs,
        prediction.view_probs,
        prediction.committee_probs,
        member_names=prediction.member_names,
        confirmed=confirmed,
    )


def _with_duplicates(data: TrainingData) -> Examples:
    features, groups = np.asarray(data.view_features[0]), data.groups.copy()
    rng = np.random.default_rng(data.seed)
    for original, copies in ((20, [3]), (30, [4, 31])):
        noise = 0.01 * rng.random((features.shape[0], len(copies), features.shape[2]))
        features[:, copies] = features[:, [original]] + noise
        groups[copies] = original
    return Examples(
        item_ids=np.arange(len(groups)) + 100,
        view_features=data.view_features,
        labels=data.labels,
        class_names=CLASS_NAMES,
        groups=groups,
        sealed=data.fold == -1,
    )


def solved_anew(round_: SolvedRound, targets: Mapping[int, str | None]) -> PredProbs:
    """Return the committee's probabilities from a ridge fitted to the decided labels.

    Slow and plain: for every item a model is solved without its group. Penalty, temperatures,
    shares and the other members are those of the round.
    """
    examples, prediction, kept = round_.examples, round_.prediction, round_.kept
    labels, learnt = examples.labels.copy(), ~examples.sealed
    for item_id, label in targets.items():
        place = int(np.flatnonzero(examples.item_ids == item_id)[0])
        if label is None:
            learnt[place] = False
        else:
            labels[place] = CLASS_NAMES.index(label)
    left_out = ridge_solved_anew(round_, labels, learnt)
    committee = prediction.committee_probs.copy()
    committee[prediction.refit_member] = softmax(left_out * kept.scale, axis=1)
    logs = np.log(np.maximum(committee, LEAST_PROBABILITY))
    probs: PredProbs = softmax(
        prediction.scale * np.tensordot(prediction.weights, logs, axes=1), axis=1
    )
    return probs


def judged_anew(
    round_: SolvedRound, targets: Mapping[int, str | None], confirmed: Sequence[int] = ()
) -> Verdict:
    """Return what the queue is built of, from `solved_anew` and the round's own standard."""
    labels = round_.examples.labels.copy()
    for item_id, label in targets.items():
        if label is not None:
            labels[round_.examples.item_ids == item_id] = CLASS_NAMES.index(label)
    mask = np.isin(round_.examples.item_ids, list(confirmed))
    evidence = evidence_of(labels, round_.prediction, solved_anew(round_, targets), mask)
    return queue.judged(evidence, round_.kept.standard)


def ridge_solved_anew(round_: SolvedRound, labels: Labels, learnt: ItemMask) -> PredProbs:
    """Return each item's predictions by a ridge without its group, with the round's penalty."""
    inputs = joined(round_.examples.view_features).rows.astype(np.float64)
    groups, penalty = round_.examples.groups, _penalty(round_, inputs)
    targets = np.eye(len(CLASS_NAMES))[labels]
    predictions: np.ndarray = np.empty_like(targets)
    for item in range(len(inputs)):
        taught = learnt & (groups != groups[item]) if learnt[item] else learnt
        gram = inputs[taught].T @ inputs[taught] + penalty * np.eye(inputs.shape[1])
        weights = np.linalg.solve(gram, inputs[taught].T @ targets[taught])
        predictions[item] = inputs[item] @ weights
    return predictions


def _penalty(round_: SolvedRound, inputs: np.ndarray) -> float:
    """Return the penalty times the number of images, read off the hat matrix."""
    trained = inputs[~round_.examples.sealed]
    eigenvalues = np.linalg.eigvalsh(trained.T @ trained)
    kept = round_.kept.rows[~round_.examples.sealed].astype(np.float64)
    shrunk = np.linalg.eigvalsh(kept.T @ kept)[-1]  # eigenvalue / (eigenvalue + penalty)
    penalty = eigenvalues[-1] * (1 - shrunk) / shrunk
    return float(penalty)
