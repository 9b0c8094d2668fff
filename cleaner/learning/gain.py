"""What cleaning brought: the same recipe once more, on the labels as they were given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from cleaner.estimates.intervals import paired_difference, wilson_interval
from cleaner.learning.photos import plain_batches
from cleaner.learning.training_set import Photo, TrainingSet
from cleaner.progress import Progress, Report

_BATCH_SIZE = 32
_STAGE = "Testing the model"


def differs(given: TrainingSet, reviewed: TrainingSet) -> bool:
    """Tell whether the two sets teach anything different."""

    def taught(photos: TrainingSet) -> set[tuple[str, int]]:
        used = (*photos.train, *photos.validation)
        return {(photo.source.content_hash, photo.label) for photo in used}

    return taught(given) != taught(reviewed)


def predicted(
    model: keras.Model, photos: Sequence[Photo], class_names: Sequence[str], report: Report
) -> dict[str, str]:
    """Return path -> label of every photo that can be read."""
    found: dict[str, str] = {}
    batches = plain_batches(photos, side_px=int(model.input_shape[1]), batch_size=_BATCH_SIZE)
    for number, batch in enumerate(batches):
        report(Progress(_STAGE, number * _BATCH_SIZE, len(photos)))
        best = np.asarray(model(batch.photos.astype(np.float32), training=False)).argmax(axis=1)
        part = photos[number * _BATCH_SIZE :][: len(best)]
        for photo, label, is_readable in zip(part, best, batch.readable, strict=True):
            if is_readable:
                found[photo.path] = class_names[label]
    return found


def measured(before: dict[str, str], after: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the accuracies and the gain, as plain values; a gain above 0 is an improvement.

    Both models answered about the same images, so the interval is that of a paired difference.

    Args:
        before: path -> label by the model of the given labels.
        after: the other model's ``test_predictions``.
    """
    both = [one for one in after if one["path"] in before]
    was_right = np.array([before[one["path"]] == one["true"] for one in both], bool)
    is_right = np.array([one["predicted"] == one["true"] for one in both], bool)
    images, hits = len(both), int(was_right.sum())
    gain, low, high = paired_difference(was_right, is_right)
    return {
        "test_images": images,
        "accuracy_before": hits / images if images else None,
        "accuracy_before_interval": list(wilson_interval(hits, images)),
        "gain": gain if images else None,
        "gain_interval": [low, high],
    }
