"""In which order images are drawn at random to be looked at blind.

Every image nobody has decided about gets a place, once, in each band of suspicion for itself:
whoever looks at the first images of a band, in the order of their places, has looked at a random
sample of it, however many they are. Within a band the classes take turns in proportion to their
sizes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cleaner.arrays import Bands, ItemMask, LabelQuality, Labels, Places

# What the queue puts up, what is doubtful, and the rest: with more bands, each would be known
# from fewer images, and most of the errors that are left are in bands where hardly one is found.
FLAGGED, DOUBTFUL, TRUSTED = range(3)
# The model may be sure of wrong labels. No image counts for less than one with this chance of
# being wrong, so a large band of trusted images is not judged by a handful of them.
LEAST_CHANCE = 0.01
# Of each band at least so many come among the first `usual_size`.
LEAST_DRAWN = 5
# And of what the queue puts up at most such a share. All of it is going to be reviewed, so little
# is learnt from drawing more, and whoever reviews a drawn image is not told why it is suspect.
MOST_FLAGGED = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Lots:
    """What was drawn.

    Attributes:
        band: (item,), FLAGGED, DOUBTFUL or TRUSTED.
        place: (item,), 0..1 and beyond: as many images of a band lie below a place as it has
            images, times its weight, times the place.
    """

    band: Bands
    place: Places


def usual_size(images: int) -> int:
    """Return how many of so many images are drawn unless a person says otherwise."""
    return min(200, -(-images // 5))


def draw(wrong: LabelQuality, labels: Labels, flagged: ItemMask, rng: np.random.Generator) -> Lots:
    """Return the band and the place of every image.

    Bands are weighted by the standard deviation that their chances of being wrong cause (Neyman,
    Journal of the Royal Statistical Society 97, 1934), with LEAST_CHANCE as the least, and what is
    flagged as MOST_FLAGGED allows. The other two share what is not flagged so that each has half of
    the sum of standard deviations (Dalenius and Hodges, Journal of the American Statistical
    Association 54, 1959).

    Args:
        wrong: (item,), the chance that each label is wrong, 0..1.
        labels: (item,), index of the current label.
        flagged: (item,), whether the queue puts it up.
        rng: draws.
    """
    spread = _spread(wrong)
    band = _bands(wrong, flagged, spread)
    place = np.zeros(wrong.shape)
    usual_share = usual_size(wrong.size) / max(1, wrong.size)
    weights = _weights(spread, band, MOST_FLAGGED / usual_share)
    for one in (FLAGGED, DOUBTFUL, TRUSTED):
        rows = np.flatnonzero(band == one)
        if not rows.size:
            continue
        weight = max(weights[one], LEAST_DRAWN / (usual_share * rows.size))
        order = rows[_in_turns(labels[rows], rng)]
        place[order] = (np.arange(rows.size) + 0.5) / (rows.size * weight)
    return Lots(band, place)


def _spread(wrong: LabelQuality) -> LabelQuality:
    chance = np.clip(wrong, LEAST_CHANCE, 0.5)
    spread: LabelQuality = np.sqrt(chance * (1 - chance))
    return spread


def _weights(spread: LabelQuality, band: Bands, most_flagged: float) -> dict[int, float]:
    """Return how often each band is drawn from, beside one image in as many as there are."""
    weights = {one: spread[band == one].mean() / spread.mean() for one in np.unique(band).tolist()}
    flagged = float(np.mean(band == FLAGGED))
    if flagged < 1 and weights.get(FLAGGED, 0.0) > most_flagged:
        left = (1 - flagged * most_flagged) / (1 - flagged * weights[FLAGGED])
        weights = {one: weight * left for one, weight in weights.items()}
        weights[FLAGGED] = most_flagged
    return weights


def _bands(wrong: LabelQuality, flagged: ItemMask, spread: LabelQuality) -> Bands:
    band: Bands = np.full(wrong.shape, TRUSTED, np.int64)
    band[flagged] = FLAGGED
    others = np.flatnonzero(~flagged)
    others = others[np.argsort(-wrong[others], kind="stable")]
    reached = np.cumsum(spread[others])
    if others.size >= 2 * LEAST_DRAWN:
        band[others[reached <= reached[-1] / 2]] = DOUBTFUL
    return band


def _in_turns(labels: Labels, rng: np.random.Generator) -> Labels:
    """Return the rows in a random order in which each class comes up as often as its size says."""
    key = np.empty(labels.shape)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        key[rng.permutation(rows)] = (np.arange(rows.size) + rng.random()) / rows.size
    order: Labels = np.argsort(key, kind="stable")
    return order
