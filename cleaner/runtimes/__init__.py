"""The shelf of runtimes, one for each kind of file that holds a trained model.

Only opening a .keras file, a SavedModel or a frozen graph loads TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from cleaner.runtimes import frozen_graph, keras_file, litert, onnx_file, saved_model
from cleaner.runtimes.base import Runtime

__all__ = ["ON_GPU", "RUNTIMES", "Runtime", "kind_of"]

RUNTIMES: Mapping[str, Callable[[Path], Runtime]] = {
    "tflite": litert.open_model,
    "keras": keras_file.open_model,
    "saved_model": saved_model.open_model,
    "onnx": onnx_file.open_model,
    "graph": frozen_graph.open_model,
}

# Those that compute on a graphics card where there is one.
ON_GPU = frozenset({"keras", "saved_model", "graph"})

_ENDINGS = {".tflite": "tflite", ".keras": "keras", ".onnx": "onnx", ".pb": "graph"}


def kind_of(path: Path) -> str | None:
    """Return which of `RUNTIMES` runs what lies there, or None."""
    if path.is_file():
        return _ENDINGS.get(path.suffix)
    return "saved_model" if (path / saved_model.GRAPH_NAME).is_file() else None
