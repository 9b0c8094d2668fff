"""What every audit promises."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from cleaner.items import Finding, ScannedFile


class Audit(Protocol):
    """Looks for trouble in what the scan knows of the files; opens none and needs no model.

    The findings name only paths of the given files, come in the same order every time, and an
    empty dataset has none.
    """

    def __call__(self, files: Sequence[ScannedFile], /) -> list[Finding]:
        """Return what was found, an empty list if nothing."""
        ...
