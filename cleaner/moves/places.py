"""The two folders an image can lie in, and how the journal names a place in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cleaner.errors import MoveError
from cleaner.items import Item, shown_path

DATASET = "dataset"
QUARANTINE = "quarantine"


@dataclass(frozen=True, slots=True)
class Places:
    """Where the class folders and the excluded images are.

    A location is ``dataset/...`` or ``quarantine/...`` with ``/`` between parts, so that the
    journal stays right when the folders themselves are renamed.
    """

    dataset: Path
    quarantine: Path

    @property
    def state(self) -> Path:
        """The state folder, which holds the quarantine and the lock."""
        return self.quarantine.parent

    def resolve(self, location: str) -> Path:
        """Return the path of a location.

        Raises:
            MoveError: it names neither place, or leads out of it.
        """
        place, *parts = location.split("/")
        roots = {DATASET: self.dataset, QUARANTINE: self.quarantine}
        if place not in roots or not parts or "\0" in location or {"", ".", ".."} & set(parts):
            raise MoveError(
                f"{shown_path(location)!r}: no place for an image. Expected dataset/CLASS/NAME "
                "or quarantine/CLASS/NAME; correct the class name or the path."
            )
        return roots[place].joinpath(*parts)


def location_of(item: Item) -> str:
    """Return where the catalogue says that an image lies."""
    return f"{QUARANTINE if item.quarantined else DATASET}/{item.path}"


def shown(location: str) -> str:
    """Return a location as people get it: relative to the dataset, unless it is outside.

    >>> shown("dataset/cats/1.jpg"), shown("quarantine/cats/1.jpg")
    ('cats/1.jpg', 'quarantine/cats/1.jpg')
    """
    return shown_path(location.removeprefix(f"{DATASET}/"))
