from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cleaner import folder
from cleaner.audits.duplicates import duplicate_groups, find_duplicates
from cleaner.items import ScannedFile
from tests.pictures import encoded, picture, write_image


def scanned(root: Path) -> tuple[ScannedFile, ...]:
    return folder.scan(root).files


def groups_of(root: Path) -> list[list[str]]:
    """Return the paths of each group, leaving out what is alone."""
    files = scanned(root)
    groups = duplicate_groups(files)
    members = [[f.path for f, g in zip(files, groups, strict=True) if g == n] for n in set(groups)]
    return sorted(paths for paths in members if len(paths) > 1)


def test_copies_are_a_group_and_a_finding(tmp_path: Path) -> None:
    write_image(tmp_path / "cats" / "a.png", seed=1)
    write_image(tmp_path / "cats" / "b.png", seed=1)
    write_image(tmp_path / "cats" / "c.png", seed=2)

    (finding,) = find_duplicates(scanned(tmp_path))

    assert (finding.kind, finding.severity) == ("exact_duplicate", "info")
    assert finding.paths == ("cats/a.png", "cats/b.png")
    assert groups_of(tmp_path) == [["cats/a.png", "cats/b.png"]]


def test_copies_in_different_classes_are_a_warning_that_names_them(tmp_path: Path) -> None:
    write_image(tmp_path / "dogs" / "a.png", seed=1)
    write_image(tmp_path / "cats" / "b.png", seed=1)

    (finding,) = find_duplicates(scanned(tmp_path))

    assert finding.severity == "warning"
    assert finding.detail == "2 files hold the same bytes in different classes: cats, dogs."


def test_a_scaled_and_compressed_copy_is_a_near_duplicate(tmp_path: Path) -> None:
    original = picture(4, (320, 240))
    variants = {
        "cats/a.png": encoded(original),
        "cats/b.jpg": encoded(original, "JPEG", quality=60),
        "cats/c.webp": encoded(original.resize((160, 120)), "WEBP"),
        "dogs/d.jpg": encoded(original.resize((203, 151)), "JPEG", quality=80),
    }
    for path, data in variants.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)

    (finding,) = find_duplicates(scanned(tmp_path))

    assert (finding.kind, finding.severity) == ("near_duplicate", "warning")
    assert finding.paths == tuple(variants)


def test_near_duplicates_name_each_content_once(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.jpg"):
        write_image(tmp_path / "cats" / name, seed=3, size=(200, 200))

    exact, near = find_duplicates(scanned(tmp_path))

    assert exact.paths == ("cats/a.png", "cats/b.png")
    assert near.paths == ("cats/a.png", "cats/c.jpg")
    assert groups_of(tmp_path) == [["cats/a.png", "cats/b.png", "cats/c.jpg"]]


def test_the_group_number_is_the_smallest_index(tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 1), ("c", 0), ("d", 1), ("e", 2)):
        write_image(tmp_path / "cats" / f"{name}.png", seed=seed)

    assert duplicate_groups(scanned(tmp_path)).tolist() == [0, 1, 0, 1, 4]


def test_different_pictures_are_not_joined(tmp_path: Path) -> None:
    for seed in range(100):
        write_image(tmp_path / "cats" / f"{seed}.png", seed=seed)

    assert groups_of(tmp_path) == []


def test_flat_pictures_are_joined_only_if_of_one_colour(tmp_path: Path) -> None:
    for name, colour in (("black", (0, 0, 0)), ("dark", (6, 6, 6)), ("red", (200, 0, 0))):
        write_image(tmp_path / "cats" / f"{name}.png", colour=colour)
        write_image(tmp_path / "cats" / f"{name}.bmp", colour=colour, size=(100, 90))

    assert groups_of(tmp_path) == [
        [f"cats/{name}.bmp", f"cats/{name}.png"] for name in ("black", "dark", "red")
    ]


def test_one_shape_in_two_colours_is_two_pictures(tmp_path: Path) -> None:
    shape = np.asarray(picture(9, (100, 100)).convert("L"))
    for name, channels in (("green", (0, 1, 0)), ("violet", (1, 0, 1))):
        coloured = Image.fromarray(shape[..., None] * np.array(channels, dtype=np.uint8))
        write_image(tmp_path / "cats" / "other.png")
        coloured.save(tmp_path / "cats" / f"{name}.png")

    assert groups_of(tmp_path) == []


def test_small_handwritten_digits_are_not_joined(tmp_path: Path) -> None:
    sklearn_datasets = pytest.importorskip("sklearn.datasets")
    digits = (sklearn_datasets.load_digits().images[:200] * 15.9).astype(np.uint8)
    (tmp_path / "digits").mkdir()
    for number, digit in enumerate(digits):
        large = Image.fromarray(digit).resize((128, 128), Image.Resampling.BICUBIC)
        large.save(tmp_path / "digits" / f"{number}.png", compress_level=1)

    assert groups_of(tmp_path) == []


def test_order_of_files_changes_no_group(tmp_path: Path) -> None:
    for number in range(30):
        write_image(tmp_path / "cats" / f"{number}.png", seed=number // 3, size=(50 + number, 60))
    files = scanned(tmp_path)
    shuffled = np.random.default_rng(0).permutation(len(files))

    groups = duplicate_groups(files)[shuffled]
    of_shuffled = duplicate_groups([files[i] for i in shuffled])

    assert ((groups[:, None] == groups) == (of_shuffled[:, None] == of_shuffled)).all()


def test_many_alike_pictures_are_one_group(tmp_path: Path) -> None:
    write_image(tmp_path / "cats" / "a.png", seed=1)
    (file,) = scanned(tmp_path)
    alike = [
        ScannedFile(f"cats/{n}", "cats", str(n), file.perceptual_hash, 9, 9, 1, 1)
        for n in range(400)
    ]

    assert set(duplicate_groups(alike).tolist()) == {0}


def test_a_hash_of_another_make_is_near_to_nothing() -> None:
    files = [ScannedFile(f"c/{n}", "c", str(n), "00", 9, 9, 1, 1) for n in range(3)]

    assert duplicate_groups(files).tolist() == [0, 1, 2]
