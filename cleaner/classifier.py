"""A trained model at work: labels for photos, on all processors, without TensorFlow."""

from __future__ import annotations

import json
import os
import zipfile
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cleaner import images, processors
from cleaner.arrays import PredProbs
from cleaner.errors import ImageRejected, ModelError
from cleaner.items import shown_path
from cleaner.progress import Progress, Report, silent

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter

_TFLITE_NAME = "model.tflite"
_LABELS_NAME = "labels.txt"
_RECEIPT_NAME = "receipt.json"
_WAITING_PER_WORKER = 4
_FLATBUFFER_MAGIC = b"TFL3"

Outcome = tuple[Path, np.ndarray | ImageRejected]


def open_classifier(path: Path) -> Classifier:
    """Return the classifier in a trained model's folder, or in any .tflite with labels inside.

    A file in a model's folder, such as its .keras or its SavedModel, stands for the folder.

    Raises:
        ModelError: there is no such model, or it does not turn RGB photos into labels.
    """
    flatbuffer_path = _find(path)
    try:
        flatbuffer = flatbuffer_path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{shown_path(str(flatbuffer_path))}: cannot be read ({error.strerror})."
        ) from error
    if flatbuffer[4:8] != _FLATBUFFER_MAGIC:
        # Checked before the runtime sees it, which ends the process on some damaged files.
        raise ModelError(f"{shown_path(str(flatbuffer_path))}: this is no TensorFlow Lite model.")
    return Classifier(flatbuffer, _labels(flatbuffer_path), name=shown_path(str(flatbuffer_path)))


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


class Classifier:
    """Runs one photo a thread; every method may be called from several threads.

    Attributes:
        class_names: in the order of the class axis.
        input_side_px: photos are resized to a square of this side.

    Raises:
        ModelError: the model does not turn RGB photos into one probability a label.
    """

    def __init__(self, flatbuffer: bytes, class_names: Sequence[str], *, name: str) -> None:
        self.class_names = tuple(class_names)
        self._flatbuffer = flatbuffer
        self._name = name
        # Interpreters wait here between photos; one is made for each thread that finds none.
        self._idle: deque[Interpreter] = deque()
        first = self._interpreter()
        self.input_side_px = self._checked_side_px(first)
        self._idle.append(first)

    # Not RGBImage: that would have all photos of a call be of one size.
    def predict(self, photos: Sequence[NDArray[np.uint8]]) -> PredProbs:
        """Return the probabilities, float32 (item, class), of RGB photos of any size."""
        probs = np.empty((len(photos), len(self.class_names)), np.float32)
        with ThreadPoolExecutor(processors.available()) as pool:
            for row, found in enumerate(pool.map(self._probs, photos)):
                probs[row] = found
        return probs

    def predict_files(
        self, paths: Sequence[Path], report: Report = silent
    ) -> Generator[Outcome, None, None]:
        """Yield each path with its probabilities (class,), or with why it cannot be read.

        In the order of the paths; few pictures are in memory at a time.
        """
        with ThreadPoolExecutor(processors.available()) as pool:
            waiting: deque[tuple[Path, Future[np.ndarray | ImageRejected]]] = deque()
            try:
                for done, path in enumerate(paths):
                    waiting.append((path, pool.submit(self._outcome, path)))
                    if len(waiting) > _WAITING_PER_WORKER * processors.available():
                        yield _settled(waiting)
                    report(Progress("Looking at the images", done, len(paths)))
                while waiting:
                    yield _settled(waiting)
                report(Progress("Looking at the images", len(paths), len(paths)))
            finally:
                for _path, future in waiting:
                    future.cancel()

    def _outcome(self, path: Path) -> np.ndarray | ImageRejected:
        # Somebody named this very file, so a link may lead anywhere.
        file = Path(os.path.realpath(path))
        least_side_px = round(self.input_side_px * images.DECODE_MARGIN)
        try:
            return self._probs(images.load(file, root=file.parent, min_side_px=least_side_px))
        except ImageRejected as error:
            return error

    def _probs(self, photo: NDArray[np.uint8]) -> np.ndarray:
        try:
            interpreter = self._idle.pop()
        except IndexError:
            interpreter = self._interpreter()
        given, answer = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
        squared = images.squared(photo, self.input_side_px)[np.newaxis]
        interpreter.set_tensor(given["index"], squared.astype(given["dtype"], copy=False))
        interpreter.invoke()
        probs: np.ndarray = interpreter.get_tensor(answer["index"])[0]
        self._idle.append(interpreter)
        return probs

    def _interpreter(self) -> Interpreter:
        from ai_edge_litert.interpreter import Interpreter

        try:
            interpreter = Interpreter(model_content=self._flatbuffer, num_threads=1)
            interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            raise ModelError(f"{self._name}: TensorFlow Lite cannot run it ({reason}).") from error
        return interpreter

    def _checked_side_px(self, interpreter: Interpreter) -> int:
        inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
        shapes = [tuple(int(n) for n in details["shape"]) for details in (*inputs, *outputs)]
        match shapes:
            case [(1, height, width, 3), (1, count)] if height == width:
                if inputs[0]["dtype"] not in (np.uint8, np.float32):
                    raise ModelError(f"{self._name}: it takes neither uint8 nor float32 photos.")
                if count == len(self.class_names):
                    return height
                raise ModelError(
                    f"{self._name}: it has {count} outputs, and there are "
                    f"{len(self.class_names)} labels."
                )
        raise ModelError(f"{self._name}: it does not turn square RGB photos into labels.")


def _find(path: Path) -> Path:
    shown = shown_path(str(path))
    if path.is_file() and path.suffix == ".tflite":
        return path
    for folder in (path, path.parent):
        if (folder / _TFLITE_NAME).is_file() and path.exists():
            return folder / _TFLITE_NAME
    if not path.exists():
        raise ModelError(f"{shown}: there is nothing. Name the folder of a trained model.")
    raise ModelError(
        f"{shown}: no {_TFLITE_NAME} in it or beside it. Name the folder of a trained model, or "
        "a .tflite file with its labels inside."
    )


def _labels(flatbuffer_path: Path) -> list[str]:
    """Return the labels packed into the file, else those beside it."""
    beside = flatbuffer_path.with_name(_LABELS_NAME)
    try:
        if zipfile.is_zipfile(flatbuffer_path):
            with zipfile.ZipFile(flatbuffer_path) as archive:
                text = archive.read(_LABELS_NAME).decode("utf-8")
        else:
            text = beside.read_text(encoding="utf-8")
    except (OSError, KeyError, UnicodeDecodeError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"{shown_path(str(flatbuffer_path))}: it has no labels inside, and no {_LABELS_NAME} "
            "lies beside it. Put one there, one class a line."
        ) from error
    return [line for line in text.split("\n") if line]


def _settled(waiting: deque[tuple[Path, Future[np.ndarray | ImageRejected]]]) -> Outcome:
    path, future = waiting.popleft()
    return path, future.result()
