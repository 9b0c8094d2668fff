"""What cleaning brought is measured on the same images, with an interval that can be trusted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cleaner import classes
from cleaner.learning import gain
from cleaner.learning.training_set import as_given, gather
from cleaner.project import Project
from cleaner.recording import Request


def answers(pairs: list[tuple[bool, bool]]) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Return what both models said of images they were right (True) or wrong about."""
    before = {str(i): "cat" if was else "dog" for i, (was, _now) in enumerate(pairs)}
    after = [
        {"path": str(i), "true": "cat", "predicted": "cat" if now else "dog"}
        for i, (_was, now) in enumerate(pairs)
    ]
    return before, after


def test_the_gain_is_the_difference_of_the_accuracies() -> None:
    pairs = [(True, True)] * 70 + [(False, True)] * 20 + [(True, False)] * 5 + [(False, False)] * 5
    found = gain.measured(*answers(pairs))
    assert found["gain"] == pytest.approx(0.15)
    assert found["accuracy_before"] == pytest.approx(0.75)
    low, high = found["gain_interval"]
    assert 0 < low < 0.15 < high


def test_equal_models_gain_nothing() -> None:
    found = gain.measured(*answers([(True, True)] * 30 + [(False, False)] * 10))
    assert found["gain"] == 0
    low, high = found["gain_interval"]
    assert low < 0 < high


def test_an_image_that_one_of_them_could_not_read_does_not_count() -> None:
    before, after = answers([(True, True), (False, True)])
    del before["1"]
    assert gain.measured(before, after)["test_images"] == 1


def test_without_images_nothing_is_claimed() -> None:
    found = gain.measured({}, [])
    assert found["gain"] is None
    assert found["gain_interval"] == pytest.approx([-0.98, 0.98], abs=0.02)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng, covered = np.random.default_rng(0), 0
    chances = [0.6, 0.2, 0.12, 0.08]  # both right, gained, lost, both wrong
    kinds = [(True, True), (False, True), (True, False), (False, False)]
    for _ in range(400):
        drawn = rng.choice(4, size=150, p=chances)
        low, high = gain.measured(*answers([kinds[i] for i in drawn]))["gain_interval"]
        covered += low <= 0.08 <= high
    assert 0.92 <= covered / 400 <= 0.99


def test_the_set_as_given_has_the_old_labels_and_the_excluded_images(project: Project) -> None:
    items = {item.path: item for item in project.dataset().items}
    learnt = [item for item in items.values() if item.split != "test"]
    moved, excluded = learnt[0], learnt[-1]
    other = next(name for name in project.class_names() if name != moved.given_label)
    project.decide(
        [Request(moved.item_id, "move", other), Request(excluded.item_id, "exclude")],
        all_or_none=True,
    )
    reviewed = gather(project, seed=0)
    given = as_given(project, reviewed, seed=0)
    assert gain.differs(given, reviewed)
    labels = {
        photo.path: given.class_names[photo.label] for photo in (*given.train, *given.validation)
    }
    assert labels[moved.path] == moved.given_label
    assert labels[excluded.path] == excluded.given_label
    assert len(labels) == len(learnt)
    assert given.test == reviewed.test


def test_without_a_decision_both_sets_teach_the_same(project: Project) -> None:
    reviewed = gather(project, seed=0)
    assert not gain.differs(as_given(project, reviewed, seed=0), reviewed)


def test_a_class_that_was_renamed_is_the_same_class(project: Project) -> None:
    classes.rename(project, "cat", "kitten")
    reviewed = gather(project, seed=0)
    assert "kitten" in reviewed.class_names
    assert not gain.differs(as_given(project, reviewed, seed=0), reviewed)
