"""When a model had better answer "unknown": below a probability that follows from known images.

Reference: Hendrycks and Gimpel, A Baseline for Detecting Misclassified and Out-of-Distribution
Examples in Neural Networks, ICLR (2017), on the maximum softmax probability. The energy of the
scores (Liu et al., NeurIPS 2020) needs them as they are before the softmax, which no shipped
model gives away.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cleaner.arrays import LabelQuality
from cleaner.classifier import Classifier
from cleaner.errors import ImageRejected
from cleaner.estimates.intervals import wilson_interval
from cleaner.learning.training_set import Photo
from cleaner.progress import Report
from cleaner.unknowns import is_unknown

FALSE_REJECTIONS = 0.05
# More say little new of one number.
_MOST_IMAGES = 2_000


def threshold(confidence: LabelQuality, false_rejections: float = FALSE_REJECTIONS) -> float | None:
    """Return the probability below which the answer is "unknown"; None where images are too few.

    Of further images like these, no more than that share is expected below it, whatever their
    distribution (Vovk et al., Algorithmic Learning in a Random World, 2005): it is one of their
    own values, counted from the least.

    >>> threshold(np.linspace(0.01, 1, 100))
    0.05
    """
    place = math.floor(false_rejections * (len(confidence) + 1) + 1e-9)
    return float(np.sort(confidence)[place - 1]) if place else None


def measured(
    classifier: Classifier,
    validation: Sequence[Photo],
    test_predictions: Sequence[dict[str, Any]],
    report: Report,
) -> dict[str, Any]:
    """Return what a receipt says of the answer "unknown": when it is given, and how often wrongly.

    Args:
        classifier: the model that is shipped.
        validation: photos by which the threshold is chosen.
        test_predictions: as `evaluate` returns them, of images that chose nothing.
        report: told how far it is, and may stop it.
    """
    names = classifier.class_names
    known = [photo for photo in validation if not is_unknown(names[photo.label])][:_MOST_IMAGES]
    found = threshold(_confidence(classifier, known, report))
    rejected = [_is_rejected(one, found or 0.0) for one in test_predictions]
    pairs = list(zip(test_predictions, rejected, strict=True))
    of_known = [(one, out) for one, out in pairs if not is_unknown(one["true"])]
    of_none = [out for one, out in pairs if is_unknown(one["true"])]
    answered = [one["true"] == one["predicted"] for one, out in of_known if not out]
    return {
        "score": "maximum softmax probability",
        "threshold": found,
        "wanted_false_rejections": FALSE_REJECTIONS,
        "validation_images": len(known),
        "classes": [name for name in names if is_unknown(name)],
        **_shares("false_rejections", [out for _, out in of_known]),
        **_shares("accuracy_of_answered", answered),
        **_shares("caught", of_none),
    }


def _confidence(classifier: Classifier, photos: Sequence[Photo], report: Report) -> LabelQuality:
    """Return the probability of each answer; 0 where it is a class of unknown things."""
    unknown = np.array([is_unknown(name) for name in classifier.class_names])
    outcomes = classifier.predict_files([photo.source.path for photo in photos], report)
    return np.array(
        [
            0.0 if unknown[probs.argmax()] else float(probs.max())
            for _path, probs in outcomes
            if not isinstance(probs, ImageRejected)
        ]
    )


def _is_rejected(prediction: dict[str, Any], least: float) -> bool:
    return is_unknown(prediction["predicted"]) or prediction["probability"] < least


def _shares(name: str, hits: Sequence[bool]) -> dict[str, Any]:
    return {
        name: sum(hits) / len(hits) if hits else None,
        f"{name}_interval": list(wilson_interval(sum(hits), len(hits))),
        f"{name}_of": len(hits),
    }
