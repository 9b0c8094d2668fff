from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from cleaner.learning.linear_top import linear_top
from tests.learning.samples import noisy_classes


@pytest.mark.parametrize("items", [40, 400])
def test_it_tells_classes_apart_from_few_items_and_many(items: int) -> None:
    data, truth = noisy_classes(items=items, wrong=items // 20)
    features = np.asarray(data.view_features[0])[0]
    top = linear_top(features, data.labels, data.class_count)
    probs = softmax(features @ top.kernel + top.bias, axis=1)
    assert (probs.argmax(axis=1) == truth).mean() > 0.9
    assert probs.dtype == np.float32


def test_it_is_unsure_where_the_labels_are_chance() -> None:
    rng = np.random.default_rng(0)
    features = rng.random((60, 100), dtype=np.float32)
    top = linear_top(features, rng.integers(0, 4, 60), 4)
    assert softmax(features @ top.kernel + top.bias, axis=1).max() < 0.9


def test_a_class_without_items_gets_little() -> None:
    data, _ = noisy_classes(items=80)
    features = np.asarray(data.view_features[0])[0]
    top = linear_top(features, data.labels, data.class_count + 1)
    probs = softmax(features @ top.kernel + top.bias, axis=1)
    assert np.isfinite(probs).all()
    assert probs[:, -1].mean() < 0.25


def test_a_single_item_is_no_error() -> None:
    top = linear_top(np.ones((1, 5), np.float32), np.array([1]), 2)
    assert np.isfinite(top.kernel).all()
    assert np.isfinite(top.bias).all()
