"""A SavedModel as Cleaner writes it, run by TensorFlow: it resizes decoded photos itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cleaner.arrays import PredProbs
from cleaner.errors import ModelError
from cleaner.items import shown_path
from cleaner.runtimes.base import unreadable

GRAPH_NAME = "saved_model.pb"
_SIGNATURE, _INPUT, _OUTPUT = "pixels", "images", "probabilities"


def open_model(path: Path) -> SavedModel:
    """Return what runs the folder.

    Raises:
        ModelError: it is no SavedModel, or none with a signature for photos.
    """
    import tensorflow

    try:
        module = tensorflow.saved_model.load(str(path))
    except (OSError, ValueError, tensorflow.errors.OpError) as error:
        raise unreadable(path, "TensorFlow", error) from error
    return SavedModel(module, shown_path(str(path)))


class SavedModel:
    """Runs photos one by one, each of its own size."""

    input_side_px = None

    def __init__(self, module: Any, name: str) -> None:
        self._module = module  # or its variables would go
        function = module.signatures.get(_SIGNATURE)
        if function is None or _OUTPUT not in function.structured_outputs:
            raise ModelError(
                f"{name}: it has no signature {_SIGNATURE!r} from photos to {_OUTPUT}. Name a "
                "model that `train` or `export` made."
            )
        self._function = function
        self.class_count = int(function.structured_outputs[_OUTPUT].shape[-1])

    def __call__(self, photos: Sequence[NDArray[np.uint8]]) -> PredProbs:
        """Return (item, class)."""
        import tensorflow

        probs = np.empty((len(photos), self.class_count), np.float32)
        for row, photo in enumerate(photos):
            found = self._function(**{_INPUT: tensorflow.constant(photo[np.newaxis])})
            probs[row] = found[_OUTPUT].numpy()[0]
        return probs
