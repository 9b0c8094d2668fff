"""The audits that need what a network has seen."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance
from sklearn.datasets import load_digits

from benchmarks.duplicates import CHANGES
from cleaner.audits import ROUND_AUDITS, Seen
from cleaner.audits.base import MINIATURE_PX
from cleaner.audits.twins import find_twins
from cleaner.items import Item
from cleaner.learning.geometry import Shelf
from tests.pictures import detailed

_TWIN, _ODD = 3, 50


def _small(image: Image.Image) -> np.ndarray:
    size = (MINIATURE_PX, MINIATURE_PX)
    return np.asarray(image.convert("L").resize(size, Image.Resampling.BOX), np.float32)


def _item(number: int, label: str) -> Item:
    path = f"{label}/{number:02}.jpg"
    return Item(number + 1, path, label, label, str(number), number, 9, 9, "train", "unreviewed")


def seen_of(pictures: Sequence[Image.Image], labels: Sequence[str], features: np.ndarray) -> Seen:
    small = np.stack([_small(picture) for picture in pictures])
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    items = [_item(number, label) for number, label in enumerate(labels)]
    return Seen(items, (features / lengths).astype(np.float32), lambda places: small[list(places)])


@pytest.fixture
def seen() -> Seen:
    """Six classes of ten; the last one is a mirrored, cropped, darker copy of the fourth."""
    rng = np.random.default_rng(0)
    pictures = [detailed(number, (96, 96)) for number in range(60)]
    features = rng.normal(0, 0.03, (61, 24))
    features[np.arange(60), np.arange(60) // 10] += 1
    twin = ImageEnhance.Brightness(pictures[_TWIN].crop((0, 0, 91, 91))).enhance(0.8)
    features[60] = features[_TWIN]
    pictures.append(twin.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    return seen_of(pictures, [*(label for label in "abcdef" for _ in range(10)), "a"], features)


def test_a_mirrored_cropped_and_darker_copy_is_found(seen: Seen) -> None:
    (finding,) = ROUND_AUDITS["twins"](seen)
    assert (finding.kind, finding.severity) == ("near_duplicate", "info")
    assert finding.paths == ("a/03.jpg", "a/60.jpg")


def test_a_copy_under_another_label_is_a_warning(seen: Seen) -> None:
    items = [*seen.items[:-1], replace(seen.items[-1], current_label="b")]
    (finding,) = ROUND_AUDITS["twins"](replace(seen, items=items))
    assert finding.severity == "warning"
    assert finding.detail.endswith("under different labels: a, b.")


def test_a_copy_in_another_split_is_a_leak(seen: Seen) -> None:
    items = [*seen.items[:-1], replace(seen.items[-1], split="test")]
    (finding,) = ROUND_AUDITS["twins"](replace(seen, items=items))
    assert (finding.kind, finding.severity) == ("split_leak", "error")
    assert "1 in test, 1 in train" in finding.detail


def test_what_the_scan_joined_is_not_named_again(seen: Seen) -> None:
    items = [*seen.items[:-1], replace(seen.items[-1], group_id=_TWIN)]
    assert ROUND_AUDITS["twins"](replace(seen, items=items)) == []


def test_different_pictures_with_the_same_features_are_no_copies(seen: Seen) -> None:
    features = seen.features.copy()
    features[60], features[10] = features[20], features[20]
    assert ROUND_AUDITS["twins"](replace(seen, features=features)) == []


@pytest.fixture(scope="module")
def digits() -> list[Image.Image]:
    """Sixty handwritten noughts and sixes: blurred, and far more alike than photos are."""
    known = load_digits()
    places = np.flatnonzero(np.isin(known.target, (0, 6)))[:60]
    paper = [255 - 14 * np.pad(known.images[place], 1) for place in places]
    return [
        Image.fromarray(one.astype(np.uint8)).resize((120, 120), Image.Resampling.BICUBIC)
        for one in paper
    ]


def _seen_by_pixels(pictures: Sequence[Image.Image]) -> Seen:
    """Return what a network would see that knows little more than the pixels."""
    small = np.stack([_small(picture) for picture in pictures])
    both = (small + small[..., ::-1]).reshape(len(pictures), -1)
    both = (both - both.mean(axis=1, keepdims=True)) / both.std(axis=1, keepdims=True)
    return seen_of(pictures, ["a"] * len(pictures), both - both.mean(axis=0))


def test_drawings_that_are_much_alike_are_no_copies(digits: list[Image.Image]) -> None:
    assert ROUND_AUDITS["twins"](_seen_by_pixels(digits)) == []


def test_copies_are_found_among_drawings_that_are_much_alike(digits: list[Image.Image]) -> None:
    rng = random.Random(0)  # noqa: S311 - repeatable, not secret
    copies = [
        Image.open(io.BytesIO(change(picture.convert("RGB"), rng)))
        for change, picture in zip(CHANGES.values(), digits, strict=False)
    ]
    found = ROUND_AUDITS["twins"](_seen_by_pixels([*digits, *copies]))
    pairs = [(f"a/{place:02}.jpg", f"a/{60 + place}.jpg") for place in range(len(copies))]
    assert [one.paths for one in found] == pairs


def test_an_image_unlike_every_class_is_found() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(0, 0.1, (600, 24))
    features[np.arange(600), np.arange(600) // 50] += 1
    features[_ODD] = rng.normal(0, 0.1, 24)
    labels = [label for label in "abcdefghijkl" for _ in range(50)]
    some = [Image.new("RGB", (32, 32))] * 600
    found = {one.paths[0] for one in ROUND_AUDITS["off_topic"](seen_of(some, labels, features))}
    assert f"b/{_ODD}.jpg" in found
    assert len(found) <= 6  # a hundredth


@pytest.mark.parametrize("audit", ROUND_AUDITS.values(), ids=ROUND_AUDITS.keys())
def test_no_items_no_findings(audit: object) -> None:
    empty = np.zeros((0, 24), np.float32)
    none = Seen([], empty, lambda _places: np.zeros((0, MINIATURE_PX, MINIATURE_PX), np.float32))
    assert audit(none) == []  # type: ignore[operator]


def test_the_order_of_the_images_does_not_matter(seen: Seen) -> None:
    order = np.random.default_rng(1).permutation(len(seen.items))
    shuffled = Seen(
        [seen.items[place] for place in order],
        seen.features[order],
        lambda places: seen.miniatures(order[list(places)].tolist()),
    )
    twins = ROUND_AUDITS["twins"]
    found = [{frozenset(one.paths) for one in twins(some)} for some in (seen, shuffled)]
    assert found[0] == found[1] != set()


def test_twins_are_not_looked_for_again_in_the_next_round(seen: Seen, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, "these images")
    first = find_twins(replace(seen, kept=shelf))
    asked: list[int] = []

    def none_needed(places: Sequence[int]) -> np.ndarray:
        asked.extend(places)
        return seen.miniatures(places)

    relabelled = [replace(item, current_label="z") for item in seen.items]
    again = find_twins(replace(seen, items=relabelled, miniatures=none_needed, kept=shelf))
    assert [finding.paths for finding in again] == [finding.paths for finding in first] != []
    assert not asked
