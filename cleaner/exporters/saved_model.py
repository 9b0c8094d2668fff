"""The model as a TensorFlow SavedModel: encoded photos in, labels out, all the steps inside.

Two signatures: ``serving_default`` takes the bytes of JPEG, PNG, GIF, BMP or WebP files;
``pixels`` takes one batch of decoded RGB photos of any one size.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cleaner.arrays import ImageBatch
from cleaner.exporters.base import LABELS_NAME, beside, label_line, label_lines

if TYPE_CHECKING:
    import keras

FILE_NAME = "saved_model"

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_BIT_DEPTH = 24
_JPEG = b"\xff\xd8\xff"
_EXIF = b"Exif\0\0"
# A marker segment of a JPEG, EXIF among them, is no longer than this.
_LONGEST_SEGMENT = 65_536
_MOST_TAGS = 128
_TAG_BYTES = 12
_ORIENTATION_TAG = 0x0112


def export(
    model: keras.Model,
    class_names: Sequence[str],
    destination: Path,
    _photos: ImageBatch | None = None,
) -> None:
    """Write the folder; ``assets/labels.txt`` lies in it.

    Decoding is TensorFlow's, made to agree with `cleaner.images`: EXIF orientation is obeyed,
    transparent PNGs are laid on white. TensorFlow does not limit what a hostile file may cost,
    so serve strangers' files behind a size check.

    Raises:
        ExportError: the destination is taken or cannot be written.
    """
    import tensorflow as tf

    labels = [label_line(name) for name in class_names]
    side_px = model.input_shape[1]
    module = tf.Module()
    module.model = model

    def from_bytes(image_bytes: Any) -> dict[str, Any]:
        photos = tf.map_fn(
            lambda encoded: squared(encoded, side_px),
            image_bytes,
            fn_output_signature=tf.TensorSpec([side_px, side_px, 3], tf.float32),
        )
        return _answer(model(photos, training=False), labels)

    def from_pixels(images: Any) -> dict[str, Any]:
        return _answer(model(_resized(images, side_px), training=False), labels)

    encoded = tf.TensorSpec([None], tf.string, name="image_bytes")
    decoded = tf.TensorSpec([None, None, None, 3], tf.uint8, name="images")
    module.from_bytes = tf.function(from_bytes, input_signature=[encoded])
    module.from_pixels = tf.function(from_pixels, input_signature=[decoded])
    signatures = {"serving_default": module.from_bytes, "pixels": module.from_pixels}
    with beside(destination) as partial:
        tf.saved_model.save(module, str(partial), signatures=signatures)
        (partial / "assets").mkdir(exist_ok=True)
        (partial / "assets" / LABELS_NAME).write_text(label_lines(class_names), encoding="utf-8")


def squared(encoded: Any, side_px: int) -> Any:
    """Return an encoded photo as (side_px, side_px, 3) floats, 0..255, as `cleaner.images` does."""
    return _resized(_decoded(encoded), side_px)


def _answer(probabilities: Any, labels: Sequence[str]) -> dict[str, Any]:
    import tensorflow as tf

    best = tf.argmax(probabilities, axis=-1)
    return {"probabilities": probabilities, "label": tf.gather(tf.constant(labels), best)}


def _resized(photos: Any, side_px: int) -> Any:
    import tensorflow as tf

    # As Pillow, which the model was trained with: first the width, then the height, whole
    # numbers after each.
    return _stretched(_stretched(photos, (tf.shape(photos)[-3], side_px)), (side_px, side_px))


def _stretched(photos: Any, size: tuple[Any, int]) -> Any:
    import tensorflow as tf

    stretched = tf.image.resize(photos, size, method="bicubic", antialias=True)
    return tf.clip_by_value(tf.round(stretched), 0.0, 255.0)


def _decoded(encoded: Any) -> Any:
    """Return an upright picture as floats, 0..255."""
    import tensorflow as tf

    return tf.case(
        [
            (_starts_with(encoded, _JPEG), lambda: _jpeg(encoded)),
            (_starts_with(encoded, _PNG), lambda: _png(encoded)),
        ],
        default=lambda: tf.cast(
            tf.io.decode_image(encoded, channels=3, expand_animations=False), tf.float32
        ),
    )


def _starts_with(encoded: Any, magic: bytes) -> Any:
    import tensorflow as tf

    return tf.equal(tf.strings.substr(encoded, 0, len(magic)), tf.constant(magic))


def _jpeg(encoded: Any) -> Any:
    import tensorflow as tf

    stored = tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE")
    return tf.cast(_upright(stored, _orientation(encoded)), tf.float32)


def _png(encoded: Any) -> Any:
    import tensorflow as tf

    stored = tf.cast(tf.io.decode_png(encoded, channels=4), tf.float32)
    # TensorFlow gives pictures of 1, 2 or 4 bits an alpha that is 1, 3 or 15 where opaque.
    bit_depth = tf.io.decode_raw(tf.strings.substr(encoded, _PNG_BIT_DEPTH, 1), tf.uint8)[0]
    opaque = 2.0 ** tf.cast(tf.minimum(bit_depth, 8), tf.float32) - 1.0
    opacity = tf.minimum(stored[..., 3:] / opaque, 1.0)
    return tf.round(stored[..., :3] * opacity + 255.0 * (1.0 - opacity))


def _upright(picture: Any, orientation: Any) -> Any:
    import tensorflow as tf

    # What each EXIF number asks for: swap rows and columns, then mirror rows, then columns.
    turned = tf.where(orientation >= 5, 1, 0)
    picture = tf.cond(turned > 0, lambda: tf.transpose(picture, (1, 0, 2)), lambda: picture)
    upside_down = tf.reduce_any(tf.equal(orientation, [3, 4, 7, 8]))
    mirrored = tf.reduce_any(tf.equal(orientation, [2, 3, 6, 7]))
    picture = tf.cond(upside_down, lambda: tf.reverse(picture, [0]), lambda: picture)
    return tf.cond(mirrored, lambda: tf.reverse(picture, [1]), lambda: picture)


def _orientation(encoded: Any) -> Any:
    """Return the EXIF orientation of a JPEG, 1 where there is none."""
    import tensorflow as tf

    start = tf.io.decode_raw(tf.strings.substr(encoded, 0, 2 * _LONGEST_SEGMENT), tf.uint8)
    windows = tf.signal.frame(start, len(_EXIF), 1)
    is_exif = tf.reduce_all(tf.equal(windows, tf.constant(list(_EXIF), tf.uint8)), axis=1)
    found = tf.reshape(tf.where(is_exif), [-1])
    return tf.cond(
        # Two bytes with the length of the segment stand before its name.
        tf.size(found) > 0,
        lambda: _tagged_orientation(_segment(tf.cast(start, tf.int32), found[0])),
        lambda: tf.constant(1),
    )


def _segment(start: Any, found: Any) -> Any:
    import tensorflow as tf

    length = tf.cast(256 * start[found - 2] + start[found - 1], tf.int64)
    return start[found + len(_EXIF) : tf.maximum(found - 2 + length, found + len(_EXIF))]


def _tagged_orientation(exif: Any) -> Any:
    """Return the orientation from the first directory of a TIFF structure."""
    import tensorflow as tf

    # Zeros behind the end, so that no offset or count in a damaged file reaches past it.
    exif = tf.pad(exif, [[0, _LONGEST_SEGMENT + (_MOST_TAGS + 1) * _TAG_BYTES]])
    little_endian = tf.equal(exif[0], ord("I"))

    def number(pair: Any) -> Any:
        return tf.where(
            little_endian, pair[..., 0] + 256 * pair[..., 1], pair[..., 1] + 256 * pair[..., 0]
        )

    offset = tf.where(little_endian, number(exif[4:6]), number(exif[6:8]))
    tags = tf.reshape(
        exif[offset + 2 : offset + 2 + _MOST_TAGS * _TAG_BYTES], (_MOST_TAGS, _TAG_BYTES)
    )
    is_tag = tf.range(_MOST_TAGS) < number(exif[offset : offset + 2])
    is_orientation = is_tag & tf.equal(number(tags[:, :2]), _ORIENTATION_TAG)
    values = tf.boolean_mask(number(tags[:, 8:10]), is_orientation)
    return tf.cond(tf.size(values) > 0, lambda: values[0], lambda: tf.constant(1))
