"""Frozen graphs, the .pb files of retrain.py and of `export --format graph`, put to work.

Such a file does not say what photos it expects, which was the commonest mistake of those who used
label_image.py; graphs that Cleaner wrote need none of the settings, since all is inside them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cleaner import images
from cleaner.arrays import RGBImage
from cleaner.errors import ImageRejected, ModelError
from cleaner.items import shown_path

_LABELS = "labels"
_SIDE_WHERE_UNSTATED_PX = 299
_USUAL_OUTPUT = "final_result"
_GIVEN = ("Placeholder", "PlaceholderWithDefault")


@dataclass(frozen=True, slots=True)
class Feeding:
    """What label_image.py was told of a graph; None is what the graph itself says.

    Attributes:
        input_layer: which tensor takes the photo.
        output_layer: which one has the scores.
        input_height: pixels.
        input_width: pixels.
        input_mean: subtracted from the pixels, 0..255.
        input_std: what they are divided by then.
    """

    input_layer: str | None = None
    output_layer: str | None = None
    input_height: int | None = None
    input_width: int | None = None
    input_mean: float = 0.0
    input_std: float = 255.0


def open_graph(path: Path, labels: Path | None, feeding: Feeding) -> FrozenGraph:
    """Return the graph, ready to label photos; loads TensorFlow.

    Raises:
        ModelError: it is no frozen graph, a layer is not in it, or nobody says what its classes
            are called.
    """
    import tensorflow as tf

    shown = shown_path(str(path))
    definition = tf.compat.v1.GraphDef()
    try:
        definition.ParseFromString(path.read_bytes())
        tensors = _Tensors(tf.compat.v1.wrap_function(lambda: _imported(definition), []), shown)
    except OSError as error:
        raise ModelError(f"{shown}: cannot be read ({error.strerror}).") from error
    except Exception as error:  # protobuf and TensorFlow each have errors of their own
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ModelError(f"{shown}: this is no frozen TensorFlow graph ({reason}).") from error
    return FrozenGraph(tensors, _class_names(tensors, labels), feeding)


def _imported(definition: Any) -> None:
    import tensorflow as tf

    tf.compat.v1.import_graph_def(definition, name="")


class FrozenGraph:
    """Labels photos one at a time.

    Attributes:
        class_names: in the order of the scores.
    """

    def __init__(self, tensors: _Tensors, class_names: Sequence[str], feeding: Feeding) -> None:
        self.class_names = tuple(class_names)
        self._feeding = feeding
        photo, scores = tensors.photo(feeding.input_layer), tensors.scores(feeding.output_layer)
        self._size = _size(photo, feeding)
        self._run = tensors.run(photo, scores)
        found = scores.shape[-1]
        if found is not None and found != len(self.class_names):
            raise ModelError(
                f"{tensors.name}: it has {found} outputs, and there are {len(self.class_names)} "
                "labels. Name the labels file that was written with it."
            )

    def predict_files(
        self, paths: Sequence[Path]
    ) -> Iterator[tuple[Path, np.ndarray | ImageRejected]]:
        """Yield each path with its scores (class,), or with why it cannot be read."""
        for path in paths:
            # Somebody named this very file, so a link may lead anywhere.
            file = Path(os.path.realpath(path))
            try:
                yield path, self._scores(images.load(file, root=file.parent))
            except ImageRejected as error:
                yield path, error

    def _scores(self, image: RGBImage) -> np.ndarray:
        import tensorflow as tf
        from PIL import Image

        height, width = self._size
        if height == width:
            resized = images.squared(image, height)
        else:
            resized = np.asarray(Image.fromarray(image).resize((width, height)))
        wanted = (resized.astype(np.float32) - self._feeding.input_mean) / self._feeding.input_std
        scores = self._run(tf.constant(wanted[np.newaxis]))
        return np.asarray(scores, np.float32).reshape(-1)


class _Tensors:
    """The tensors of a graph, by name."""

    def __init__(self, wrapped: Any, name: str) -> None:
        self._wrapped = wrapped
        self.name = name

    def photo(self, wanted: str | None) -> Any:
        """Return what takes photos: the one named, or the one there is."""
        if wanted is not None:
            return self._named(wanted)
        found = [
            operation.outputs[0]
            for operation in self._operations()
            if operation.type in _GIVEN and operation.outputs[0].shape.rank == 4
        ]
        if len(found) == 1:
            return found[0]
        names = ", ".join(tensor.op.name for tensor in found) or "none"
        raise ModelError(f"{self.name}: which input takes the photo? --input_layer, of: {names}.")

    def scores(self, wanted: str | None) -> Any:
        """Return what has the scores: the one named, the usual one, or the only one at the end."""
        if wanted is not None:
            return self._named(wanted)
        names = {operation.name for operation in self._operations()}
        if _USUAL_OUTPUT in names:
            return self._named(_USUAL_OUTPUT)
        ends = [
            operation.outputs[0]
            for operation in self._operations()
            if operation.name != _LABELS
            and operation.outputs
            and not any(output.consumers() for output in operation.outputs)
        ]
        if len(ends) == 1:
            return ends[0]
        last = ", ".join(tensor.op.name for tensor in ends[-5:]) or "none"
        raise ModelError(f"{self.name}: which output has the scores? --output_layer, of: {last}.")

    def labels(self) -> list[str]:
        """Return the class names that lie in the graph, none where it is not one of Cleaner's."""
        if _LABELS not in {operation.name for operation in self._operations()}:
            return []
        found = self._wrapped.prune([], self._named(_LABELS))().numpy()
        return [name.decode("utf-8") for name in np.atleast_1d(found)]

    def run(self, photo: Any, scores: Any) -> Any:
        return self._wrapped.prune(photo, scores)

    def _operations(self) -> list[Any]:
        found: list[Any] = self._wrapped.graph.get_operations()
        return found

    def _named(self, wanted: str) -> Any:
        bare = wanted.partition(":")[0].removeprefix("import/")
        try:
            return self._wrapped.graph.get_operation_by_name(bare).outputs[0]
        except (KeyError, IndexError) as error:
            last = ", ".join(operation.name for operation in self._operations()[-5:])
            raise ModelError(
                f"{self.name}: no tensor {wanted!r} in it. The last ones are {last}."
            ) from error


def _size(photo: Any, feeding: Feeding) -> tuple[int, int]:
    """Return height and width: what the graph fixes, else what was asked for."""
    height, width = photo.shape[1:3] if photo.shape.rank == 4 else (None, None)
    return (
        height or feeding.input_height or _SIDE_WHERE_UNSTATED_PX,
        width or feeding.input_width or _SIDE_WHERE_UNSTATED_PX,
    )


def _class_names(tensors: _Tensors, labels: Path | None) -> list[str]:
    inside = tensors.labels()
    if labels is None:
        if inside:
            return inside
        raise ModelError(f"{tensors.name}: it has no labels inside. Name their file with --labels.")
    try:
        return labels.read_text(encoding="utf-8").rstrip("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(
            f"{shown_path(str(labels))}: cannot be read as labels, one a line ({error})."
        ) from error
