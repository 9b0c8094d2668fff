"""The promise of an origin: it says what images there are, where each is read, and takes decisions.

A path in the catalogue begins with the class that the origin names for the image; the rest is the
origin's own. An image belongs elsewhere as soon as its label is another one or it is excluded, and
`apply` brings the origin, or what it leaves in its place, up to date with that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection
from typing_extensions import Protocol, runtime_checkable

from cleaner.decisions import FileMove, Plan
from cleaner.engines import Engine
from cleaner.items import Item, Scan, ScannedFile
from cleaner.store import Store

Report = Callable[[int, int, str], None]
# The fact that says which version of its origin the catalogue is of.
SCANNED = "version scanned"
Problems = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of the decisions.

    Attributes:
        moved: what is elsewhere now, or has another label.
        problems: (shown path, reason) of what stayed as it was.
        manifest: the new manifest, or None where files moved or there was nothing to write.
    """

    moved: tuple[FileMove, ...]
    problems: Problems = ()
    manifest: Path | None = None


@runtime_checkable
class Origin(Protocol):
    """Where the images of a dataset are.

    Attributes:
        moves_files: whether `apply` moves files; otherwise it writes a new manifest.
    """

    moves_files: bool

    def is_there(self) -> bool:
        """Tell whether it was not deleted under us."""
        ...

    def recover(self, store: Store) -> tuple[FileMove, ...]:
        """Finish or revert what a crash left open, and return it as it is now."""
        ...

    def scan(
        self, known: Mapping[str, ScannedFile], report: Report, engine: Engine | None = None
    ) -> Scan:
        """Return every readable image, and findings about the rest.

        An engine may read the files; without one, this process does.

        Raises:
            DatasetError: there is nothing to work with.
        """
        ...

    def path_of(self, item: Item) -> Path:
        """Return where an image is read: a file, or an address."""
        ...

    def reach_of(self, item: Item) -> Path:
        """Return the folder that a link in place of the image's file must not lead out of."""
        ...

    def due(self, connection: Connection) -> int:
        """Return how many images `apply` has something to do for; quick."""
        ...

    def plan(self, store: Store) -> Plan:
        """Return what `apply` would do."""
        ...

    def apply(self, store: Store, report: Report | None) -> Applied:
        """Do it.

        Raises:
            ApplyBusy: somebody else is at it.
            MoveError: it cannot be done at all, such as on a full disk.
        """
        ...

    def follow(self, store: Store, item_ids: set[int]) -> Problems:
        """Bring back what was applied of decisions that were taken back; say what could not be."""
        ...
