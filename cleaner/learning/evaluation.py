"""How good a model is on images it never saw: numbers for its receipt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cleaner.arrays import ItemMask, Labels, PredProbs
from cleaner.estimates.intervals import wilson_interval

_BINS = 10


def evaluate(
    pred_probs: PredProbs, labels: Labels, class_names: Sequence[str], paths: Sequence[str]
) -> dict[str, Any]:
    """Return plain values: accuracy with its interval, what each class gets, who is taken for whom.

    Without images the accuracy is None. Rows of the confusion matrix are true classes, its
    columns predicted ones.
    """
    predicted = pred_probs.argmax(axis=1)
    hits = int((predicted == labels).sum())
    confusion = np.zeros((len(class_names), len(class_names)), np.int64)
    np.add.at(confusion, (labels, predicted), 1)
    per_class = [_class_values(confusion, index) for index in range(len(class_names))]
    seen = [values["f1"] for values in per_class if values["images"]]
    return {
        "accuracy": hits / len(labels) if len(labels) else None,
        "accuracy_interval": list(wilson_interval(hits, len(labels))),
        "macro_f1": float(np.mean(seen)) if seen else None,
        "test_images": len(labels),
        "per_class": dict(zip(class_names, per_class, strict=True)),
        "confusion_matrix": confusion.tolist(),
        "calibration": reliability(pred_probs.max(axis=1, initial=0.0), predicted == labels),
        "test_predictions": [
            {
                "path": path,
                "true": class_names[label],
                "predicted": class_names[best],
                "probability": float(probs[best]),
            }
            for path, label, best, probs in zip(paths, labels, predicted, pred_probs, strict=True)
        ],
    }


def reliability(confidences: np.ndarray, is_right: ItemMask) -> dict[str, Any]:
    """Return how far confidence and accuracy lie apart, and both in each tenth of confidence.

    ``ece`` is the expected calibration error, 0..1, None without images; the points are of the
    tenths that have images: ``confidence`` and ``accuracy`` are means, ``images`` their number.

    Reference: Guo, Pleiss, Sun and Weinberger, ICML (2017).

    Args:
        confidences: (item,), the probability of the predicted class.
        is_right: (item,), whether that is the label.
    """
    bins = np.minimum((confidences * _BINS).astype(np.int64), _BINS - 1)
    points = [
        {
            "confidence": float(confidences[bins == number].mean()),
            "accuracy": float(is_right[bins == number].mean()),
            "images": int((bins == number).sum()),
        }
        for number in np.unique(bins)
    ]
    apart = sum(p["images"] * abs(p["confidence"] - p["accuracy"]) for p in points)
    return {"ece": apart / len(is_right) if len(is_right) else None, "points": points}


def _class_values(confusion: np.ndarray, index: int) -> dict[str, Any]:
    hits = int(confusion[index, index])
    images, taken = int(confusion[index].sum()), int(confusion[:, index].sum())
    return {
        "images": images,
        "precision": hits / taken if taken else 0.0,
        "recall": hits / images if images else 0.0,
        "f1": 2 * hits / (images + taken) if images + taken else 0.0,
    }
