"""A SavedModel sees files as this project does."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from cleaner import images
from cleaner.exporters import saved_model
from tests.pictures import encoded, picture

if TYPE_CHECKING:
    import keras

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

SIDE_PX = 16


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """A network whose outputs are the photo itself, each value a class."""
    import keras

    photos = keras.Input((SIDE_PX, SIDE_PX, 3), name="image")
    return keras.Model(photos, keras.layers.Flatten()(photos))


@pytest.fixture(scope="module")
def folder(model: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    destination = tmp_path_factory.mktemp("exported") / "saved_model"
    labels = [f"class {number}" for number in range(SIDE_PX * SIDE_PX * 3)]
    saved_model.export(model, labels, destination)
    return destination


@pytest.fixture(scope="module")
def served(folder: Path) -> Any:
    import tensorflow as tf

    return tf.saved_model.load(str(folder)).signatures["serving_default"]


def answered(served: Any, files: list[bytes]) -> Any:
    import tensorflow as tf

    return served(image_bytes=tf.constant(files))


def seen(served: Any, data: bytes) -> np.ndarray:
    pixels: np.ndarray = answered(served, [data])["probabilities"].numpy()
    return pixels.reshape(SIDE_PX, SIDE_PX, 3)


def expected(data: bytes) -> np.ndarray:
    return images.squared(images.decode(data), SIDE_PX)


def with_orientation(number: int, *, endian: str) -> bytes:
    exif = Image.Exif()
    exif.endian = endian
    exif[0x010F] = "A maker whose name comes before the orientation"
    exif[0x0112] = number
    return encoded(picture(0, (60, 40)), "JPEG", quality=95, exif=exif.tobytes())


@pytest.mark.parametrize("endian", ["<", ">"])
@pytest.mark.parametrize("number", range(1, 9))
def test_photos_are_turned_upright(served: Any, number: int, endian: str) -> None:
    data = with_orientation(number, endian=endian)
    np.testing.assert_allclose(seen(served, data), expected(data), atol=1)


def test_the_orientations_do_look_different(served: Any) -> None:
    turned = {seen(served, with_orientation(n, endian="<")).tobytes() for n in range(1, 9)}
    assert len(turned) == 8


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\0\0", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12"]
)
def test_damaged_exif_is_no_harm(served: Any, exif: bytes) -> None:
    data = encoded(picture(0, (60, 40)), "JPEG", quality=95, exif=exif)
    plain = encoded(picture(0, (60, 40)), "JPEG", quality=95)
    np.testing.assert_array_equal(seen(served, data), seen(served, plain))


@pytest.mark.parametrize("container", ["PNG", "GIF", "BMP", "WEBP"])
def test_other_formats_are_read(served: Any, container: str) -> None:
    data = encoded(picture(1, (50, 70)), container)
    np.testing.assert_allclose(seen(served, data), expected(data), atol=2)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "L", "1", "P"])
def test_every_kind_of_png_is_laid_on_white(served: Any, mode: str) -> None:
    source = picture(2, (40, 40)).convert("RGBA")
    source.putalpha(Image.linear_gradient("L").resize((40, 40)))
    converted = (
        source.convert("RGB").convert(mode) if mode in ("L", "1", "P") else source.convert(mode)
    )
    data = encoded(converted)
    np.testing.assert_allclose(seen(served, data), expected(data), atol=2)


def test_several_files_of_different_sizes_go_in_one_batch(served: Any) -> None:
    files = [encoded(picture(seed, (30 + 9 * seed, 50))) for seed in range(3)]
    answer = answered(served, files)
    assert answer["probabilities"].shape == (3, SIDE_PX * SIDE_PX * 3)
    best = answer["probabilities"].numpy().argmax(axis=1)
    assert [label.decode() for label in answer["label"].numpy()] == [f"class {n}" for n in best]


def test_the_labels_lie_in_the_folder(folder: Path) -> None:
    lines = io.StringIO((folder / "assets" / "labels.txt").read_text(encoding="utf-8"))
    assert next(lines) == "class 0\n"
