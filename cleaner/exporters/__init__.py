"""The shelf of exporters. Importing it loads no TensorFlow."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from cleaner.errors import ExportError, ModelError
from cleaner.exporters import (
    coco,
    csv_file,
    folder,
    frozen_graph,
    keras_file,
    onnx_file,
    saved_model,
    tflite,
    tfrecord,
    tree,
)
from cleaner.exporters.base import DatasetExporter, Entry, ModelExporter, beside, label_line
from cleaner.items import shown_path

__all__ = [
    "DATASET_EXPORTERS",
    "MODEL_EXPORTERS",
    "MODEL_FILES",
    "DatasetExporter",
    "Entry",
    "ModelExporter",
    "export_model",
    "label_line",
]

DATASET_EXPORTERS: Mapping[str, DatasetExporter] = {
    "folder": folder.export,
    "csv": csv_file.export,
    "tree": tree.export,
    "coco": coco.export,
    "tfrecord": tfrecord.export,
}

MODEL_EXPORTERS: Mapping[str, ModelExporter] = {
    "keras": keras_file.export,
    "saved_model": saved_model.export,
    "tflite": tflite.export,
    "tflite_float16": tflite.export_float16,
    "tflite_int8": tflite.export_int8,
    "onnx": onnx_file.export,
    "graph": frozen_graph.export,
}

MODEL_FILES: Mapping[str, str] = {
    "keras": keras_file.FILE_NAME,
    "saved_model": saved_model.FILE_NAME,
    "tflite": tflite.FILE_NAME,
    "tflite_float16": tflite.FLOAT16_NAME,
    "tflite_int8": tflite.INT8_NAME,
    "onnx": onnx_file.FILE_NAME,
}
"""What lies in a trained model's folder, by format; int8 only where it is as good."""


def export_model(model_folder: Path, format_name: str, destination: Path) -> list[Path]:
    """Copy a trained model in one of `MODEL_EXPORTERS`' formats; return what was written.

    A format that no training writes is converted from the .keras file, which loads TensorFlow.

    Raises:
        ModelError: the folder holds no trained model, or none in this format.
        ExportError: the destination is taken or cannot be written, or the format is unknown.
    """
    if format_name not in MODEL_EXPORTERS:
        known = ", ".join(MODEL_EXPORTERS)
        raise ExportError(f"There is no model format {format_name!r}. Known: {known}.")
    if format_name not in MODEL_FILES:
        _convert(model_folder, format_name, destination)
        return [destination]
    source = model_folder / MODEL_FILES[format_name]
    if not source.exists():
        raise _not_there(model_folder, source)
    with beside(destination) as partial:
        if source.is_dir():
            shutil.copytree(source, partial)
        else:
            shutil.copyfile(source, partial)
    return [destination]


def _convert(model_folder: Path, format_name: str, destination: Path) -> None:
    import keras

    source = model_folder / MODEL_FILES["keras"]
    if not source.is_file():
        raise _not_there(model_folder, source)
    labels = (model_folder / "labels.txt").read_text(encoding="utf-8").split("\n")[:-1]
    model = keras.models.load_model(source, compile=False, safe_mode=True)
    MODEL_EXPORTERS[format_name](model, labels, destination)


def _not_there(model_folder: Path, missing: Path) -> ModelError:
    shown = shown_path(str(model_folder))
    found = [name for name, file in MODEL_FILES.items() if (model_folder / file).exists()]
    if found:
        return ModelError(
            f"{shown}: there is no {missing.name} in it. Either the model is older than the "
            "format, or the file was not as good as the network, as its receipt then says. "
            f"Train again, or take one of {', '.join(found)}."
        )
    return ModelError(
        f"{shown}: there is no {missing.name} in it. Name the folder of a trained model, or "
        "train one."
    )
