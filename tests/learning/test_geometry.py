"""What labels have no part in is computed once, and never taken from elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cleaner.learning.geometry import Geometry, Shelf
from cleaner.nearest import NEVER
from tests.learning.samples import noisy_classes

PARTS = ("reduced", "spectrum", "nearest")


@pytest.fixture
def geometry(tmp_path: Path) -> Geometry:
    data, _ = noisy_classes()
    return Geometry(data.view_features, data.trains, data.groups, tmp_path / "kept")


def arrays(geometry: Geometry, part: str) -> tuple[np.ndarray, ...]:
    found = getattr(geometry, part)
    return (found,) if isinstance(found, np.ndarray) else tuple(found)


@pytest.mark.parametrize("part", PARTS)
def test_what_is_read_is_what_was_computed(geometry: Geometry, part: str) -> None:
    computed = arrays(geometry, part)
    for kept, known in zip(arrays(replace(geometry), part), computed, strict=True):
        np.testing.assert_array_equal(kept, known)
        assert kept.dtype == known.dtype


@pytest.mark.parametrize("part", PARTS)
def test_what_is_kept_is_not_computed_again(geometry: Geometry, part: str) -> None:
    first = arrays(geometry, part)
    (path,) = geometry.folder.glob(f"{part}-*")  # type: ignore[union-attr]
    np.savez(path, *[array + 1 for array in first])
    for kept, known in zip(arrays(replace(geometry), part), first, strict=True):
        np.testing.assert_array_equal(kept, known + 1)


@pytest.mark.parametrize("damage", [b"", b"no archive"])
def test_a_damaged_file_is_computed_again(geometry: Geometry, damage: bytes) -> None:
    known = geometry.nearest
    (path,) = geometry.folder.glob("nearest-*")  # type: ignore[union-attr]
    path.write_bytes(damage)
    np.testing.assert_array_equal(replace(geometry).nearest.items, known.items)


@pytest.mark.parametrize("ending", ["npz", "npy"])
def test_what_a_kill_left_unfinished_does_not_stay(geometry: Geometry, ending: str) -> None:
    folder = geometry.folder
    assert folder is not None
    folder.mkdir()
    left = folder / f"reduced-of-then.{ending}-123.part"
    left.touch()
    beside: list[Path] = []
    Shelf(folder, "of now").file("reduced", lambda path: beside.extend((path, *folder.iterdir())))
    assert beside == [beside[0]]  # gone before the next one is written
    assert beside[0].match(f"{folder}/reduced-*.part")


def test_other_features_images_or_groups_are_not_answered_from_what_is_kept(
    geometry: Geometry,
) -> None:
    known = geometry.spectrum.eigenvalues
    features, trains = np.asarray(geometry.view_features[0]), geometry.trains.copy()
    trains[0] = ~trains[0]
    swapped = features.copy()
    swapped[:, [3, 4]] = swapped[:, [4, 3]]
    for other in (
        replace(geometry, trains=trains),
        replace(geometry, view_features=(2 * features**2,)),
    ):
        assert not np.allclose(other.spectrum.eigenvalues, known, rtol=1e-9)
    known_items = np.sort(geometry.nearest.items)
    found_items = np.sort(replace(geometry, view_features=(swapped,)).nearest.items)
    assert (found_items != known_items).any()
    assert len([*geometry.folder.iterdir()]) <= 3  # type: ignore[union-attr]


@pytest.mark.parametrize("part", PARTS)
def test_groups_with_other_numbers_are_the_same_groups(geometry: Geometry, part: str) -> None:
    arrays(geometry, part)
    before = {path.name for path in geometry.folder.iterdir()}  # type: ignore[union-attr]
    arrays(replace(geometry, groups=geometry.groups.max() - geometry.groups), part)
    assert {path.name for path in geometry.folder.iterdir()} == before  # type: ignore[union-attr]


def test_nobody_is_a_neighbour_of_a_duplicate(geometry: Geometry) -> None:
    groups = geometry.groups.copy()
    groups[5] = groups[7]
    found = replace(geometry, groups=groups).nearest
    vouches = (found.items[7] == 5) | (found.items[7] == 7)
    assert (found.similarity[7][vouches] == NEVER).all()
    assert (found.similarity[7][~vouches] > 0).all()


def test_a_folder_that_takes_nothing_costs_no_round(tmp_path: Path, geometry: Geometry) -> None:
    blocked = tmp_path / "a file"
    blocked.touch()
    without = replace(geometry, folder=blocked / "kept")
    np.testing.assert_array_equal(without.nearest.items, geometry.nearest.items)
