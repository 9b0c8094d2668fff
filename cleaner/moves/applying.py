"""Do what a plan says: journal the intents of a batch, move the files, settle the batch."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from cleaner.decisions import FileMove, Plan
from cleaner.errors import MoveError
from cleaner.moves.checkpoints import checkpoint
from cleaner.moves.locking import exclusive
from cleaner.moves.naming import fold
from cleaner.moves.places import Places, shown
from cleaner.moves.placing import Refused, Untidy, digest, make_folder, place
from cleaner.moves.recovery import settle, settle_interrupted, temporary_beside
from cleaner.store import Store
from cleaner.store import moves as journal

Report = Callable[[int, int, str], None]

# A commit waits for the disk, and so does each folder: a batch shares these waits.
_BATCH_MOVES = 256

_REASONS = {
    errno.ENOENT: "the file or its folder is gone; run scan to see what is there",
    errno.ENOTDIR: "a file is where a folder is needed; rename that file",
    errno.EEXIST: "its new name has been taken since the plan was made; run apply again",
    errno.EACCES: "permission denied; make its folder and the class folder writable",
    errno.EPERM: "permission denied; make its folder and the class folder writable",
    errno.ENAMETOOLONG: "the name is too long for its new folder; shorten it",
}
# What is wrong with the disk, not with one file: the next 10,000 moves would fail as well.
_FATAL = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "the disk quota is used up; free some space",
    errno.EROFS: "the file system is read-only; make it writable",
}


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of a plan.

    Attributes:
        moved: the finished moves, with their numbers.
        problems: (shown path, reason) of what stayed where it was, those of the plan first.
    """

    moved: tuple[FileMove, ...]
    problems: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Problem:
    reason: str
    is_fatal: bool = False
    is_open: bool = False  # recovery has to finish it


def run(store: Store, places: Places, plan: Plan, *, report: Report | None = None) -> Applied:
    """Carry out a plan; whatever cannot be moved stays where it is and is named.

    What an earlier crash left open is settled first. A kill at any moment loses nothing;
    `recover` tells which of the last few moves had happened.

    Args:
        store: the journal and the catalogue.
        places: the dataset and the quarantine.
        plan: made by `plan`, just now.
        report: called after each move with how many are over, of how many, and a path.

    Raises:
        ApplyBusy: another process is moving files of this dataset.
        MoveError: the disk is full or read-only, or the dataset is gone; the moves done so
            far are kept and the rest stayed where it was.
    """
    with exclusive(places):
        settle_interrupted(store, places)
        running = _Run(store, places, plan, report)
        for batch in _batches(plan.moves):
            running.carry_out(batch)
    return Applied(tuple(running.moved), (*plan.problems, *running.problems))


def _batches(moves: Sequence[FileMove]) -> Iterator[list[FileMove]]:
    """Cut the moves so that no two of a batch share a place.

    Recovery decides by what lies where. With two images of equal content, one gone from a
    place and one come to it, it could not tell what had happened.
    """
    batch: list[FileMove] = []
    used: set[str] = set()
    for move in moves:
        ends = {fold(move.source), fold(move.destination)}
        if len(batch) == _BATCH_MOVES or ends & used:
            yield batch
            batch, used = [], set()
        batch.append(move)
        used |= ends
    if batch:
        yield batch


class _Run:
    """One turn of `run`: what has come of the moves so far."""

    def __init__(self, store: Store, places: Places, plan: Plan, report: Report | None) -> None:
        self.moved: list[FileMove] = []
        self.problems: list[tuple[str, str]] = []
        self._store = store
        self._places = places
        self._total = len(plan.moves)
        self._report = report

    def carry_out(self, batch: Sequence[FileMove]) -> None:
        with self._store.write() as connection:
            intents = [journal.plan(connection, move) for move in batch]
        checkpoint("intents journalled")
        outcomes = {intent.move_id: replace(intent, state="reverted") for intent in intents}
        try:
            for intent in intents:
                # Until its outcome is known nothing is said about it; recovery would look.
                del outcomes[intent.move_id]
                problem = _attempt(intent, self._places)
                outcome = replace(intent, state=_state_after(problem))
                if problem is None or not problem.is_open:
                    outcomes[intent.move_id] = outcome
                self._note(outcome, problem)
        finally:
            # Not after a kill, which may come anywhere, but after a cancelling `report`.
            settle(self._store, self._places, list(outcomes.values()))

    def _note(self, outcome: FileMove, problem: _Problem | None) -> None:
        path = shown(outcome.source)
        if problem is None:
            self.moved.append(outcome)
        elif problem.is_fatal:
            raise MoveError(
                f"{path}: {problem.reason}, then run apply again. {len(self.moved)} of "
                f"{self._total} files were moved; the rest is where it was."
            )
        else:
            self.problems.append((path, problem.reason))
        if self._report is not None:
            self._report(len(self.moved) + len(self.problems), self._total, path)


def _state_after(problem: _Problem | None) -> Literal["done", "reverted"]:
    return "done" if problem is None else "reverted"


def _attempt(move: FileMove, places: Places) -> _Problem | None:
    """Move one file; return why not, if not. Then it is where it was."""
    source, destination = places.resolve(move.source), places.resolve(move.destination)
    try:
        if not places.dataset.is_dir():  # else a vanished disk's mount point would be filled
            return _Problem("the dataset folder is gone; bring it back", is_fatal=True)
        if digest(source) != move.content_hash:
            return _Problem("it has changed since the scan; run scan, then apply again")
        checkpoint("source verified")
        make_folder(destination.parent)
        checkpoint("folder made")
        place(
            source,
            destination,
            content_hash=move.content_hash,
            temporary=temporary_beside(destination, move),
        )
    except Refused as refusal:
        return _Problem(str(refusal))
    except Untidy as leftover:
        # Later moves could put an equal image at the vacated place, and recovery be misled.
        return _Problem(str(leftover), is_fatal=True, is_open=True)
    except OSError as error:
        if error.errno in _FATAL:
            return _Problem(_FATAL[error.errno], is_fatal=True)
        return _Problem(_REASONS.get(error.errno or 0, f"{error.strerror}; look at its disk"))
    return None
