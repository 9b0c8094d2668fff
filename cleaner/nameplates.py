"""What a .tflite file says of itself, where Android's and TensorFlow Lite's own tools look for it.

A flatbuffer of the schema "M001" (TFLite Metadata 1.0), which lies in the model as one more
buffer, and beside it, as a zip archive behind the model, the files that it names. It is written
field by field: the package that does it, tflite-support, is no longer kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np

from cleaner.errors import ModelError

_MODEL_IDENTIFIER = b"TFL3"
_SCHEMA_IDENTIFIER = b"M001"
_SCHEMA_VERSION = "1.0.0"
_BUFFER_NAME = "TFLITE_METADATA"
# The numbers that the schema gives to these names.
_IMAGE_PROPERTIES = 2
_NORMALIZATION_OPTIONS = 1
_TENSOR_AXIS_LABELS = 2
_RGB = 1
# The runtime reads weights where they lie, in steps of this many bytes.
_ALIGNMENT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Nameplate:
    """What stands on it.

    Attributes:
        name: of the model, one line.
        description: what it does, for people.
        side_px: photos are squares of this side.
        labels_file: the name of the labels' file in the archive behind the model.
    """

    name: str
    description: str
    side_px: int
    labels_file: str


def put_on(flatbuffer: bytes, plate: Nameplate) -> bytes:
    """Return the model with the nameplate in it, in place of one that it may have had.

    Raises:
        ModelError: these bytes are no TensorFlow Lite model.
    """
    from ai_edge_litert import schema_py_generated as schema

    if flatbuffer[4:8] != _MODEL_IDENTIFIER:
        raise ModelError("These bytes are no TensorFlow Lite model.")
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(flatbuffer))
    text = _BUFFER_NAME.encode()
    model.metadata = [one for one in model.metadata or [] if one.name != text]
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(_written(plate), np.uint8)
    entry = schema.MetadataT()
    entry.name, entry.buffer = _BUFFER_NAME, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata.append(entry)
    builder = _Builder(len(flatbuffer))
    builder.Finish(model.Pack(builder), _MODEL_IDENTIFIER)
    return bytes(builder.Output())


def read(flatbuffer: bytes) -> bytes | None:
    """Return the metadata's own flatbuffer, or None where the model has none."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(flatbuffer)
    for index in range(model.MetadataLength()):
        if model.Metadata(index).Name() == _BUFFER_NAME.encode():
            return bytes(model.Buffers(model.Metadata(index).Buffer()).DataAsNumpy())
    return None


class _Builder(flatbuffers.Builder):  # type: ignore[misc]  # it has no types
    """Lays every array of bytes as the converter does: the ready-made one knows no alignment."""

    def CreateNumpyVector(self, x: np.ndarray) -> Any:
        self.StartVector(x.itemsize, x.size, _ALIGNMENT_BYTES)
        content = x.astype(x.dtype.newbyteorder("<"), copy=False).tobytes()
        start = self.Head() - len(content)
        self.head: int = start
        self.Bytes[start : start + len(content)] = content
        self.vectorNumElems = x.size
        return self.EndVector()


def _written(plate: Nameplate) -> bytes:
    builder = flatbuffers.Builder(1024)
    photo = _photo(builder, plate)
    probabilities = _probabilities(builder, plate)
    inputs, outputs = _tables(builder, [photo]), _tables(builder, [probabilities])
    subgraph = _table(builder, 10, {2: inputs, 3: outputs})
    fields = {
        0: builder.CreateString(plate.name),
        1: builder.CreateString(plate.description),
        3: _tables(builder, [subgraph]),
        7: builder.CreateString(_SCHEMA_VERSION),
    }
    builder.Finish(_table(builder, 8, fields), _SCHEMA_IDENTIFIER)
    return bytes(builder.Output())


def _photo(builder: Any, plate: Nameplate) -> int:
    """Write what goes in: a square RGB photo as it is, all scaling being part of the model."""
    builder.StartObject(2)
    builder.PrependUint32Slot(0, plate.side_px, 0)
    builder.PrependUint32Slot(1, plate.side_px, 0)
    size = builder.EndObject()
    builder.StartObject(2)
    builder.PrependInt8Slot(0, _RGB, 0)
    builder.PrependUOffsetTRelativeSlot(1, size, 0)
    properties = builder.EndObject()
    content = _choice(builder, _IMAGE_PROPERTIES, properties)
    mean, deviation = _numbers(builder, [0.0]), _numbers(builder, [1.0])
    normalization = _table(builder, 2, {0: mean, 1: deviation})
    unit = _choice(builder, _NORMALIZATION_OPTIONS, normalization)
    lowest, highest = _numbers(builder, [0.0]), _numbers(builder, [255.0])
    fields = {
        0: builder.CreateString("image"),
        1: builder.CreateString(
            f"RGB photo, {plate.side_px} x {plate.side_px}, values 0..255 as they are"
        ),
        3: content,
        4: _tables(builder, [unit]),
        5: _table(builder, 2, {0: highest, 1: lowest}),
    }
    return _table(builder, 7, fields)


def _probabilities(builder: Any, plate: Nameplate) -> int:
    names = [builder.CreateString(plate.labels_file), builder.CreateString("one class a line")]
    builder.StartObject(5)
    for slot, name in enumerate(names):
        builder.PrependUOffsetTRelativeSlot(slot, name, 0)
    builder.PrependInt8Slot(2, _TENSOR_AXIS_LABELS, 0)
    labels = builder.EndObject()
    fields = {
        0: builder.CreateString("probability"),
        1: builder.CreateString("one probability a class, in the order of the labels"),
        6: _tables(builder, [labels]),
    }
    return _table(builder, 7, fields)


def _table(builder: Any, slots: int, offsets: dict[int, int]) -> int:
    builder.StartObject(slots)
    for slot, offset in offsets.items():
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    return int(builder.EndObject())


def _choice(builder: Any, kind: int, offset: int) -> int:
    """Write a table whose one field is a union: its kind, then its value."""
    builder.StartObject(3)
    builder.PrependUint8Slot(0, kind, 0)
    builder.PrependUOffsetTRelativeSlot(1, offset, 0)
    return int(builder.EndObject())


def _tables(builder: Any, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _numbers(builder: Any, values: Sequence[float]) -> int:
    return int(builder.CreateNumpyVector(np.array(values, np.float32)))
