"""The audits that go by light, sharpness and colour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageFilter

from cleaner import folder, looks
from cleaner.audits import AUDITS, Audit
from cleaner.audits.base import LEAST_PICTURES, deviations
from cleaner.items import ScannedFile
from tests.pictures import detailed

_KINDS = ("dark", "bright", "blurry", "low_information", "greyscale")
_ODD: dict[str, Callable[[Image.Image], Image.Image]] = {
    "dark": lambda image: ImageEnhance.Brightness(image).enhance(0.15),
    "bright": lambda image: Image.blend(image, Image.new("RGB", image.size, "white"), 0.85),
    "blurry": lambda image: image.filter(ImageFilter.GaussianBlur(3)),
    "low_information": lambda image: Image.new("RGB", image.size, (130, 120, 40)),
    "greyscale": lambda image: image.convert("L").convert("RGB"),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[ScannedFile, ...]:
    """Thirty usual pictures, and one that is odd in each way."""
    root = tmp_path_factory.mktemp("looks")
    (root / "class").mkdir()
    for number in range(30):
        detailed(number).save(root / "class" / f"{number}.png")
    for number, (kind, change) in enumerate(_ODD.items(), 100):
        change(detailed(number)).save(root / "class" / f"{kind}.png")
    return folder.scan(root).files


def found(audit: Audit, files: Sequence[ScannedFile]) -> set[str]:
    return {Path(path).stem for finding in audit(files) for path in finding.paths}


@pytest.mark.parametrize("kind", _KINDS)
def test_the_odd_one_is_named(files: tuple[ScannedFile, ...], kind: str) -> None:
    assert kind in found(AUDITS[kind], files)


@pytest.mark.parametrize("kind", _KINDS)
def test_none_of_the_usual_ones_is_named(files: tuple[ScannedFile, ...], kind: str) -> None:
    assert not any(name.isdigit() for name in found(AUDITS[kind], files))


@pytest.mark.parametrize("kind", _KINDS)
def test_among_its_like_nothing_is_odd(files: tuple[ScannedFile, ...], kind: str) -> None:
    (odd,) = (file for file in files if file.path == f"class/{kind}.png")
    alike = [replace(odd, path=f"class/{number}.png") for number in range(30)]
    assert AUDITS[kind](alike) == []


@pytest.mark.parametrize("kind", _KINDS)
def test_of_few_pictures_none_is_odd(files: tuple[ScannedFile, ...], kind: str) -> None:
    assert AUDITS[kind](files[-LEAST_PICTURES + 1 :]) == []


@pytest.mark.parametrize("kind", _KINDS)
def test_what_another_version_measured_is_passed_over(
    files: tuple[ScannedFile, ...], kind: str
) -> None:
    assert AUDITS[kind]([replace(file, looks="") for file in files]) == []


@pytest.mark.parametrize("kind", _KINDS)
def test_the_order_of_the_files_does_not_matter(files: tuple[ScannedFile, ...], kind: str) -> None:
    shuffled = [files[place] for place in np.random.default_rng(0).permutation(len(files))]
    assert found(AUDITS[kind], shuffled) == found(AUDITS[kind], files)


@given(st.lists(st.floats(-1e6, 1e6), min_size=LEAST_PICTURES, max_size=60))
def test_deviations_follow_their_values(values: list[float]) -> None:
    order = np.random.default_rng(0).permutation(len(values))
    whole = deviations(np.array(values), least_spread=1.0)
    assert np.array_equal(deviations(np.array(values)[order], least_spread=1.0), whole[order])
    assert np.sort(np.abs(whole))[: len(values) // 2].max() <= 1.0


def test_a_blur_lowers_the_sharpness() -> None:
    image = detailed(3)
    sharp, soft = (
        looks.sharpness(np.asarray(one.convert("L")))
        for one in (image, image.filter(ImageFilter.GaussianBlur(2)))
    )
    assert soft < sharp / 2


def test_a_picture_without_an_edge_is_not_called_blurry() -> None:
    assert looks.sharpness(np.full((40, 60), 7, np.uint8)) == 1.0
    assert looks.sharpness(np.zeros((2, 2), np.uint8)) == 1.0
