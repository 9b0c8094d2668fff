from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cleaner import queue
from cleaner.predictions import Evidence

CLASSES = ("cat", "dog", "owl")
PROBS = np.array(
    [
        [0.9, 0.05, 0.05],  # clearly what it is labelled
        [0.1, 0.85, 0.05],  # labelled cat, looks like a dog
        [0.42, 0.40, 0.18],  # torn
        [0.3, 0.1, 0.6],  # labelled cat, rather an owl
    ]
)
LABELS = np.zeros(4, np.int64)
IDS = np.array([11, 12, 13, 14])


def test_disagreeing_and_torn_images_are_flagged_worst_first() -> None:
    rows = queue.build(IDS, Evidence(LABELS, PROBS), CLASSES)
    assert [row["item_id"] for row in rows] == [12, 14, 13, 11]
    assert [row["flagged"] for row in rows] == [True, True, True, False]
    assert [row["position"] for row in rows] == [0, 1, 2, 3]


def test_a_flagged_image_is_never_suggested_the_label_it_has() -> None:
    rows = queue.build(IDS, Evidence(LABELS, PROBS), CLASSES)
    assert [row["suggested_label"] for row in rows] == ["dog", "owl", "dog", "cat"]


def test_reasons_name_the_classes_and_the_probabilities() -> None:
    rows = queue.build(IDS, Evidence(LABELS, PROBS), CLASSES)
    assert rows[0]["reasons"] == ["Looks like dog (85%), not like cat (10%)"]
    assert rows[2]["reasons"] == ["Torn between cat (42%) and dog (40%)"]
    assert rows[3]["reasons"] == []


def test_voices_that_part_are_a_reason_of_their_own() -> None:
    views = np.stack([PROBS, PROBS[:, [1, 0, 2]]])
    rows = queue.build(IDS, Evidence(LABELS, PROBS, view_probs=views), CLASSES)
    assert "The views disagree: 1 of 2 see the label" in rows[0]["reasons"]


@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(1, 40))
def test_every_image_is_ranked_once_and_the_queue_is_a_prefix(
    seed: int, classes: int, items: int
) -> None:
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.ones(classes), size=items)
    labels = rng.integers(0, classes, items)
    names = [f"class {number}" for number in range(classes)]
    rows = queue.build(np.arange(items), Evidence(labels, probs), names)
    assert sorted(row["item_id"] for row in rows) == list(range(items))
    flags = [row["flagged"] for row in rows]
    assert flags == sorted(flags, reverse=True)
    for row in rows:
        differs = probs[row["item_id"]].argmax() != labels[row["item_id"]]
        assert row["flagged"] or not differs
