"""New classes beside old ones, on made-up features of which all is known."""

from __future__ import annotations

import numpy as np
import pytest

from cleaner.learning.new_rows import OLD, Known, Top, learnt, learnt_beside

FEATURES, OLD_CLASSES, NEW_CLASSES = 64, 40, 5


class World:
    """Classes about means of their own, and the discriminant of the old ones."""

    def __init__(self) -> None:
        self._rng = np.random.default_rng(0)
        self._means = 3 + 0.4 * self._rng.normal(size=(OLD_CLASSES + NEW_CLASSES, FEATURES))
        old = self._means[:OLD_CLASSES]
        precision = 1 / 0.3**2
        self.old = Top(
            (precision * old.T).astype(np.float32),
            (-0.5 * precision * (old**2).sum(axis=1)).astype(np.float32),
        )

    def images(self, classes: range, each: int) -> Known:
        labels = np.repeat(np.array(classes), each)
        noise = 0.3 * self._rng.normal(size=(len(labels), FEATURES))
        features = np.maximum(self._means[labels] + noise, 0).astype(np.float32)
        places = np.where(labels < OLD_CLASSES, OLD, labels - OLD_CLASSES)
        return Known(features, places.astype(np.int64), np.arange(len(labels)))


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def joined(world: World) -> Top:
    new = range(OLD_CLASSES, OLD_CLASSES + NEW_CLASSES)
    rows = learnt(world.old, world.images(new, 40), NEW_CLASSES, np.random.default_rng(0))
    return world.old.beside(rows)


def test_old_rows_stay_as_they_are(world: World, joined: Top) -> None:
    np.testing.assert_array_equal(joined.kernel[:, :OLD_CLASSES], world.old.kernel)
    np.testing.assert_array_equal(joined.bias[:OLD_CLASSES], world.old.bias)


def test_new_classes_are_known(world: World, joined: Top) -> None:
    seen = world.images(range(OLD_CLASSES, OLD_CLASSES + NEW_CLASSES), 100)
    answers = joined.scores(seen.features).argmax(axis=1)
    assert (answers == OLD_CLASSES + seen.labels).mean() >= 0.9


def test_old_answers_stay_though_no_old_image_was_seen(world: World, joined: Top) -> None:
    seen = world.images(range(OLD_CLASSES), 50)
    answers = joined.scores(seen.features).argmax(axis=1)
    assert (answers >= OLD_CLASSES).mean() <= 0.03


def test_beside_images_of_old_classes_new_ones_are_known_and_old_answers_stay(world: World) -> None:
    everything = world.images(range(OLD_CLASSES + NEW_CLASSES), 20)
    top = world.old.beside(learnt_beside(world.old, everything, NEW_CLASSES))
    seen = world.images(range(OLD_CLASSES + NEW_CLASSES), 30)
    answers = top.scores(seen.features).argmax(axis=1)
    is_old = seen.labels == OLD
    assert (answers[is_old] >= OLD_CLASSES).mean() <= 0.03
    assert (answers[~is_old] == OLD_CLASSES + seen.labels[~is_old]).mean() >= 0.9


def test_a_handful_of_images_is_enough(world: World) -> None:
    few = world.images(range(OLD_CLASSES, OLD_CLASSES + NEW_CLASSES), 5)
    rows = learnt(world.old, few, NEW_CLASSES, np.random.default_rng(0))
    answers = world.old.beside(rows).scores(few.features).argmax(axis=1)
    assert (answers == OLD_CLASSES + few.labels).mean() >= 0.8
