"""The model as one .keras file, to be trained further or loaded with Keras alone."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cleaner.arrays import ImageBatch
from cleaner.exporters.base import LABELS_NAME, beside, label_lines

if TYPE_CHECKING:
    import keras

FILE_NAME = "model.keras"


def export(
    model: keras.Model,
    class_names: Sequence[str],
    destination: Path,
    _photos: ImageBatch | None = None,
) -> None:
    """Write the model; the file is a zip archive and holds the labels too.

    ``keras.models.load_model`` reads it in safe mode: there is no code in it.

    Raises:
        ExportError: the destination is taken or cannot be written.
    """
    with beside(destination) as partial:
        # Keras goes by the ending.
        written = partial.with_name(f"{partial.name}.keras")
        try:
            model.save(written, include_optimizer=False)
            with zipfile.ZipFile(written, "a") as archive:
                archive.writestr(LABELS_NAME, label_lines(class_names))
            written.replace(partial)
        finally:
            written.unlink(missing_ok=True)
