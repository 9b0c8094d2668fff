"""What a runtime promises: probabilities for photos, from one file or folder of a trained model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Protocol, runtime_checkable

from cleaner.arrays import PredProbs
from cleaner.errors import ModelError
from cleaner.items import shown_path


@runtime_checkable
class Runtime(Protocol):
    """Runs one model. May be called from several threads."""

    @property
    def input_side_px(self) -> int | None:
        """The side of the squares it takes; None where the model resizes photos itself."""
        ...

    @property
    def class_count(self) -> int: ...

    # Not RGBImage: that would have all photos of a call be of one size.
    def __call__(self, photos: Sequence[NDArray[np.uint8]]) -> PredProbs:
        """Return (item, class) of RGB photos, 0..255, of its input side where it has one."""
        ...


def side_and_classes(name: str, inputs: Sequence[Any], outputs: Sequence[Any]) -> tuple[int, int]:
    """Return the side in pixels and the number of classes that shapes with a batch axis tell.

    Raises:
        ModelError: they are not those of a network from square RGB photos to labels.
    """
    match inputs, outputs:
        case [_, int(height), int(width), 3], [_, int(count)] if height == width:
            return height, count
    raise ModelError(f"{name}: it does not turn square RGB photos into labels.")


def unreadable(path: Path, kind: str, error: Exception) -> ModelError:
    """Return the error of a file that the runtime cannot load, in one line."""
    reason = next(iter(str(error).splitlines()), type(error).__name__)
    return ModelError(f"{shown_path(str(path))}: {kind} cannot run it ({reason}).")
