"""A finished network becomes files, and nothing is called done before they agree."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnxruntime
import tensorflow as tf
from PIL import Image

from cleaner.arrays import ImageBatch, PredProbs, SampleBatch
from cleaner.classifier import Classifier, open_classifier
from cleaner.errors import ExportError
from cleaner.exporters import MODEL_EXPORTERS, MODEL_FILES
from cleaner.exporters.base import LABELS_NAME, label_lines
from cleaner.progress import Progress, Report

TOLERANCE = 1e-3
# Rounded weights are another model, strictly speaking: what counts is how many labels stay as they
# are. Half precision moves a probability by 0.001 mostly, and by 0.1 where it is undecided.
LEAST_AGREEMENT = {"tflite_float16": 0.97, "tflite_int8": 0.9}
_OPTIONAL = ("tflite_int8", "onnx")
_STAGE = "Writing the model"
_TIMED_SECONDS = 1.0
# Eight photos of 224 px. Of small ones more go together: a call costs more than they do.
_PIXELS_AT_ONCE = 8 * 224**2


@dataclass(frozen=True, slots=True)
class Shipped:
    """What was written, and how well it agrees with the network.

    Attributes:
        classifier: runs the .tflite file.
        agreement: format -> share of the samples that it labels as the network does, 0..1.
        notes: what was left out, and why, one sentence each.
    """

    classifier: Classifier
    agreement: dict[str, float]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proofs:
    """Photos at the network's input side that files are made and checked with.

    Attributes:
        trained_on: some training photos, to calibrate with.
        unseen: some others, to compare the formats on; real ones, since noise agrees with itself.
    """

    trained_on: SampleBatch
    unseen: ImageBatch


def ship(
    model: keras.Model,
    class_names: Sequence[str],
    folder: Path,
    proofs: Proofs,
    report: Report,
    formats: Collection[str] = tuple(MODEL_FILES),
) -> Shipped:
    """Write the model in these formats into a new folder, and say how well they agree.

    ``tflite`` and ``keras`` are among them: the one is run, the other can be trained further. A
    file with rounded weights whose labels are others too often is not kept, nor is one in int8 or
    ONNX that cannot be made of this network: the notes name it.

    Raises:
        ExportError: a format cannot be written, or gives other answers than the network does.
    """
    folder.mkdir(parents=True)
    (folder / LABELS_NAME).write_text(label_lines(class_names), encoding="utf-8")
    notes: list[str] = []
    for done, name in enumerate(formats):
        report(Progress(_STAGE, done, len(formats) + 1, name))
        place = folder / MODEL_FILES[name]
        try:
            MODEL_EXPORTERS[name](model, class_names, place, proofs.trained_on)
        except Exception as error:
            # Networks that somebody named may hold what only TensorFlow computes.
            if name not in _OPTIONAL:
                raise
            notes.append(f"The {name} file was left out: {next(iter(str(error).splitlines()), '')}")
    report(Progress(_STAGE, len(formats), len(formats) + 1, "comparing the formats"))
    classifier = open_classifier(folder)
    expected = _by_network(model, proofs.unseen)
    agreement: dict[str, float] = {}
    for name, probs in _answers(folder, classifier, proofs.unseen):
        share = float((probs.argmax(axis=1) == expected.argmax(axis=1)).mean())
        if name not in LEAST_AGREEMENT:
            check_parity(name, probs, expected)
        elif share < LEAST_AGREEMENT[name]:
            (folder / MODEL_FILES[name]).unlink()
            notes.append(_left_out(name, share, len(expected)))
            continue
        if name in MODEL_FILES:
            agreement[name] = share
    return Shipped(classifier, agreement, tuple(notes))


def _left_out(name: str, agreement: float, images: int) -> str:
    return (
        f"The {name} file was left out: it gives the network's label to {agreement:.0%} of "
        f"{images} images, and {LEAST_AGREEMENT[name]:.0%} are asked for."
    )


def check_parity(name: str, probs: PredProbs, expected: PredProbs) -> None:
    """Raise ExportError where a format's probabilities are not those of the network.

    Labels must be equal too, except where two classes are as good as tied.
    """
    worst = float(np.abs(probs - expected).max(initial=0.0))
    top_two = np.sort(expected, axis=1)[:, -2:]
    clear = top_two[:, 1] - top_two[:, 0] > 2 * TOLERANCE
    other = int((probs.argmax(axis=1) != expected.argmax(axis=1))[clear].sum())
    if not worst <= TOLERANCE or other:
        raise ExportError(
            f"The model as {name} disagrees with the network it was made from: probabilities by "
            f"up to {worst:.4f}, labels on {other} of {len(expected)} images. Nothing was kept; "
            "install the pinned versions of TensorFlow and Keras and train again."
        )


def images_per_second(classifier: Classifier, samples: ImageBatch) -> float:
    """Return how many decoded photos a second this machine labels, on all its processors."""
    photos = list(samples) * 4
    classifier.predict(photos)  # the first one opens the interpreters
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < _TIMED_SECONDS:
        classifier.predict(photos)
        count += len(photos)
    return count / (time.perf_counter() - start)


def keras_images_per_second(model: keras.Model, samples: ImageBatch) -> float:
    """Return how many decoded and resized photos a second TensorFlow labels in one batch."""
    run = tf.function(model)
    batch = tf.constant(samples, tf.float32)
    run(batch, training=False)
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < _TIMED_SECONDS:
        run(batch, training=False)
        count += len(samples)
    return count / (time.perf_counter() - start)


def sizes(folder: Path) -> Mapping[str, int]:
    """Return the bytes of each format that is there."""
    found = {name: folder / file_name for name, file_name in MODEL_FILES.items()}
    return {name: _bytes_in(path) for name, path in found.items() if path.exists()}


def flush(folder: Path) -> None:
    """Make sure that the files outlive a power cut, before their folder is renamed."""
    for path in [*folder.rglob("*"), folder]:
        _sync(path)


def flush_folder(folder: Path) -> None:
    """Make sure that the names in a folder outlive a power cut."""
    _sync(folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _answers(
    folder: Path, classifier: Classifier, samples: ImageBatch
) -> Iterator[tuple[str, PredProbs]]:
    loaded = keras.models.load_model(folder / MODEL_FILES["keras"], compile=False, safe_mode=True)
    yield "keras", _by_network(loaded, samples)
    if (folder / MODEL_FILES["saved_model"]).exists():
        yield from _served(folder / MODEL_FILES["saved_model"], samples)
    yield "tflite", classifier.predict(list(samples))
    for name in ("tflite_float16", "tflite_int8"):
        if not (folder / MODEL_FILES[name]).exists():
            continue
        yield name, open_classifier(folder / MODEL_FILES[name]).predict(list(samples))
    if not (folder / MODEL_FILES["onnx"]).exists():
        return
    session = onnxruntime.InferenceSession(folder / MODEL_FILES["onnx"])
    yield (
        "onnx",
        _in_parts(lambda part: session.run(["probabilities"], {"image": part})[0], samples),
    )


def _served(place: Path, samples: ImageBatch) -> Iterator[tuple[str, PredProbs]]:
    served = tf.saved_model.load(str(place)).signatures
    from_bytes, from_pixels = served["serving_default"], served["pixels"]

    def by_bytes(part: ImageBatch) -> Any:
        encoded = tf.constant([_png(photo) for photo in part])
        return from_bytes(image_bytes=encoded)["probabilities"]

    def by_pixels(part: ImageBatch) -> Any:
        return from_pixels(images=tf.constant(part))["probabilities"]

    yield "saved_model", _in_parts(by_bytes, samples)
    yield "saved_model (pixels)", _in_parts(by_pixels, samples)


def _by_network(model: keras.Model, samples: ImageBatch) -> PredProbs:
    return _in_parts(lambda part: model(tf.constant(part, tf.float32), training=False), samples)


def _in_parts(run: Callable[[Any], Any], samples: ImageBatch) -> PredProbs:
    """Return the answers for all photos; a hundred at once would take gigabytes."""
    _count, height, width, _channels = samples.shape
    at_once = max(1, _PIXELS_AT_ONCE // (height * width))
    parts = [samples[start : start + at_once] for start in range(0, len(samples), at_once)]
    return np.concatenate([np.asarray(run(part)) for part in parts])


def _png(photo: np.ndarray) -> bytes:
    encoded = io.BytesIO()
    Image.fromarray(photo).save(encoded, "PNG")
    return encoded.getvalue()


def _bytes_in(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
