"""Class folders: the first folder is the label, and files move as decided."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import Connection

from cleaner import folder, moves
from cleaner.decisions import FileMove, Plan
from cleaner.engines import Engine
from cleaner.items import Item, Scan, ScannedFile
from cleaner.origins.base import Applied, Problems, Report
from cleaner.store import Store, catalogue, class_edits
from cleaner.store import moves as journal


class ClassFolders:
    """A folder with one folder of images for each class."""

    moves_files = True

    def __init__(self, root: Path, state: Path) -> None:
        self._root = root
        self._state = state
        self.places = moves.Places(dataset=root, quarantine=state / "quarantine")

    def is_there(self) -> bool:
        """See `Origin`."""
        return self._root.is_dir()

    def recover(self, store: Store) -> tuple[FileMove, ...]:
        """See `Origin`."""
        return moves.recover(store, self.places)

    def scan(
        self, known: Mapping[str, ScannedFile], report: Report, engine: Engine | None = None
    ) -> Scan:
        """See `Origin`; the state folder is not entered, should it lie in the dataset."""
        return folder.scan(
            self._root, known=known, report=report, exclude=[self._state], engine=engine
        )

    def path_of(self, item: Item) -> Path:
        """See `Origin`."""
        return self.reach_of(item) / item.path

    def reach_of(self, item: Item) -> Path:
        """See `Origin`."""
        return self.places.quarantine if item.quarantined else self._root

    def due(self, connection: Connection) -> int:
        """See `Origin`."""
        return catalogue.misplaced(connection)

    def plan(self, store: Store) -> Plan:
        """Return the moves that would make the class folders match the decisions."""
        with store.read() as connection:
            items, done = catalogue.to_move(connection), journal.done(connection)
        return moves.plan(items, done, self.places)

    def apply(self, store: Store, report: Report | None) -> Applied:
        """Make the class folders match the decisions; journalled, never overwriting."""
        self.recover(store)  # a plan is right for settled moves only
        applied = moves.run(store, self.places, self.plan(store), report=report)
        with store.read() as connection:
            lineage, in_use = class_edits.lineage(connection), catalogue.labels_in_use(connection)
        moves.remove_empty(self.places, lineage.retired - in_use)
        return Applied(applied.moved, applied.problems)

    def follow(self, store: Store, item_ids: set[int]) -> Problems:
        """Move files whose decision was taken back; those never applied stay where they are."""
        self.recover(store)
        with store.read() as connection:
            done = [move for move in journal.done(connection) if move.item_id in item_ids]
            moved = {move.item_id for move in done}
            items = [item for item in catalogue.to_move(connection) if item.item_id in moved]
        if not items:
            return ()
        plan = moves.plan(items, done, self.places)
        return moves.run(store, self.places, plan).problems
