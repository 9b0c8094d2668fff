"""A model of ImageNet's classes and a dataset's own, made and used by the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.cli.conftest import Call
from tests.pictures import picture

pytestmark = pytest.mark.slow


@pytest.fixture
def signs(tmp_path: Path) -> Path:
    """Two classes that no network mistakes, and golf balls, as far as their name goes."""
    root = tmp_path / "signs"
    colours = {"reddish": "red", "bluish": "blue", "golf balls": "white"}
    for first, (name, colour) in enumerate(colours.items()):
        (root / name).mkdir(parents=True)
        for number in range(12):
            blobs = picture(100 * first + number, (96, 96))
            tinted = Image.blend(blobs, Image.new("RGB", blobs.size, colour), 0.7)
            tinted.save(root / name / f"{number}.png")
    return root


def test_new_classes_join_the_thousand(call: Call, signs: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    options = ("--backbone", "efficientnet_lite0", "--check", signs / "golf balls")
    made = call("extend", signs, "--out", model, *options, "--json").document
    assert made["classes"] == 1002
    assert set(made["new_classes"]) == {"reddish", "bluish"}
    assert made["known_classes"] == {"golf balls": "golf ball"}
    assert made["old_images"] >= 12
    photos = sorted((signs / "reddish").iterdir())
    found = call("predict", model, *photos, "--json").document["predictions"]
    assert sum(one["label"] == "reddish" for one in found) >= 9


def test_a_dataset_without_a_new_class_is_one_line(call: Call, tmp_path: Path) -> None:
    root = tmp_path / "balls"
    (root / "golf ball").mkdir(parents=True)
    Image.new("RGB", (64, 64), "white").save(root / "golf ball" / "1.png")
    refused = call("extend", root, "--out", tmp_path / "model")
    assert refused.code == 1
    assert "ImageNet knows every class in it" in refused.complaint
    assert not (tmp_path / "model").exists()
