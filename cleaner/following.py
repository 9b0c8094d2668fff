"""The ranking follows the decisions: what was recorded since the last look is learnt from.

The log of decisions says what is new, so it does not matter who decided, or whether the
program ended in between: the next look catches up. Only images whose standing has changed
noticeably are written, in transactions so short that a decision never waits for them.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection

from cleaner import rescoring
from cleaner.arrays import ItemMask, LabelQuality, Labels
from cleaner.class_edits import Lineage
from cleaner.decisions import CONFIRMED
from cleaner.items import Status
from cleaner.rescoring import Rescorer
from cleaner.standings import Standings, Teller
from cleaner.store import Store, catalogue, class_edits, decisions, rounds

# A quality or confidence that moved by less is not worth a write; what was not written adds up,
# so nothing drifts further than this from what is shown. What is not up for review may wait
# longer: there are many of them, and few look at their order.
NOTICEABLE = 0.002
NOTICEABLE_UNFLAGGED = 0.01
_ROWS_AT_ONCE = 100
# Between two of our transactions, for those who wait: SQLite's waiting writers ask again
# after pauses, and would find the database taken by us each time.
_PAUSE_SECONDS = 0.01
# Stands for the last write of scores; whoever finds another one here reads them again.
_WRITER = "ranking_writer"

log = logging.getLogger(__name__)


def catch_up(store: Store, state: Path) -> int:
    """Bring the ranking up to all decisions; return how many images were ranked anew."""
    return Follower(store, state).look()


@dataclass(slots=True)
class _Written:
    """The scores as the database holds them, in the order of the round's items."""

    self_confidence: LabelQuality
    quality: LabelQuality
    suggested: Labels
    confidence: LabelQuality
    flagged: ItemMask
    writer: str | None

    def differs(self, found: Standings) -> ItemMask:
        least = np.where(found.flagged, NOTICEABLE, NOTICEABLE_UNFLAGGED)
        suggests = found.flagged & (found.suggested != self.suggested)
        differs: ItemMask = suggests | (found.flagged != self.flagged)
        for name in ("self_confidence", "quality", "confidence"):
            differs |= np.abs(getattr(found, name) - getattr(self, name)) > least
        return differs

    def note(self, found: Standings, places: np.ndarray) -> None:
        for name in ("self_confidence", "quality", "suggested", "confidence", "flagged"):
            getattr(self, name)[places] = getattr(found, name)[places]


@dataclass(slots=True)
class _OpenRound:
    """The latest round as this process knows it.

    Attributes:
        number: of the round.
        started_at: tells it from another of this number.
        sequence: the latest decision that was learnt from.
        untold: (item,), who was decided about and has not been written since.
        written: what the database holds, or None before it was read.
    """

    number: int
    started_at: str
    rescorer: Rescorer
    sequence: int
    untold: ItemMask
    written: _Written | None = None


class Follower:
    """Keeps one dataset's ranking in step; one thread at a time may use it."""

    def __init__(self, store: Store, state: Path) -> None:
        self._store = store
        self._state = state
        self._round: _OpenRound | None = None
        self._given_up: tuple[int, str] | None = None

    def look(self) -> int:
        """Learn from what was decided since the last look; return how many images moved.

        Without a round, or where a round left nothing to follow from, nothing happens.

        Raises:
            StoreError: the database cannot be used.
        """
        while True:
            with self._store.read() as connection:
                opening = rounds.latest_opening(connection)
            current = None if opening is None else self._opened(*opening)
            try:
                moved = 0 if current is None else self._follow(current)
            except np.linalg.LinAlgError:
                log.warning("Too little is left to learn from; the next round ranks anew.")
                self._given_up = opening
                return 0
            if moved is not None:
                return moved

    def _opened(self, number: int, started_at: str) -> _OpenRound | None:
        if self._given_up == (number, started_at):
            return None
        known = self._round
        if known is None or (known.number, known.started_at) != (number, started_at):
            self._round = None  # its memory first
            kept = rescoring.read(self._state, number, started_at)
            if kept is not None:
                untold = np.zeros(kept.item_ids.shape, bool)
                self._round = _OpenRound(
                    number, started_at, Rescorer(kept), kept.opening.sequence, untold
                )
        return self._round

    def _follow(self, current: _OpenRound) -> int | None:
        with self._store.read() as connection:
            sequence = decisions.latest_sequence(connection)
            if current.written is not None and sequence == current.sequence:
                return 0
            changed = decisions.changed_since(connection, current.sequence)
            lineage = class_edits.lineage(connection)
            if current.written is None:
                current.written = _written(connection, current)
        names = _names_in_round(lineage, current)
        changed = [(item_id, names.get(label, label), status) for item_id, label, status in changed]
        current.untold[current.rescorer.follow(*_targets(changed))] = True
        current.sequence = sequence
        found = current.rescorer.standings()
        places = np.flatnonzero(current.untold | current.written.differs(found))
        return self._write(current, current.written, found, places)

    def _write(
        self, current: _OpenRound, written: _Written, found: Standings, places: np.ndarray
    ) -> int | None:
        """Write the worst first, for they are looked at first; None if somebody else wrote."""
        positions = current.rescorer.positions(found)
        places = places[np.lexsort((found.quality[places], positions[places]))]
        kept = current.rescorer.kept
        teller = Teller(kept.item_ids, kept.class_names, found, kept.grounds)
        for start in range(0, len(places), _ROWS_AT_ONCE):
            if start:
                time.sleep(_PAUSE_SECONDS)
            part = slice(start, start + _ROWS_AT_ONCE)
            rows = list(teller.rows(places[part].tolist(), positions[places[part]].tolist()))
            if not self._write_part(current, written, rows):
                current.written = None
                return None
            written.note(found, places[part])
            current.untold[places[part]] = False
        return len(places)

    def _write_part(
        self, current: _OpenRound, written: _Written, rows: Sequence[dict[str, Any]]
    ) -> bool:
        with self._store.write() as connection:
            writer = catalogue.fact(connection, _WRITER)
            opening = rounds.latest_opening(connection)
            if writer != written.writer or opening != (current.number, current.started_at):
                return False
            # Another one each time: who read between two of our parts holds a stale copy too.
            mark = uuid.uuid4().hex
            catalogue.set_facts(connection, {_WRITER: mark})
            rounds.rerank(connection, current.number, rows)
        written.writer = mark
        return True


def _names_in_round(lineage: Lineage, current: _OpenRound) -> dict[str, str]:
    """Return what the round calls classes that have another name by now."""
    known = current.rescorer.kept.class_names
    names = {lineage.since_round(name, current.number): name for name in known}
    # Of a class that another was merged into, the label is its own.
    return names | {name: name for name in known if name in names}


def _targets(
    changed: Sequence[tuple[int, str, Status]],
) -> tuple[dict[int, str | None], list[int]]:
    """Return the label of each image, None for an excluded one, and whose label is confirmed."""
    labels = {
        item_id: None if status == "excluded" else label for item_id, label, status in changed
    }
    return labels, [item_id for item_id, _label, status in changed if status in CONFIRMED]


def _written(connection: Connection, current: _OpenRound) -> _Written:
    kept = current.rescorer.kept
    index = {name: number for number, name in enumerate(kept.class_names)}
    writer = catalogue.fact(connection, _WRITER)
    scores = rounds.scores_of(connection, current.number)
    item_ids, suggested, own, confidence, quality, flagged = zip(*scores, strict=True)
    by_id = np.argsort(item_ids)
    place = by_id[np.searchsorted(item_ids, kept.item_ids, sorter=by_id)]
    return _Written(
        self_confidence=np.array(own)[place],
        quality=np.array(quality)[place],
        suggested=np.array([index[name] for name in suggested], np.int64)[place],
        confidence=np.array(confidence)[place],
        flagged=np.array(flagged)[place],
        writer=writer,
    )
