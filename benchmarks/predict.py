"""How many photos a second `predict` labels, beside Keras's own `predict`, in one run.

    python -m benchmarks.predict PHOTOS --images 4000

PHOTOS is any folder of photos in class folders: out of it so many JPEGs of 320 px are made. The
network has random weights, which takes it as long as trained ones. First come the limits: what
decoding and the network alone would allow on all processors, and what each part of a photo's way
costs, ours and Keras's. Rates stand twice: by the clock, for an idle machine, and by processor
seconds, for one that others use meanwhile.

Keras is run in two ways: in batches over `image_dataset_from_directory`, which is its quickest,
and photo by photo with `load_img`, which is how its guides label a photo. Each ratio says which of
the two it is to.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from benchmarks.speed import SIDE_PX, _make_photos, _rate
from cleaner import decoders, images, pixels, processors
from cleaner.classifier import open_classifier
from cleaner.errors import ImageRejected
from cleaner.exporters import MODEL_EXPORTERS
from cleaner.learning import finetune
from cleaner.learning.architectures import open_architecture
from cleaner.learning.final_head import FinalHead
from cleaner.mobilenets import parse
from cleaner.runtimes import litert
from cleaner.settings import FROM_NOTHING

if TYPE_CHECKING:
    import keras

    from cleaner.arrays import ImageBatch

_CLASSES = [f"class {number}" for number in range(10)]
_BATCH = 32
_WARM = 64
_COSTED = 256
_COSTED_TURNS = 5
# Photo by photo Keras is too slow for all of them.
_ONE_BY_ONE = 200


def main() -> None:
    """Measure, and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("photos", type=Path)
    parser.add_argument("--images", type=int, default=4_000)
    parser.add_argument("--model", default="mobilenet_v1_0.25_128")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "photos"
        _make_photos(arguments.photos, root, arguments.images)
        paths = sorted(root.rglob("*.jpg"))
        side_px = parse(arguments.model).side_px
        model = _network(arguments.model, Path(scratch))
        files = _written(model, Path(scratch) / "models", _squares(paths[:_WARM], side_px))
        size = sum(path.stat().st_size for path in paths) / len(paths)
        _say("photos", f"{len(paths)} of {SIDE_PX} px, {size / 1e3:.0f} kB on the average")
        _limits(paths, files, side_px)
        _costs(paths[:_COSTED], files, side_px)
        _keras_costs(paths[:_COSTED], model, side_px)
        ours = {name: _ours(name, path, paths) for name, path in files.items()}
        _compare(ours, "Keras in batches", _keras(model, root, side_px, len(paths)))
        _compare(ours, "Keras by one", _keras_one_by_one(model, paths[:_ONE_BY_ONE], side_px))
        _command(next(iter(files.values())), root, len(paths))


def _network(name: str, scratch: Path) -> keras.Model:
    backbone = open_architecture(name, scratch, weights=FROM_NOTHING)
    features = backbone.build().output_shape[-1]
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(features, len(_CLASSES))).astype(np.float32)
    head = FinalHead(kernel, np.zeros(len(_CLASSES), np.float32), {})
    return finetune.assembled(backbone, head).model


def _squares(paths: Sequence[Path], side_px: int) -> ImageBatch:
    least_px = round(side_px * images.DECODE_MARGIN)
    photos = (images.read_bytes(path, root=path.parent) for path in paths)
    return np.stack([pixels.square(one, side_px=side_px, min_side_px=least_px) for one in photos])


def _written(model: keras.Model, folder: Path, photos: ImageBatch) -> dict[str, Path]:
    folder.mkdir()
    files = {}
    for name, export in MODEL_EXPORTERS.items():
        if name.startswith("tflite"):
            files[name] = folder / f"{name}.tflite"
            with contextlib.redirect_stderr(io.StringIO()):
                export(model, _CLASSES, files[name], photos)
    return files


def _limits(paths: Sequence[Path], files: dict[str, Path], side_px: int) -> None:
    sample = [images.read_bytes(path, root=path.parent) for path in paths[:256]]
    least_px = round(side_px * images.DECODE_MARGIN)

    def square(data: bytes) -> object:
        return pixels.square(data, side_px=side_px, min_side_px=least_px)

    _say("decoding and resizing alone", f"{_rate(lambda: square, sample):.0f}/s")
    squares = [[square(data)] for data in sample]
    for name, path in files.items():
        rate = _rate(lambda path=path: litert.open_model(path), squares)  # type: ignore[misc]
        _say(f"{name} alone", f"{rate:.0f}/s")


def _costs(paths: Sequence[Path], files: dict[str, Path], side_px: int) -> None:
    """Say what each part of a photo's way costs one thread here; each part holds those before."""
    least_px = round(side_px * images.DECODE_MARGIN)
    read = [images.read_bytes(path, root=path.parent) for path in paths]

    def opened(data: bytes) -> Image.Image:
        return Image.open(io.BytesIO(data), formats=["JPEG"])

    def decoded(data: bytes) -> Image.Image:
        picture = opened(data)
        factor = max(1, min(picture.size) // least_px)
        picture.draft("RGB", (picture.width // factor, picture.height // factor))
        picture.load()
        return picture

    def resized(data: bytes) -> Image.Image:
        return decoded(data).resize((side_px, side_px), Image.Resampling.BICUBIC)

    _cost("read the file", lambda path: images.read_bytes(path, root=path.parent), paths)
    _cost("open it (Pillow)", opened, read)
    _cost("and decode it, smaller", decoded, read)
    _cost("and resize it", resized, read)
    square = {"side_px": side_px, "min_side_px": least_px}
    _cost("with all that is checked", lambda data: pixels.square(data, **square), read)
    squares = list(_squares(paths, side_px))
    for name, path in files.items():
        runtime = litert.open_model(path)
        _cost(f"{name}, the network", lambda photo, run=runtime: run([photo]), squares)


def _keras_costs(paths: Sequence[Path], model: keras.Model, side_px: int) -> None:
    """Say the same of what `image_dataset_from_directory` and Keras `predict` do."""
    import tensorflow as tf

    read = [tf.constant(path.read_bytes()) for path in paths]
    batches = [tf.zeros((_BATCH, side_px, side_px, 3))] * (len(paths) // _BATCH)
    run = tf.function(model)

    def decoded(data: tf.Tensor) -> tf.Tensor:
        return tf.io.decode_image(data, channels=3, expand_animations=False)

    def resized(data: tf.Tensor) -> tf.Tensor:
        return tf.image.resize(decoded(data), (side_px, side_px))

    _cost("Keras: decode it whole", decoded, read)
    _cost("Keras: and resize it", resized, read)
    _cost("Keras: the network", lambda batch: run(batch, training=False), batches, each=_BATCH)


def _cost(name: str, work: Callable[[Any], object], inputs: Sequence[Any], each: int = 1) -> None:
    """Say the processor milliseconds a photo, in the best of a few turns."""
    turns = []
    for _ in range(_COSTED_TURNS):
        began = time.process_time()
        for one in inputs:
            work(one)
        turns.append((time.process_time() - began) / (len(inputs) * each))
    _say(name, f"{1000 * min(turns):.3f} ms")


def _ours(name: str, file: Path, paths: Sequence[Path]) -> tuple[float, float]:
    classifier = open_classifier(file)
    list(classifier.predict_files(paths[:_WARM]))

    def work() -> None:
        for path, outcome in classifier.predict_files(paths):
            if isinstance(outcome, ImageRejected):
                raise SystemExit(f"{path}: {outcome}")

    return _timed(f"predict {name}", work, len(paths))


def _keras(model: keras.Model, root: Path, side_px: int, count: int) -> tuple[float, float]:
    import keras

    with contextlib.redirect_stdout(io.StringIO()):
        photos = keras.utils.image_dataset_from_directory(
            root, labels=None, image_size=(side_px, side_px), batch_size=_BATCH, shuffle=False
        )
    model.predict(photos.take(2), verbose=0)
    return _timed("Keras predict, in batches", lambda: model.predict(photos, verbose=0), count)


def _keras_one_by_one(
    model: keras.Model, paths: Sequence[Path], side_px: int
) -> tuple[float, float]:
    import keras

    def label(path: Path) -> None:
        photo = keras.utils.load_img(path, target_size=(side_px, side_px))
        model.predict(keras.utils.img_to_array(photo)[np.newaxis], verbose=0)

    label(paths[0])  # compiled now, not while it is timed
    return _timed("Keras predict, by one", lambda: list(map(label, paths)), len(paths))


def _compare(ours: dict[str, tuple[float, float]], other: str, theirs: tuple[float, float]) -> None:
    for name, rates in ours.items():
        clock, busy = (own / their for own, their in zip(rates, theirs, strict=True))
        _say(f"{name} to {other}", f"{clock:.1f} times, by processor time {busy:.1f}")


def _timed(name: str, work: Callable[[], object], count: int) -> tuple[float, float]:
    began, began_busy = time.perf_counter(), _busy_seconds()
    work()
    clock = count / (time.perf_counter() - began)
    busy = count / (_busy_seconds() - began_busy) * processors.available()
    _say(name, f"{clock:.0f}/s by the clock, {busy:.0f}/s by processor time")
    return clock, busy


def _busy_seconds() -> float:
    """Return the processor seconds of this process and of the decoders that it started."""
    return time.process_time() + sum(_seconds_of_decoders())


def _seconds_of_decoders() -> Iterator[float]:
    for decoder in decoders._living:
        fields = Path(f"/proc/{decoder.pid}/stat").read_text().rpartition(")")[2].split()
        yield (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _command(file: Path, root: Path, count: int) -> None:
    """Time the whole command, from its start to a table of all labels."""
    sheet = root.parent / "labels.csv"
    words = [sys.executable, "-m", "cleaner", "predict", str(file), str(root), "--csv", str(sheet)]
    began = time.perf_counter()
    subprocess.run(words, check=True, capture_output=True)
    seconds = time.perf_counter() - began
    _say("the whole command", f"{seconds:.1f} s, {count / seconds:.0f}/s with its start")


def _say(what: str, value: str) -> None:
    print(f"{what:32} {value}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
