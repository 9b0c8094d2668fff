"""A .tflite file, run photo by photo: one thread each is fastest, and many run side by side."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cleaner.arrays import PredProbs
from cleaner.errors import ModelError
from cleaner.items import shown_path
from cleaner.runtimes.base import side_and_classes, unreadable

_MAGIC = b"TFL3"


def open_model(path: Path) -> LiteRT:
    """Return what runs the file.

    Raises:
        ModelError: it cannot be read, or does not turn RGB photos into labels.
    """
    shown = shown_path(str(path))
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{shown}: cannot be read ({error.strerror}).") from error
    if content[4:8] != _MAGIC:
        # Checked before the runtime sees it, which ends the process on some damaged files.
        raise ModelError(f"{shown}: this is no TensorFlow Lite model.")
    return LiteRT(content, path)


class LiteRT:
    """Runs one photo a thread."""

    def __init__(self, content: bytes, path: Path) -> None:
        self._content = content
        self._path = path
        # Interpreters wait here between calls; one is made for each thread that finds none.
        self._idle: deque[_Interpreter] = deque()
        first = _Interpreter(content, path)
        self.input_side_px, self.class_count = side_and_classes(
            shown_path(str(path)), first.input_shape, first.output_shape
        )
        self._idle.append(first)

    def __call__(self, photos: Sequence[NDArray[np.uint8]]) -> PredProbs:
        """Return (item, class)."""
        try:
            interpreter = self._idle.pop()
        except IndexError:
            interpreter = _Interpreter(self._content, self._path)
        probs = np.empty((len(photos), self.class_count), np.float32)
        for row, photo in enumerate(photos):
            probs[row] = interpreter.answer(photo)
        self._idle.append(interpreter)
        return probs


class _Interpreter:
    """One interpreter with all that is asked of it only once."""

    def __init__(self, content: bytes, path: Path) -> None:
        from ai_edge_litert.interpreter import Interpreter

        try:
            self._interpreter = Interpreter(model_content=content, num_threads=1)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise unreadable(path, "TensorFlow Lite", error) from error
        inputs, outputs = (
            self._interpreter.get_input_details(),
            self._interpreter.get_output_details(),
        )
        if len(inputs) != 1 or len(outputs) != 1:
            raise ModelError(f"{shown_path(str(path))}: it does not turn photos into labels.")
        self._given, self._answer = _Tensor(inputs[0]), _Tensor(outputs[0])
        if inputs[0]["dtype"] not in (np.uint8, np.int8, np.float32):
            raise ModelError(
                f"{shown_path(str(path))}: it takes photos of neither whole numbers in eight "
                "bits nor float32."
            )
        self.input_shape, self.output_shape = self._given.shape, self._answer.shape

    def answer(self, photo: NDArray[np.uint8]) -> NDArray[np.float32]:
        self._interpreter.set_tensor(self._given.index, self._given.stored(photo[np.newaxis]))
        self._interpreter.invoke()
        return self._answer.meant(self._interpreter.get_tensor(self._answer.index)[0])


class _Tensor:
    """How the numbers of an input or output are stored."""

    def __init__(self, details: dict[str, Any]) -> None:
        self.index: int = details["index"]
        self.shape = tuple(int(n) for n in details["shape"])
        self._dtype = np.dtype(details["dtype"])
        self._scale, self._zero = details["quantization"]
        # A network that takes whole numbers as they are says nothing of a scale.
        self._is_quantized = self._dtype.kind in "iu" and self._scale != 0

    def stored(self, values: NDArray[np.uint8]) -> np.ndarray:
        if not self._is_quantized:
            return values.astype(self._dtype, copy=False)
        if self._dtype == np.uint8 and (self._scale, self._zero) == (1, 0):
            return values
        limits = np.iinfo(self._dtype)
        steps = np.round(values / np.float32(self._scale)) + self._zero
        return np.asarray(steps.clip(limits.min, limits.max), self._dtype)

    def meant(self, stored: np.ndarray) -> NDArray[np.float32]:
        if not self._is_quantized:
            return stored.astype(np.float32, copy=False)
        return np.asarray((stored.astype(np.float32) - self._zero) * self._scale, np.float32)
