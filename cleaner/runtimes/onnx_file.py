"""A .onnx file that Cleaner wrote, run by ONNX Runtime on all processors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cleaner.arrays import PredProbs
from cleaner.errors import ModelError
from cleaner.items import shown_path
from cleaner.runtimes.base import side_and_classes, unreadable


def open_model(path: Path) -> OnnxFile:
    """Return what runs the file.

    Raises:
        ModelError: it cannot be read, or does not turn RGB photos into labels.
    """
    return OnnxFile(path)


def labels_in(path: Path) -> bytes | None:
    """Return the labels among a file's properties, one a line, or None."""
    properties = _session(path).get_modelmeta().custom_metadata_map
    return properties["labels"].encode() if "labels" in properties else None


class OnnxFile:
    """Runs photos as they come, several at once."""

    def __init__(self, path: Path) -> None:
        self._session = _session(path)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1 or inputs[0].type != "tensor(uint8)":
            raise ModelError(f"{shown_path(str(path))}: it does not turn uint8 photos into labels.")
        self._given, self._answer = inputs[0].name, outputs[0].name
        self.input_side_px, self.class_count = side_and_classes(
            shown_path(str(path)), inputs[0].shape, outputs[0].shape
        )

    def __call__(self, photos: Sequence[NDArray[np.uint8]]) -> PredProbs:
        """Return (item, class)."""
        if not photos:
            return np.empty((0, self.class_count), np.float32)
        found = self._session.run([self._answer], {self._given: np.stack(photos)})[0]
        return np.asarray(found, np.float32)


def _session(path: Path) -> Any:
    import onnxruntime

    try:
        return onnxruntime.InferenceSession(path)
    except Exception as error:
        raise unreadable(path, "ONNX Runtime", error) from error
