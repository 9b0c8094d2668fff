"""How good a model is on images it never saw: numbers for its receipt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cleaner.arrays import Labels, PredProbs
from cleaner.intervals import wilson_interval


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


def _class_values(confusion: np.ndarray, index: int) -> dict[str, Any]:
    hits = int(confusion[index, index])
    images, taken = int(confusion[index].sum()), int(confusion[:, index].sum())
    return {
        "images": images,
        "precision": hits / taken if taken else 0.0,
        "recall": hits / images if images else 0.0,
        "f1": 2 * hits / (images + taken) if images + taken else 0.0,
    }
