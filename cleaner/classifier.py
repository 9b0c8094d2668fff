"""A trained model at work: labels for photos, on all processors; .tflite without TensorFlow."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cleaner import images, processors
from cleaner.addresses import Address
from cleaner.arrays import PredProbs
from cleaner.errors import ImageRejected, ModelError
from cleaner.items import shown_path
from cleaner.progress import Progress, Report, silent
from cleaner.runtimes import ON_GPU, RUNTIMES, Runtime, frozen_graph, kind_of, onnx_file

_TFLITE_NAME = "model.tflite"
_LABELS_NAME = "labels.txt"
_RECEIPT_NAME = "receipt.json"
# Photos that one thread reads, has decoded and looks at together: what a message to a decoder
# and a change of threads cost is shared by them.
_PHOTOS_AT_ONCE = 16
_BYTES_AT_ONCE = 2**20
# While one thread waits for its decoder, another one computes.
_THREADS_A_PROCESSOR = 2
_WAITING_A_THREAD = 2
_STAGE = "Looking at the images"

Outcome = tuple[Path, np.ndarray | ImageRejected]


def open_classifier(path: Path) -> Classifier:
    """Return the classifier in a trained model's folder, or in one file or folder it exported.

    A file in a model's folder, such as its .keras or its SavedModel, stands for the folder, and
    its .tflite is run: they give the same labels. Elsewhere a .keras, a SavedModel or a frozen
    graph is run as it is, by TensorFlow.

    Raises:
        ModelError: there is no such model, or it does not turn RGB photos into labels.
    """
    found = _find(path)
    labels = _labels(found)
    runtime = RUNTIMES[kind_of(found) or "tflite"](found)
    if runtime.class_count != len(labels):
        raise ModelError(
            f"{shown_path(str(found))}: it has {runtime.class_count} outputs, and there are "
            f"{len(labels)} labels."
        )
    return Classifier(runtime, labels)


def threshold_of(path: Path) -> float:
    """Return the probability below which a trained model had better answer "unknown".

    Raises:
        ModelError: its receipt is not there, or names none.
    """
    receipt = _find(path).with_name(_RECEIPT_NAME)
    shown = shown_path(str(receipt))
    try:
        found = json.loads(receipt.read_text(encoding="utf-8"))["unknown"]["threshold"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{shown}: it names no probability below which to answer unknown "
            f"({type(error).__name__}). Train the model anew, or give one with --unknown-below."
        ) from error
    if not isinstance(found, float | int):
        raise ModelError(
            f"{shown}: there were too few validation images to choose when to answer unknown. "
            "Give a probability with --unknown-below."
        )
    return float(found)


def content_sha256(path: Path) -> str:
    """Hash a model with its labels, as `open_classifier` would run it.

    Raises:
        ModelError: there is no such model.
    """
    found = _find(path)
    files = sorted(file for file in found.rglob("*") if file.is_file()) or [found]
    digest = hashlib.sha256("\n".join(_labels(found)).encode())
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def uses_gpu(path: Path) -> bool:
    """Tell whether a model, as `open_classifier` runs it, computes on a card where there is one.

    Raises:
        ModelError: there is no such model.
    """
    return kind_of(_find(path)) in ON_GPU


class Classifier:
    """Every method may be called from several threads.

    Attributes:
        class_names: in the order of the class axis.
        input_side_px: photos are resized to a square of this side; None where the model itself
            resizes them.
    """

    def __init__(self, runtime: Runtime, class_names: Sequence[str]) -> None:
        self.class_names = tuple(class_names)
        self.input_side_px = runtime.input_side_px
        self._runtime = runtime

    # Not RGBImage: that would have all photos of a call be of one size.
    def predict(self, photos: Sequence[NDArray[np.uint8]]) -> PredProbs:
        """Return the probabilities, float32 (item, class), of RGB photos of any size."""
        probs = np.empty((len(photos), len(self.class_names)), np.float32)

        def look(photo: NDArray[np.uint8]) -> np.ndarray:
            side_px = self.input_side_px
            square = photo if side_px is None else images.squared(photo, side_px)
            return np.asarray(self._runtime([square])[0])

        with ThreadPoolExecutor(processors.available()) as pool:
            for row, found in enumerate(pool.map(look, photos)):
                probs[row] = found
        return probs

    def predict_files(
        self, paths: Sequence[Path], report: Report = silent
    ) -> Generator[Outcome, None, None]:
        """Yield each path with its probabilities (class,), or with why it cannot be read.

        In the order of the paths; few pictures are in memory at a time.
        """
        threads = _THREADS_A_PROCESSOR * processors.available()
        with ThreadPoolExecutor(threads) as pool:
            waiting: deque[Future[list[Outcome]]] = deque()
            try:
                done = 0
                for part in _parts(paths, threads):
                    waiting.append(pool.submit(self._looked_at, part))
                    if len(waiting) > _WAITING_A_THREAD * threads:
                        report(Progress(_STAGE, done, len(paths)))
                        done += _PHOTOS_AT_ONCE
                        yield from waiting.popleft().result()
                while waiting:
                    yield from waiting.popleft().result()
                report(Progress(_STAGE, len(paths), len(paths)))
            finally:
                for future in waiting:
                    future.cancel()

    def outcomes(
        self, paths: Sequence[Path], tick: Callable[[], None]
    ) -> list[np.ndarray | ImageRejected]:
        """Return what `predict_files` would yield of each path, computed in this thread.

        Args:
            paths: of photos.
            tick: called once for each, when some more are done; what it raises ends this.
        """
        found: list[np.ndarray | ImageRejected] = []
        for part in _parts(paths, 1):
            found += [outcome for _path, outcome in self._looked_at(part)]
            for _ in part:
                tick()
        return found

    def _looked_at(self, paths: Sequence[Path]) -> list[Outcome]:
        found: list[Outcome] = []
        for part, pictures in self._pictures(paths):
            readable = [p for p in pictures if not isinstance(p, ImageRejected)]
            probs = iter(self._runtime(readable))
            found += [
                (path, picture if isinstance(picture, ImageRejected) else next(probs))
                for path, picture in zip(part, pictures, strict=True)
            ]
        return found

    def _pictures(
        self, paths: Sequence[Path]
    ) -> Iterator[tuple[list[Path], list[NDArray[np.uint8] | ImageRejected]]]:
        """Yield pictures as the runtime takes them, some at a time."""
        for part in _read(paths):
            sound = [data for _path, data in part if not isinstance(data, ImageRejected)]
            if self.input_side_px is None:
                decoded = iter(images.decoded(sound))
            else:
                decoded = iter(images.squares(sound, side_px=self.input_side_px))
            yield (
                [path for path, _data in part],
                [d if isinstance(d, ImageRejected) else next(decoded) for _path, d in part],
            )


def _parts(paths: Sequence[Path], threads: int) -> Iterator[Sequence[Path]]:
    # Few photos are shared out among all threads.
    at_once = max(1, min(_PHOTOS_AT_ONCE, len(paths) // threads))
    for start in range(0, len(paths), at_once):
        yield paths[start : start + at_once]


def _read(paths: Sequence[Path]) -> Iterator[list[tuple[Path, bytes | ImageRejected]]]:
    """Yield files with their bytes, so many at a time that they take little memory."""
    part: list[tuple[Path, bytes | ImageRejected]] = []
    size = 0
    for path in paths:
        # Somebody named this very file, so a link may lead anywhere.
        file = path if isinstance(path, Address) else Path(os.path.realpath(path))
        try:
            data = images.read_bytes(file, root=file.parent)
            size += len(data)
            part.append((path, data))
        except ImageRejected as error:
            part.append((path, error))
        if size >= _BYTES_AT_ONCE:
            yield part
            part, size = [], 0
    yield part


def _find(path: Path) -> Path:
    shown = shown_path(str(path))
    if path.is_file() and path.suffix == ".tflite":
        return path
    for folder in (path, path.parent):
        if (folder / _TFLITE_NAME).is_file() and path.exists():
            return folder / _TFLITE_NAME
    if kind_of(path) is not None:
        return path
    if not path.exists():
        raise ModelError(f"{shown}: there is nothing. Name the folder of a trained model.")
    raise ModelError(
        f"{shown}: no {_TFLITE_NAME} in it or beside it. Name the folder of a trained model, or "
        "a .tflite, .onnx, .keras or .pb file or a SavedModel with its labels inside."
    )


def _labels(model: Path) -> list[str]:
    """Return the labels packed into the model, else those beside it."""
    try:
        text = (_packed(model) or model.with_name(_LABELS_NAME).read_bytes()).decode("utf-8")
    except (OSError, KeyError, UnicodeDecodeError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"{shown_path(str(model))}: it has no labels inside, and no {_LABELS_NAME} "
            "lies beside it. Put one there, one class a line."
        ) from error
    return [line for line in text.split("\n") if line]


_LABELS_IN = {"onnx": onnx_file.labels_in, "graph": frozen_graph.labels_in}


def _packed(model: Path) -> bytes | None:
    read = _LABELS_IN.get(kind_of(model) or "")
    if read is not None:
        return read(model)
    inside = model / "assets" / _LABELS_NAME
    if inside.is_file():
        return inside.read_bytes()
    if not zipfile.is_zipfile(model):
        return None
    with zipfile.ZipFile(model) as archive:
        return archive.read(_LABELS_NAME) if _LABELS_NAME in archive.namelist() else None
