"""Out-of-fold probabilities for every image, from a committee over cached features."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from cleaner.arrays import (
    CommitteeProbs,
    Groups,
    ItemIds,
    ItemMask,
    Labels,
    PredProbs,
    Shares,
    ViewFeatures,
)
from cleaner.errors import TooFewImages
from cleaner.learning import folds
from cleaner.learning.heads import HEADS, TrainingData
from cleaner.learning.heads.ridge import calibrated
from cleaner.predictions import LEAST_PROBABILITY, OutOfFold
from cleaner.progress import Report, silent
from cleaner.settings import ScoreSettings

# Shares of the vote that are tried for each member.
_SHARES = np.linspace(0, 1, 11)
ONE_CLASS = (
    "Only one class has images to learn from. Add a second class folder with at least one "
    "image: labels can only be doubted against another class."
)


@dataclass(frozen=True, slots=True)
class Examples:
    """What a round judges.

    Attributes:
        item_ids: (item,).
        view_features: one (view, item, feature) array a backbone.
        labels: (item,), index of the current label.
        class_names: in the order of the labels.
        groups: (item,), duplicates share a number.
        sealed: (item,), the test split, which trains nothing.
    """

    item_ids: ItemIds
    view_features: tuple[ViewFeatures, ...]
    labels: Labels
    class_names: tuple[str, ...]
    groups: Groups
    sealed: ItemMask


def out_of_fold(examples: Examples, settings: ScoreSettings, report: Report = silent) -> OutOfFold:
    """Judge every image by models that never saw it nor a duplicate of it.

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
        examples.view_features, labels, len(class_names), examples.groups, fold, settings.seed
    )
    votes = {name: head(data, report) for name, head in HEADS.items()}
    committee = np.stack([vote.pred_probs for vote in votes.values()])
    views = [vote.view_probs for vote in votes.values() if vote.view_probs is not None]
    mixture = combined(committee, labels, ~sealed)
    return OutOfFold(
        item_ids=examples.item_ids,
        class_names=class_names,
        pred_probs=mixture.probs,
        view_probs=np.mean(views, axis=0),
        committee_probs=committee,
        member_names=tuple(votes),
        fold=fold,
        model_id=_model_id(settings, class_names),
        shares=mixture.shares,
        scale=mixture.scale,
        refit=votes["ridge"].refit,
        refit_member=list(votes).index("ridge"),
    )


@dataclass(frozen=True, slots=True)
class Mixture:
    """What the members say together.

    Attributes:
        probs: (item, class), the softmax of `scale` times the mixed log-probabilities.
        shares: (member,), how much of each member is mixed in; they sum to 1.
        scale: calibrates the mixture.
    """

    probs: PredProbs
    shares: Shares
    scale: float


def combined(committee: CommitteeProbs, labels: Labels, trains: ItemMask) -> Mixture:
    """Return the committee's calibrated probabilities and how they were mixed.

    Log-probabilities are averaged with the weights that give the left-out labels the least
    log loss, found one member after another.
    """
    logs = np.log(np.maximum(committee, LEAST_PROBABILITY))
    mixed, shares = logs[0], np.ones(1)
    for other in logs[1:]:
        candidates = [(1 - share) * mixed + share * other for share in _SHARES]
        losses = [_log_loss(candidate, labels, trains) for candidate in candidates]
        best = int(np.argmin(losses))
        mixed = candidates[best]
        shares = np.append((1 - _SHARES[best]) * shares, _SHARES[best])
    found = calibrated(mixed, labels, trains)
    return Mixture(found.probs, shares, found.scale)


def _log_loss(logits: np.ndarray, labels: Labels, trains: ItemMask) -> float:
    probs = softmax(logits[trains], axis=1)
    own = probs[np.arange(probs.shape[0]), labels[trains]]
    return float(-np.log(np.maximum(own, LEAST_PROBABILITY)).mean())


def _model_id(settings: ScoreSettings, class_names: Sequence[str]) -> str:
    recipe = json.dumps([settings.as_json(), list(HEADS), list(class_names)])
    digest = hashlib.sha256(recipe.encode()).hexdigest()[:8]
    return f"{'+'.join(settings.backbones)}-{settings.views}views-{digest}"
