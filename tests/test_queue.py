from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleaner import queue
from cleaner.noise import NoiseModel, estimate
from cleaner.predictions import Evidence
from cleaner.selection import REASONS
from cleaner.signals import SIGNALS
from cleaner.standings import Standard
from tests.noise import noisy

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


# What falls short of an even chance; the noise is of no account here.
EVEN_CHANCE = Standard("self_confidence", NoiseModel(np.eye(3), 1.0, 0.1, np.full(3, 1 / 3)), 0.5)


def test_what_is_below_the_cut_is_flagged_worst_first() -> None:
    rows = queue.build(IDS, Evidence(LABELS, PROBS), CLASSES, EVEN_CHANCE)
    assert [row["item_id"] for row in rows] == [12, 14, 13, 11]
    assert [row["flagged"] for row in rows] == [True, True, True, False]
    assert [row["position"] for row in rows] == [0, 1, 2, 3]


def test_what_a_person_confirmed_is_not_put_up_again() -> None:
    confirmed = np.array([False, True, False, False])
    evidence = Evidence(LABELS, PROBS, confirmed=confirmed)
    rows = queue.build(IDS, evidence, CLASSES, EVEN_CHANCE)
    assert [row["item_id"] for row in rows if row["flagged"]] == [14, 13]
    assert rows[2]["item_id"] == 12


def test_a_flagged_image_is_never_suggested_the_label_it_has() -> None:
    rows = queue.build(IDS, Evidence(LABELS, PROBS), CLASSES, EVEN_CHANCE)
    assert [row["suggested_label"] for row in rows] == ["dog", "owl", "dog", "cat"]


def test_reasons_name_the_classes_and_the_probabilities() -> None:
    rows = queue.build(IDS, Evidence(LABELS, PROBS), CLASSES, EVEN_CHANCE)
    assert rows[0]["reasons"] == ["Looks like dog (85%), not like cat (10%)"]
    assert rows[2]["reasons"] == ["Torn between cat (42%) and dog (40%)"]
    assert rows[3]["reasons"] == []


def test_voices_that_part_are_a_reason_of_their_own() -> None:
    views = np.stack([PROBS, PROBS[:, [1, 0, 2]]])
    rows = queue.build(IDS, Evidence(LABELS, PROBS, view_probs=views), CLASSES, EVEN_CHANCE)
    assert "The views disagree: 1 of 2 see the label" in rows[0]["reasons"]


def test_a_lonely_label_is_a_reason_of_its_own() -> None:
    votes = np.array([[[0.9, 0.05, 0.05], [0.05, 0.9, 0.05], [0.5, 0.4, 0.1], [0.3, 0.1, 0.6]]])
    evidence = Evidence(LABELS, PROBS, committee_probs=votes, member_names=("neighbours",))
    rows = queue.build(IDS, evidence, CLASSES, EVEN_CHANCE)
    assert "Few of the images most like it are labelled cat" in rows[0]["reasons"]
    assert not any("most like it" in reason for reason in rows[1]["reasons"])


def test_reasons_are_told_by_their_kind_too() -> None:
    views = np.stack([PROBS, PROBS[:, [1, 0, 2]]])
    rows = queue.build(IDS, Evidence(LABELS, PROBS, view_probs=views), CLASSES, EVEN_CHANCE)
    kinds = [row["reason_kinds"] for row in rows]
    assert kinds == ["rival views", "rival", "torn", ""]
    assert set(" ".join(kinds).split()) <= set(REASONS)


def test_every_signal_is_kept_rounded_beside_the_rank() -> None:
    rows = queue.build(IDS, Evidence(LABELS, PROBS), CLASSES, EVEN_CHANCE)
    evidence = Evidence(LABELS, PROBS, noise=EVEN_CHANCE.noise)
    for row in rows:
        item = IDS.tolist().index(row["item_id"])
        kept = row["signals"] | {"self_confidence": row["self_confidence"]}
        said = {name: signal(evidence)[item] for name, signal in SIGNALS.items()}
        assert kept == pytest.approx(said, abs=1e-4)
        assert len(json.dumps(row["signals"])) < 200


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
    qualities = [row["label_quality"] for row in rows]
    assert qualities == sorted(qualities)


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2, 0.4])
def test_the_cut_is_near_the_best_one_at_every_noise_rate(rate: float) -> None:
    labels, wrong, probs = noisy(4000, 8, rate=rate, seed=1)
    rows = queue.build(np.arange(4000), Evidence(labels, probs), [str(i) for i in range(8)])
    hits = np.cumsum([wrong[row["item_id"]] for row in rows])
    scores = 2 * hits / (np.arange(1, 4001) + wrong.sum())
    flagged = sum(row["flagged"] for row in rows)
    assert scores[flagged - 1] > scores.max() - 0.03


def test_a_clean_dataset_is_not_put_up_for_review() -> None:
    labels, _, probs = noisy(2000, 5, rate=0.0, seed=2)
    rows = queue.build(np.arange(2000), Evidence(labels, probs), list("abcde"))
    assert sum(row["flagged"] for row in rows) <= 5


def test_a_rare_class_is_not_flagged_wholesale() -> None:
    """Models give rare classes little; that alone makes no label suspect."""
    labels, wrong, probs = noisy(3000, 5, rate=0.05, seed=3)
    rare = np.flatnonzero(labels == 4)[25:]
    kept = np.setdiff1d(np.arange(3000), rare)
    modest = probs[kept] * np.array([1, 1, 1, 1, 0.3])
    modest /= modest.sum(axis=1, keepdims=True)
    rows = queue.build(kept, Evidence(labels[kept], modest), list("abcde"))
    flagged = {row["item_id"] for row in rows if row["flagged"]}
    right = [item for item in kept if labels[item] == 4 and not wrong[item]]
    assert sum(item in flagged for item in right) <= len(right) / 4


def test_a_class_is_not_suspect_as_a_whole_for_being_rare() -> None:
    probs = np.array([[0.6, 0.4]] * 5 + [[0.45, 0.55]] + [[0.98, 0.02]] * 94)
    labels = np.repeat([1, 0], [5, 95])
    noise = estimate(probs, labels)
    quality = SIGNALS["balanced_confidence"](Evidence(labels, probs, noise=noise))
    assert quality.argmin() == 5
    alike = replace(noise, shares=np.full(2, 0.5))
    even = SIGNALS["balanced_confidence"](Evidence(labels, probs, noise=alike))
    np.testing.assert_allclose(even, SIGNALS["self_confidence"](Evidence(labels, probs)))
    assert even.argmin() < 5


def test_high_noise_is_ranked_by_the_chance_that_a_label_is_right() -> None:
    for rate, signal in ((0.05, "balanced_confidence"), (0.4, "label_posterior")):
        labels, _, probs = noisy(3000, 6, rate=rate, seed=4)
        assert queue.fitting(Evidence(labels, probs)).signal == signal


def test_no_images_make_an_empty_queue() -> None:
    nothing = Evidence(np.zeros(0, np.int64), np.zeros((0, 3)))
    assert queue.build(np.zeros(0, np.int64), nothing, CLASSES) == []


def test_rows_of_a_ranking_are_the_same_however_they_are_asked_for() -> None:
    verdict = queue.judged(Evidence(LABELS, PROBS), EVEN_CHANCE)
    ranking = queue.ranked(IDS, verdict, CLASSES)
    rows = queue.build(IDS, Evidence(LABELS, PROBS), CLASSES, EVEN_CHANCE)
    assert [row["position"] for row in rows] == [*range(len(IDS))]
    assert [*ranking[:2], *ranking[2:]] == [ranking[place] for place in range(len(IDS))] == rows
    with pytest.raises(IndexError):
        ranking[len(IDS)]
