"""A frozen graph that Cleaner wrote, a .pb, run by TensorFlow in batches.

Graphs of the old retrain.py say neither what goes in nor what comes out: `cleaner.frozen_graphs`
runs those, with the flags that say it.
"""

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

# As `cleaner.exporters.frozen_graph` names them; the answer stands right before the labels.
_PHOTOS, _LABELS = "Placeholder", "labels"


def open_model(path: Path) -> FrozenGraph:
    """Return what runs the file.

    Raises:
        ModelError: it is no frozen graph, or none that Cleaner wrote.
    """
    definition = _definition(path)
    try:
        return FrozenGraph(definition, shown_path(str(path)))
    except ModelError:
        raise
    except Exception as error:  # TensorFlow has many kinds, for operations of a later version too
        raise unreadable(path, "TensorFlow", error) from error


def labels_in(path: Path) -> bytes | None:
    """Return the labels that are a constant of the graph, one a line."""
    import tensorflow as tf

    labels = tf.make_ndarray(_definition(path).node[-1].attr["value"].tensor)
    return b"".join(label + b"\n" for label in labels.tolist())


class FrozenGraph:
    """Runs photos in batches."""

    def __init__(self, definition: Any, name: str) -> None:
        import tensorflow as tf

        answer = definition.node[-2].name
        imported = tf.compat.v1.wrap_function(
            lambda: tf.graph_util.import_graph_def(definition, name=""), []
        )
        photos, probabilities = (
            imported.graph.get_tensor_by_name(f"{tensor}:0") for tensor in (_PHOTOS, answer)
        )
        self.input_side_px, self.class_count = side_and_classes(
            name, photos.shape.as_list(), probabilities.shape.as_list()
        )
        self._run = imported.prune(photos, probabilities)

    def __call__(self, photos: Sequence[NDArray[np.uint8]]) -> PredProbs:
        """Return (item, class)."""
        import tensorflow as tf

        if not len(photos):
            return np.empty((0, self.class_count), np.float32)
        found = self._run(tf.constant(np.stack(photos).astype(np.float32) / 255))
        return np.asarray(found, np.float32)


def _definition(path: Path) -> Any:
    import tensorflow as tf

    try:
        definition = tf.compat.v1.GraphDef.FromString(path.read_bytes())
    except Exception as error:  # protobuf has errors of its own
        raise unreadable(path, "TensorFlow", error) from error
    names = [node.name for node in definition.node]
    if _PHOTOS not in names or names[-1] != _LABELS:
        raise ModelError(
            f"{shown_path(str(path))}: this is no graph that Cleaner wrote. `label_image` runs "
            "those of retrain.py, with --labels and its other flags."
        )
    return definition
