"""Out-of-fold probabilities for every image, from a committee over cached features."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import softmax

from cleaner.arrays import (
    CommitteeProbs,
    Groups,
    ItemIds,
    ItemMask,
    Labels,
    MemberWeights,
    PredProbs,
    ViewProbs,
)
from cleaner.errors import TooFewImages
from cleaner.learning import folds
from cleaner.learning.calibration import calibrated
from cleaner.learning.heads import HEADS, Head, TrainingData
from cleaner.learning.stored import SomeFeatures
from cleaner.noise import estimate
from cleaner.predictions import LEAST_PROBABILITY, OutOfFold, RidgeFit, pooled
from cleaner.progress import Report, silent
from cleaner.settings import ScoreSettings

_TINY = 1e-9
# Weights are found on a sample of this many probabilities a member, in a few turns.
_SAMPLE = 250_000
_TURNS = 5
ONE_CLASS = (
    "Only one class has images to learn from. Add a second class folder with at least one "
    "image: labels can only be doubted against another class."
)


@dataclass(frozen=True, slots=True)
class Examples:
    """What a round judges.

    Attributes:
        item_ids: (item,).
        view_features: one (view, item, feature) array a backbone, or on disk.
        labels: (item,), index of the current label.
        class_names: in the order of the labels.
        groups: (item,), duplicates share a number.
        sealed: (item,), the test split, which trains nothing.
    """

    item_ids: ItemIds
    view_features: tuple[SomeFeatures, ...]
    labels: Labels
    class_names: tuple[str, ...]
    groups: Groups
    sealed: ItemMask

    def named(self, labels: Labels) -> list[str]:
        """Return the classes that these numbers stand for."""
        return [self.class_names[label] for label in labels.tolist()]


def out_of_fold(
    examples: Examples,
    settings: ScoreSettings,
    report: Report = silent,
    more_heads: Mapping[str, Head] | None = None,
    kept_in: Path | None = None,
) -> OutOfFold:
    """Judge every image by models that never saw it nor a duplicate of it.

    Args:
        examples: what is judged.
        settings: how.
        report: hears how far it is.
        more_heads: sit on the committee beside those of the shelf.
        kept_in: a folder for what the next round of these images need not compute again.

    Raises:
        TooFewImages: fewer than two classes have images to train on.
    """
    labels, sealed, class_names = examples.labels, examples.sealed, examples.class_names
    if np.unique(examples.groups[~sealed]).size < 2:
        raise TooFewImages(
            "All images are copies of one picture. Add other pictures: nothing can be learnt "
            "from one alone."
        )
    if np.unique(labels[~sealed]).size < 2:
        raise TooFewImages(ONE_CLASS)
    rng = np.random.default_rng(settings.seed)
    fold = folds.stratified(labels, examples.groups, folds=settings.folds, sealed=sealed, rng=rng)
    data = TrainingData(
        examples.view_features,
        labels,
        len(class_names),
        examples.groups,
        fold,
        settings.seed,
        kept_in,
    )
    heads = {**HEADS, **(more_heads or {})}
    votes = _votes(heads, data, report)
    pool = combined(votes.committee, labels, ~sealed)
    return OutOfFold(
        item_ids=examples.item_ids,
        class_names=class_names,
        pred_probs=pool.probs,
        view_probs=votes.views,
        committee_probs=votes.committee,
        member_names=tuple(heads),
        fold=fold,
        model_id=_model_id(settings, class_names),
        weights=pool.weights,
        scale=pool.scale,
        refit=votes.refit,
        refit_member=list(heads).index("ridge"),
        likeness=data.geometry.alike.astype(np.float16),
    )


class _Votes(NamedTuple):
    """What the heads say, in their order; the views' mean over those that tell of each."""

    committee: CommitteeProbs
    views: ViewProbs
    refit: RidgeFit | None


def _votes(heads: Mapping[str, Head], data: TrainingData, report: Report) -> _Votes:
    """Ask one head after the other, and keep float32: of many classes nothing takes more memory."""
    committee = np.empty((len(heads), data.labels.size, data.class_count), np.float32)
    views, voices, refit = np.zeros((1, *committee.shape[1:]), np.float32), 0, None
    for place, (name, head) in enumerate(heads.items()):
        vote = head(data, report)
        committee[place] = vote.pred_probs
        if vote.view_probs is not None:
            views = vote.view_probs + views
            voices += 1
        if name == "ridge":
            refit = vote.refit
    views /= max(1, voices)
    return _Votes(committee, views, refit)


@dataclass(frozen=True, slots=True)
class Pool:
    """What the members say together.

    Attributes:
        probs: (item, class), the softmax of `scale` times the pooled log-probabilities.
        weights: (member,), how much each member's log-probabilities count.
        scale: calibrates the pool.
    """

    probs: PredProbs
    weights: MemberWeights
    scale: float


def combined(committee: CommitteeProbs, labels: Labels, trains: ItemMask) -> Pool:
    """Return the committee's calibrated probabilities and how they were pooled."""
    some = _sample(np.flatnonzero(trains), committee.shape[2])
    weights = member_weights(committee[:, some], labels[some])
    found = calibrated(pooled(committee, weights), labels, trains)
    return Pool(found.probs, weights, found.scale)


def member_weights(committee: CommitteeProbs, labels: Labels) -> MemberWeights:
    """Return (member,): the weight of each member's log-probabilities, 0 or more.

    They are those under which the left-out labels are most likely, the noise of the labels
    allowed for: without it, members that hedge their bets against wrong labels would count
    for more than those that know the classes. A member that adds nothing gets 0.

    Reference: Genest and Zidek, Statistical Science 1 (1986), on logarithmic pools. We differ
    in the noise, which is estimated in turns with the weights.
    """
    some = _sample(np.arange(labels.size), committee.shape[2])
    logs, labels = _logs(committee[:, some]), labels[some]
    weights = _likeliest(logs, np.eye(committee.shape[2])[labels], np.ones(len(committee)))
    for _ in range(_TURNS):
        before = weights
        noise = estimate(softmax(_pooled(logs, weights), axis=1), labels)
        weights = _likeliest(logs, noise.transition[:, labels].T, before)
        if np.allclose(before, weights, rtol=0.02, atol=0.01):
            break
    return weights


def _sample(items: np.ndarray, classes: int) -> np.ndarray:
    """Return those of the items that weights are found on; of a sample, itself."""
    return items[:: max(1, items.size * classes // _SAMPLE)]


def _likeliest(logs: CommitteeProbs, chances: PredProbs, start: MemberWeights) -> MemberWeights:
    """Return the weights that maximise the likelihood of labels.

    Args:
        logs: (member, item, class), log-probabilities of the true class.
        chances: (item, class), how probable each class makes the label that was given.
        start: where to begin.
    """

    def loss(weights: MemberWeights) -> tuple[float, MemberWeights]:
        probs = softmax(_pooled(logs, weights), axis=1)
        joint = probs * chances
        likelihood = np.maximum(joint.sum(axis=1), _TINY)
        surplus = (probs - joint / likelihood[:, None]) / len(probs)
        gradient: MemberWeights = np.tensordot(logs, surplus, axes=2)
        return float(-np.log(likelihood).mean()), gradient

    bounds = [(0, None)] * len(logs)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    weights: MemberWeights = found.x
    return weights


def _logs(committee: CommitteeProbs) -> CommitteeProbs:
    logs: CommitteeProbs = np.log(np.maximum(committee, LEAST_PROBABILITY, dtype=np.float64))
    return logs


def _pooled(logs: CommitteeProbs, weights: MemberWeights) -> PredProbs:
    pooled: PredProbs = np.tensordot(weights, logs, axes=1)
    return pooled


def _model_id(settings: ScoreSettings, class_names: Sequence[str]) -> str:
    recipe = json.dumps([settings.as_json(), list(HEADS), list(class_names)])
    digest = hashlib.sha256(recipe.encode()).hexdigest()[:8]
    return f"{'+'.join(settings.backbones)}-{settings.views}views-{digest}"
