"""The model as one .onnx file, for ONNX Runtime and whatever else reads ONNX."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cleaner.arrays import ImageBatch
from cleaner.exporters.base import beside, label_lines

if TYPE_CHECKING:
    import keras
    import onnx

FILE_NAME = "model.onnx"
_OPERATOR_SET = 17


def export(
    model: keras.Model,
    class_names: Sequence[str],
    destination: Path,
    _photos: ImageBatch | None = None,
) -> None:
    """Write the model; it takes raw RGB photos as uint8 (batch, side, side, 3).

    Labels and what is to go in stand among its metadata properties.

    Keras's own export to ONNX makes an input of each constant of a preprocessing layer, which
    nobody could then run the model without; so the graph is frozen first.

    Raises:
        ExportError: the destination is taken or cannot be written.
    """
    converted = _converted(model)
    side_px = int(model.input_shape[1])
    properties = {
        "labels": label_lines(class_names),
        "input": f"RGB photos, {side_px} x {side_px}, uint8, values 0..255 as they are",
    }
    for name, value in properties.items():
        converted.metadata_props.add(key=name, value=value)
    with beside(destination) as partial:
        partial.write_bytes(converted.SerializeToString())


def _converted(model: keras.Model) -> onnx.ModelProto:
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    def answer(image: Any) -> Any:
        return tf.identity(model(tf.cast(image, tf.float32), training=False), "probabilities")

    photos = tf.TensorSpec([None, *model.input_shape[1:]], tf.uint8, name="image")
    frozen = convert_variables_to_constants_v2(
        tf.function(answer, input_signature=[photos]).get_concrete_function()
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tf2onnx

        logging.getLogger("tf2onnx").setLevel(logging.ERROR)
        converted, _files = tf2onnx.convert.from_graph_def(
            frozen.graph.as_graph_def(),
            input_names=[tensor.name for tensor in frozen.inputs],
            output_names=[tensor.name for tensor in frozen.outputs],
            opset=_OPERATOR_SET,
        )
    names = {frozen.inputs[0].name: "image", frozen.outputs[0].name: "probabilities"}
    graph: onnx.ModelProto = converted
    _rename(graph, names)
    return graph


def _rename(model: onnx.ModelProto, names: dict[str, str]) -> None:
    """Give ends of the graph the names that people type; TensorFlow's end in ``:0``."""
    for end in (*model.graph.input, *model.graph.output):
        end.name = names.get(end.name, end.name)
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
