"""A finished network becomes files, and nothing is called done before they agree."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from cleaner.arrays import ImageBatch, PredProbs
from cleaner.classifier import Classifier, open_classifier
from cleaner.errors import ExportError
from cleaner.exporters import MODEL_EXPORTERS, MODEL_FILES
from cleaner.exporters.base import LABELS_NAME, label_lines
from cleaner.progress import Progress, Report

TOLERANCE = 1e-3
_STAGE = "Writing the model"
_TIMED_SECONDS = 1.0


def ship(
    model: keras.Model,
    class_names: Sequence[str],
    folder: Path,
    samples: ImageBatch,
    report: Report,
) -> Classifier:
    """Write the model in every format into a new folder, and return the classifier in it.

    Raises:
        ExportError: a format cannot be written, or gives other answers than the network does.
    """
    folder.mkdir(parents=True)
    (folder / LABELS_NAME).write_text(label_lines(class_names), encoding="utf-8")
    for done, (name, file_name) in enumerate(MODEL_FILES.items()):
        report(Progress(_STAGE, done, len(MODEL_FILES) + 1, name))
        MODEL_EXPORTERS[name](model, class_names, folder / file_name)
    report(Progress(_STAGE, len(MODEL_FILES), len(MODEL_FILES) + 1, "comparing the formats"))
    classifier = open_classifier(folder)
    expected = np.asarray(model(tf.constant(samples, tf.float32), training=False))
    for name, probs in _answers(folder, classifier, samples).items():
        check_parity(name, probs, expected)
    return classifier


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


def sizes(folder: Path) -> Mapping[str, int]:
    """Return the bytes of each format."""
    return {name: _bytes_in(folder / file_name) for name, file_name in MODEL_FILES.items()}


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


def _answers(folder: Path, classifier: Classifier, samples: ImageBatch) -> dict[str, PredProbs]:
    loaded = keras.models.load_model(folder / MODEL_FILES["keras"], compile=False, safe_mode=True)
    served = tf.saved_model.load(str(folder / MODEL_FILES["saved_model"])).signatures
    encoded = tf.constant([_png(photo) for photo in samples])
    answers: dict[str, Any] = {
        "keras": loaded(tf.constant(samples, tf.float32), training=False),
        "tflite": classifier.predict(list(samples)),
        "saved_model": served["serving_default"](image_bytes=encoded)["probabilities"],
        "saved_model (pixels)": served["pixels"](images=tf.constant(samples))["probabilities"],
    }
    return {name: np.asarray(probs) for name, probs in answers.items()}


def _png(photo: np.ndarray) -> bytes:
    encoded = io.BytesIO()
    Image.fromarray(photo).save(encoded, "PNG")
    return encoded.getvalue()


def _bytes_in(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
