"""What shows of classes as a whole: planted traits are found, and chance has none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax

from cleaner import traits
from cleaner.health import TRAITS, Trait
from cleaner.looks import RECORD
from cleaner.traits import FINDERS, Gathered

_CLASSES, _EACH, _FEATURES = 5, 80, 24
_NAMES = tuple("abcde")


def out_of_fold(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return (item, class): how near the class's centre lies, the image itself left out."""
    classes = int(labels.max()) + 1
    shown = np.eye(classes)[labels]
    sums, sizes = shown.T @ features, shown.sum(axis=0)
    distances = np.empty((len(labels), classes))
    for number in range(classes):
        own = shown[:, number, None]
        centres = (sums[number] - own * features) / np.maximum(sizes[number] - own, 1)
        distances[:, number] = ((features - centres) ** 2).sum(axis=1)
    return np.asarray(softmax(-12 * distances, axis=1))


def gathered(
    features: np.ndarray, labels: np.ndarray, *, border: np.ndarray | None = None, seed: int = 0
) -> Gathered:
    """Return what a round would know of images with these features; borders are noise."""
    rng = np.random.default_rng(seed)
    looks = np.zeros(len(labels), RECORD)
    looks["border"] = rng.integers(0, 256, (len(labels), 4, 4))
    looks["colours"] = rng.integers(0, 40, (len(labels), 64))
    if border is not None:
        looks["border"] = np.where(
            border[:, None, None] >= 0, border[:, None, None], looks["border"]
        )
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    return Gathered(
        item_ids=np.arange(len(labels), dtype=np.int64) + 1,
        labels=labels,
        groups=np.arange(len(labels), dtype=np.int64),
        class_names=_NAMES[: int(labels.max()) + 1],
        pred_probs=out_of_fold(unit, labels),
        features=unit.astype(np.float32),
        looks=[one.tobytes().hex() for one in looks],
    )


def clouds(*centres: int, seed: int = 0) -> np.ndarray:
    """Return one cloud of features for each, about the axis of this number."""
    rng = np.random.default_rng(seed)
    features = rng.normal(0, 0.15, (len(centres) * _EACH, _FEATURES))
    features[np.arange(len(features)), np.repeat(centres, _EACH)] += 1
    return features


def labels_of(*numbers: int) -> np.ndarray:
    return np.repeat(numbers, _EACH).astype(np.int64)


CLEAN = gathered(clouds(0, 1, 2, 3, 4), labels_of(0, 1, 2, 3, 4))


def kinds(found: list[Trait]) -> list[tuple[str, tuple[str, ...]]]:
    return [(trait.kind, trait.class_names) for trait in found]


def test_of_sound_classes_nothing_is_said() -> None:
    assert traits.found(CLEAN) == []


def test_of_shuffled_labels_nothing_is_said() -> None:
    rng = np.random.default_rng(0)
    labels = rng.permutation(CLEAN.labels)
    # One class in a coloured frame: shuffled, the frame tells nothing either.
    border = np.where(CLEAN.labels == 0, 200, -1)
    assert traits.found(gathered(CLEAN.features, labels, border=border)) == []


@pytest.mark.parametrize("name", FINDERS)
def test_every_finder_is_known_and_repeats_itself(name: str) -> None:
    border = np.where(CLEAN.labels == 2, 30, -1)
    planted = gathered(clouds(0, 1, 2, 3, 3), CLEAN.labels, border=border)
    found = [FINDERS[name](planted) for _ in range(2)]
    assert found[0] == found[1]
    assert {trait.kind for trait in found[0]} <= set(TRAITS)
    for trait in found[0]:
        assert len(trait.images) == len(trait.captions)


@pytest.mark.parametrize("name", FINDERS)
def test_of_no_images_nothing_is_said(name: str) -> None:
    none = np.zeros(0, np.int64)
    empty = replace(
        CLEAN,
        item_ids=none,
        labels=none,
        groups=none,
        pred_probs=CLEAN.pred_probs[:0],
        features=CLEAN.features[:0],
        looks=[],
    )
    assert FINDERS[name](empty) == []


def test_a_class_in_a_coloured_frame_is_found_and_no_other() -> None:
    framed = gathered(CLEAN.features, CLEAN.labels, border=np.where(CLEAN.labels == 2, 130, -1))
    (trait,) = traits.found(framed)
    assert (trait.kind, trait.class_names) == ("border", ("c",))
    assert trait.figures["alone_low"] > 0.9
    assert set(trait.images[0]) <= set(framed.item_ids[framed.labels == 2].tolist())


def test_two_names_for_one_thing_are_found() -> None:
    doubled = gathered(clouds(0, 1, 2, 3, 3), labels_of(0, 1, 2, 3, 4))
    found = kinds(traits.found(doubled))
    assert ("merge", ("d", "e")) in found
    assert not [one for one in found if one[0] == "split"]


def test_one_name_for_two_things_is_found() -> None:
    joined = gathered(clouds(0, 1, 2, 3, 4), labels_of(0, 1, 2, 3, 3))
    assert kinds(traits.found(joined)) == [("split", ("d",))]


def test_wrong_labels_are_not_taken_for_a_second_kind() -> None:
    labels = CLEAN.labels.copy()
    labels[np.flatnonzero(labels == 0)[:30]] = 1
    assert ("split", ("b",)) not in kinds(traits.found(gathered(CLEAN.features, labels)))


def test_classes_whose_labels_were_mixed_up_are_confusable() -> None:
    rng = np.random.default_rng(0)
    labels = CLEAN.labels.copy()
    pair = np.flatnonzero(labels < 2)
    mixed = rng.choice(pair, 30, replace=False)
    labels[mixed] = 1 - labels[mixed]
    assert kinds(traits.found(gathered(CLEAN.features, labels))) == [("confusable", ("a", "b"))]


def test_copies_are_no_more_witnesses_than_one() -> None:
    copied = replace(CLEAN, groups=CLEAN.labels.copy())
    assert len(copied.distinct) == _CLASSES
    assert traits.found(copied) == []
