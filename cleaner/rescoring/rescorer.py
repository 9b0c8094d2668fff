"""Decisions become new standings of all images."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from cleaner.arrays import Groups, ItemMask, PredProbs
from cleaner.predictions import OutOfFold, pooled
from cleaner.rescoring import mixing
from cleaner.rescoring.kept import Kept, Opening
from cleaner.rescoring.linear import Linear
from cleaner.rescoring.mixing import Mixture
from cleaner.rescoring.testimony import testimony_of
from cleaner.standings import Standard, Standings, Verdict


def kept_of(
    prediction: OutOfFold,
    verdict: Verdict,
    *,
    groups: Groups,
    sealed: ItemMask,
    opening: Opening,
) -> Kept | None:
    """Return what decisions are followed from, or None where no member can follow."""
    fit = prediction.refit
    if fit is None or verdict.standard.signal not in mixing.FOLLOWED:
        return None
    frozen = prediction.scale * prediction.weights
    share = float(frozen[prediction.refit_member])
    frozen[prediction.refit_member] = 0
    standings = verdict.standings
    return Kept(
        rows=fit.rows,
        fitted=np.ascontiguousarray(fit.fitted.T),
        others=pooled(prediction.committee_probs, frozen).T.astype(np.float32, order="C"),
        lonely=verdict.grounds.lonely,
        leverage=fit.leverage,
        labels=standings.labels,
        trains=~sealed,
        confirmed=verdict.confirmed,
        groups=groups,
        item_ids=prediction.item_ids,
        doubted=np.sort(standings.quality[standings.flagged]),
        trusted=np.sort(standings.quality[~standings.flagged]),
        voices=verdict.grounds.voices,
        standard=_between(verdict.standard, standings),
        scale=fit.scale,
        share=share,
        class_names=prediction.class_names,
        opening=opening,
        testimony=testimony_of(prediction, standings),
    )


def _between(standard: Standard, standings: Standings) -> Standard:
    """Put the cut halfway to the next image: the one at it must not leave by a rounding error."""
    if standard.cut < 0:
        return standard
    above = standings.quality[standings.quality > standard.cut]
    return replace(standard, cut=float(standard.cut + above.min(initial=1.0)) / 2)


class Rescorer:
    """The standings of a round's images, kept in step with what is decided about them.

    Agrees with a ridge that is solved anew on the same labels, with the same penalty,
    temperatures and weights, to about 1e-5 of a probability. Images the round did not judge
    are passed over. What is fitted is taken over and written to (see `kept.read`).
    """

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        self._linear = Linear(
            kept.rows, kept.fitted, kept.leverage, kept.labels, kept.trains, kept.groups
        )
        self._mixture = Mixture(kept.others, kept.scale, kept.share)
        self._confirmed = kept.confirmed.copy()
        self._place = {int(item_id): place for place, item_id in enumerate(kept.item_ids)}
        self._index = {name: index for index, name in enumerate(kept.class_names)}

    def follow(
        self, targets: Mapping[int, str | None], confirmed: Collection[int] = ()
    ) -> np.ndarray:
        """Bring images to the labels they have now and return their places.

        Saying the same twice changes nothing, so it does not matter how often a decision is
        told of.

        Args:
            targets: the current label of each image, or None for one that is excluded. A class
                that the round did not know is learnt in the next one; until then such an image
                teaches nothing.
            confirmed: which of these images have a label that a person vouches for now.
        """
        pairs = [
            (self._place[item_id], -1 if label is None else self._index.get(label, -1))
            for item_id, label in targets.items()
            if item_id in self._place
        ]
        places, labels = np.array(pairs, np.int64).reshape(-1, 2).T
        self._confirmed[places] = np.isin(self.kept.item_ids[places], list(confirmed))
        known = labels >= 0
        taught = self._linear.trains[places]
        self._linear.leave(places[taught & ~known])
        differs = known & (labels != self._linear.labels[places])
        self._linear.relabel(places[differs], labels[differs])
        # A sealed image trains nothing, whatever is decided about it.
        self._linear.rejoin(places[known & ~taught & self.kept.trains[places]])
        return places

    def standings(self) -> Standings:
        """Return how all images stand now."""
        return mixing.standings(self._linear, self._mixture, self.kept.standard, self._confirmed)

    def probabilities(self) -> PredProbs:
        """Return what the committee says of each image, out of fold: (item, class)."""
        return mixing.probabilities(self._linear, self._mixture)

    def positions(self, standings: Standings) -> np.ndarray:
        """Return the rank that each image would have had in the round's ranking.

        Those up for review come first; within them and within the others it rises with the
        quality, so items keep their order when only those that moved are given a new one.
        Items of one position are told apart by being up for review, then by their quality.
        """
        return np.where(
            standings.flagged,
            np.searchsorted(self.kept.doubted, standings.quality),
            len(self.kept.doubted) + np.searchsorted(self.kept.trusted, standings.quality),
        )
