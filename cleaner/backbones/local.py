"""A network the user names by path: a .keras file, or a SavedModel as a folder or .tar.gz.

`PATH@LOW..HIGH` says what range of values the network was trained on. Without it a .keras file is
given 0..255, as Cleaner's own models take it, and a SavedModel 0..1, as TF-Hub modules take it.
Either runs what somebody stored in it, and a stored graph can write files: name only your own.
`PATH#sha256=...` says which content is meant; without it the first content used in a project is.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from cleaner.backbones.base import BackboneInfo, Extractor
from cleaner.backbones.networks.archives import ARCHIVES, unpacked
from cleaner.errors import BackboneError, WeightsUnavailable

if TYPE_CHECKING:
    import keras

_RANGE = re.compile(r"(?P<path>.+)@(?P<low>-?\d+(\.\d+)?)\.\.(?P<high>-?\d+(\.\d+)?)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ValueRange:
    """What black and white are to a network."""

    low: float
    high: float


class LocalBackbone:
    """A model on this disk; nothing is read before something is asked of it."""

    uses_gpu = True

    def __init__(self, name: str) -> None:
        self._name = name
        path, _, self._pinned_sha256 = name.partition("#sha256=")
        self._path, self._values = _parse(path)

    @cached_property
    def info(self) -> BackboneInfo:
        """Return what the model itself tells; loads TensorFlow."""
        try:
            model, note = self.build(), ""
        except BackboneError as error:
            model, note = None, str(error)
        return BackboneInfo(
            name=self._name,
            input_side_px=model.input_shape[1] if model else 0,
            feature_count=model.output_shape[-1] if model else None,
            parameters=(model.count_params() or None) if model else None,
            multiply_adds=None,
            licence="as the file's author states",
            source=str(self._path),
            available=model is not None,
            note=note,
        )

    @property
    def content_sha256(self) -> str:
        """Hash the file or the folder as it is now.

        Raises:
            BackboneError: it is not what the name says.
        """
        from cleaner.backbones.networks import saved_model

        place = self._place
        found = (
            saved_model.content_sha256(place)
            if place.is_dir()
            else hashlib.sha256(place.read_bytes()).hexdigest()
        )
        if self._pinned_sha256 not in ("", found):
            raise BackboneError(
                f"{self._path}: its content has sha256 {found}, the name says "
                f"{self._pinned_sha256}. It is not the network you meant."
            )
        return found

    @cached_property
    def content_id(self) -> str:
        """Name content, range of values and runtime."""
        content = self.content_sha256
        values = f"{self._values.low:g}..{self._values.high:g}"
        return f"local-{content[:16]}-{values}-tensorflow-{version('tensorflow')}"

    def extractor(self) -> Extractor:
        from cleaner.backbones.networks.extraction import KerasExtractor

        return KerasExtractor(self.build())

    def build(self, input_side_px: int | None = None) -> keras.Model:
        """Return the model behind a rescaling to its range of values."""
        _ = self.content_sha256  # nothing else is loaded than what was meant
        from cleaner.backbones.networks import keras_file, saved_model

        values = (self._values.low, self._values.high)
        if self._place.is_dir():
            return saved_model.build(self._place, values, input_side_px)
        return keras_file.build(self._place, values, input_side_px)

    @property
    def _place(self) -> Path:
        """Return the .keras file or the module's folder; an archive is unpacked for it."""
        if self._path.is_dir() or (self._path.is_file() and self._path.suffix == ".keras"):
            return self._path
        if self._path.is_file() and self._path.name.endswith(ARCHIVES):
            return unpacked(self._path)
        found = "neither" if self._path.exists() else "not there"
        raise WeightsUnavailable(
            f"Backbone {self._name!r}: {self._path} should be a .keras file or a SavedModel, its "
            f"folder or {ARCHIVES[0]}; it is {found}."
        )


def _parse(name: str) -> tuple[Path, ValueRange]:
    match = _RANGE.fullmatch(name)
    if match:
        values = ValueRange(float(match["low"]), float(match["high"]))
        return Path(match["path"]).expanduser(), values
    path = Path(name).expanduser()
    is_module = path.is_dir() or path.name.endswith(ARCHIVES)
    return path, ValueRange(0.0, 1.0) if is_module else ValueRange(0.0, 255.0)
