"""What a final model is taught of a photo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cleaner.learning.bottlenecks import Source
from cleaner.learning.lessons import class_weights, lessons_of
from cleaner.learning.teacher import committee
from cleaner.learning.training_set import Photo
from cleaner.settings import TrainSettings
from tests.rescoring.projects import followed_project
from tests.rescoring.rounds import CLASS_NAMES, solved_round


def photo(content_hash: str, label: int) -> Photo:
    return Photo(Source(Path("a"), Path(), content_hash), "a", label, 0, 32)


def test_labels_are_spread_a_little_over_all_classes() -> None:
    lessons = lessons_of([photo("a", 0), photo("b", 1)], 2, TrainSettings(label_smoothing=0.2), {})
    np.testing.assert_allclose(lessons.wanted([photo("a", 0)]), [[0.9, 0.1]], atol=1e-6)
    np.testing.assert_allclose(lessons.tested(np.array([1])), [[0.1, 0.9]], atol=1e-6)


def test_a_teacher_has_the_say_it_is_given_and_only_of_what_it_saw() -> None:
    settings = TrainSettings(distil=0.5, label_smoothing=0.0)
    photos = [photo("seen", 0), photo("new", 0)]
    teacher = {"seen": np.array([0.2, 0.8], np.float32)}
    wanted = lessons_of(photos, 2, settings, teacher).wanted(photos)
    np.testing.assert_allclose(wanted, [[0.6, 0.4], [1.0, 0.0]], atol=1e-6)


@pytest.mark.parametrize(("kind", "ratio"), [("none", 1), ("root", 2), ("inverse", 4)])
def test_rare_classes_weigh_more_and_the_average_image_weighs_one(kind: str, ratio: float) -> None:
    labels = np.array([0] * 4 + [1])
    weights = class_weights(labels, 2, kind)
    assert weights[1] / weights[0] == pytest.approx(ratio)
    assert weights[labels].mean() == pytest.approx(1)


def test_the_committee_of_the_latest_round_teaches_what_it_said_out_of_fold(
    tmp_path: Path,
) -> None:
    solved = solved_round()
    project = followed_project(tmp_path, solved)
    said = committee(project, CLASS_NAMES)
    expected = solved.prediction.pred_probs
    hashes = [item.content_hash for item in project.dataset().items]
    assert len(said) == len(hashes)
    found = np.stack([said[content_hash] for content_hash in hashes])
    np.testing.assert_allclose(found, expected, atol=1e-4)
    project.store.close()


def test_classes_that_the_model_does_not_have_are_left_out_of_what_is_said(tmp_path: Path) -> None:
    project = followed_project(tmp_path)
    said = committee(project, CLASS_NAMES[:2])
    assert all(probs.shape == (2,) and probs.sum() == pytest.approx(1) for probs in said.values())
    project.store.close()
