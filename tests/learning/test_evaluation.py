"""The numbers of a receipt."""

from __future__ import annotations

import numpy as np
import pytest

from cleaner.arrays import Labels, PredProbs
from cleaner.estimates.intervals import wilson_interval
from cleaner.learning.evaluation import evaluate


def judged(predicted: list[int], labels: list[int]) -> tuple[PredProbs, Labels, list[str]]:
    probs = np.full((len(predicted), 3), 0.1, np.float32)
    probs[np.arange(len(predicted)), predicted] = 0.8
    return probs, np.array(labels, np.int64), [f"{n}.png" for n in range(len(predicted))]


def test_the_confusion_matrix_has_true_classes_in_rows() -> None:
    probs, labels, paths = judged([0, 1, 1, 2], [0, 0, 1, 2])
    values = evaluate(probs, labels, ["a", "b", "c"], paths)
    assert values["confusion_matrix"] == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
    assert values["accuracy"] == 0.75
    assert values["per_class"]["a"] == {
        "images": 2,
        "precision": 1.0,
        "recall": 0.5,
        "f1": pytest.approx(2 / 3),
    }


def test_each_test_image_is_listed() -> None:
    probs, labels, paths = judged([0, 1], [0, 2])
    values = evaluate(probs, labels, ["a", "b", "c"], paths)
    assert values["test_predictions"][1] == {
        "path": "1.png",
        "true": "c",
        "predicted": "b",
        "probability": pytest.approx(0.8),
    }


def test_without_images_nothing_is_claimed() -> None:
    probs, labels, paths = judged([], [])
    values = evaluate(probs, labels, ["a", "b", "c"], paths)
    assert values["accuracy"] is None
    assert values["macro_f1"] is None
    assert values["accuracy_interval"] == [0.0, 1.0]


def test_classes_without_test_images_do_not_lower_the_mean() -> None:
    probs, labels, paths = judged([0, 1], [0, 1])
    assert evaluate(probs, labels, ["a", "b", "c"], paths)["macro_f1"] == 1.0


def test_the_interval_stays_within_bounds() -> None:
    assert wilson_interval(10, 10)[1] == pytest.approx(1.0)
    assert wilson_interval(0, 10)[0] == pytest.approx(0.0)
    low, high = wilson_interval(90, 100)
    assert low < 0.9 < high
