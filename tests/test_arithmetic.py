"""Multiply-adds counted in the file agree with those counted from the layers."""

from __future__ import annotations

import json

import pytest

from cleaner import arithmetic
from cleaner.backbones.embedded import weights_folder
from cleaner.errors import ModelError

MANIFEST = json.loads((weights_folder() / "manifest.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", MANIFEST)
@pytest.mark.parametrize("ending", [".tflite", ".int8.tflite"])
def test_the_count_is_that_of_the_layers(name: str, ending: str) -> None:
    found = arithmetic.multiply_adds((weights_folder() / f"{name}{ending}").read_bytes())
    assert found == MANIFEST[name]["multiply_adds"]


def test_mobilenet_takes_what_its_paper_says() -> None:
    """Howard et al. give 569 million, with the last layer of 1000 classes on top."""
    file = weights_folder() / "mobilenet_v1_1.0_224.tflite"
    with_top = arithmetic.multiply_adds(file.read_bytes()) + 1024 * 1000
    assert with_top == pytest.approx(569e6, rel=0.001)


def test_other_bytes_are_refused() -> None:
    with pytest.raises(ModelError, match="no TensorFlow Lite model"):
        arithmetic.multiply_adds(b"something else")
