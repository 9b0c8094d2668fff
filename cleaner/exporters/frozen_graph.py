"""The model as one frozen graph, a .pb, for programs that were written around retrain.py.

The graph carries its preprocessing and its labels. Its tensors have the names such programs know:

* ``DecodeJpeg/contents``: the bytes of one JPEG, PNG, GIF, BMP or WebP file;
* ``Placeholder``: or photos of the network's side instead, RGB, 0..1, as TF-Hub modules take them;
* the name of the model's last layer, such as ``final_result``: one probability a class;
* ``labels``: the class names in the order of the probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cleaner.arrays import ImageBatch
from cleaner.errors import ExportError
from cleaner.exporters.base import beside, label_line

if TYPE_CHECKING:
    import keras

FILE_NAME = "model.pb"
CONTENTS, PHOTOS, LABELS = "DecodeJpeg/contents", "Placeholder", "labels"


def export(
    model: keras.Model,
    class_names: Sequence[str],
    destination: Path,
    _samples: ImageBatch | None = None,
) -> None:
    """Write the graph; weights are constants in it.

    Raises:
        ExportError: the destination is taken or cannot be written, or the last layer has a name
            that a graph has for something else.
    """
    import tensorflow as tf

    frozen, given, found = _frozen(model)
    with tf.Graph().as_default() as graph:
        photos = _photos(int(model.input_shape[1]))
        probabilities = tf.graph_util.import_graph_def(
            frozen, input_map={given: photos * 255.0}, return_elements=[found], name="network"
        )[0]
        answer = tf.identity(probabilities, name=model.layers[-1].name).op.name
        labels = tf.constant([label_line(name) for name in class_names], name=LABELS).op.name
    if (answer, labels) != (model.layers[-1].name, LABELS):
        raise ExportError(
            f"The model's output is called {model.layers[-1].name!r}, which is also the name of "
            "something else in a graph. Train it with another --output-name, or export onnx."
        )
    definition = _without(graph.as_graph_def(), f"network/{given.partition(':')[0]}")
    with beside(destination) as partial:
        partial.write_bytes(definition.SerializeToString(deterministic=True))


def _without(definition: Any, name: str) -> Any:
    """Remove the network's own input, which nothing is fed through any more."""
    kept = [node for node in definition.node if node.name != name]
    del definition.node[:]
    definition.node.extend(kept)
    return definition


def _frozen(model: keras.Model) -> tuple[Any, str, str]:
    """Return the network without variables, and the names of its input and output."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    given = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name="photos")
    called = tf.function(lambda photos: model(photos, training=False), input_signature=[given])
    frozen = convert_variables_to_constants_v2(called.get_concrete_function())
    return frozen.graph.as_graph_def(), frozen.inputs[0].name, frozen.outputs[0].name


def _photos(side_px: int) -> Any:
    """Return what stands where photos may be fed: one photo from encoded bytes, 0..1."""
    import tensorflow as tf

    from cleaner.exporters import saved_model

    encoded = tf.compat.v1.placeholder(tf.string, shape=[], name=CONTENTS)
    photo = saved_model.squared(encoded, side_px)[tf.newaxis] / 255.0
    return tf.raw_ops.PlaceholderWithDefault(
        input=photo, shape=[None, side_px, side_px, 3], name=PHOTOS
    )
