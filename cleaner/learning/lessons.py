"""What is taught of each photo: its label, softened, and what the committee makes of the photo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cleaner.arrays import Labels, PredProbs
from cleaner.learning.training_set import Photo, labels_of
from cleaner.settings import TrainSettings

# Content hash -> (class,), probabilities.
Teacher = Mapping[str, np.ndarray]

# Powers of a class's share that a photo's weight is one over.
_POWERS = {"root": 0.5, "inverse": 1.0, "none": 0.0}


@dataclass(frozen=True, slots=True)
class Lessons:
    """Targets and weights of photos; see `TrainSettings` for what shapes them.

    Attributes:
        class_weights: (class,), float32.
        label_smoothing: 0..1.
        teacher: who has a say beside the labels.
        distil: how much of a say, 0..1.
    """

    class_weights: np.ndarray
    label_smoothing: float
    teacher: Teacher = field(repr=False)
    distil: float

    def wanted(self, photos: Sequence[Photo]) -> PredProbs:
        """Return (item, class), rows sum to 1; a photo the teacher never saw has its label alone.

        The teacher's share is taken out of the label's before smoothing. At a temperature of 1
        this is distillation: the loss is linear in the target.

        Reference: Hinton, Vinyals and Dean, Distilling the Knowledge in a Neural Network, 2015.
        Our teacher never saw the photo, so that it does not repeat a label it has learnt by heart.
        """
        targets = np.eye(len(self.class_weights), dtype=np.float32)[labels_of(photos)]
        if self.distil:
            for row, photo in zip(targets, photos, strict=True):
                said = self.teacher.get(photo.source.content_hash)
                if said is not None:
                    row[:] = (1 - self.distil) * row + self.distil * said
        return self._smoothed(targets)

    def tested(self, labels: Labels) -> PredProbs:
        """Return the targets that validation goes by, whoever teaches."""
        return self._smoothed(np.eye(len(self.class_weights), dtype=np.float32)[labels])

    def _smoothed(self, targets: np.ndarray) -> PredProbs:
        smoothing = np.float32(self.label_smoothing)
        smoothed: PredProbs = (1 - smoothing) * targets + smoothing / targets.shape[1]
        return smoothed


def lessons_of(
    photos: Sequence[Photo], class_count: int, settings: TrainSettings, teacher: Teacher
) -> Lessons:
    """Return what the training photos teach."""
    weights = class_weights(labels_of(photos), class_count, settings.class_weights)
    return Lessons(weights, settings.label_smoothing, teacher, settings.distil)


def class_weights(labels: Labels, class_count: int, kind: str = "root") -> np.ndarray:
    """Return a weight a class, 1 on the average image: rarer classes weigh more.

    By default by the root of the inverse frequency: the full inverse lets the noise of a class
    of five images drown the rest.
    """
    counts = np.bincount(labels, minlength=class_count)
    weights = 1 / np.maximum(counts, 1) ** _POWERS[kind]
    return np.asarray(weights / np.average(weights, weights=counts), np.float32)
