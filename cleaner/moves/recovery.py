"""Finish or revert the moves that a crash left open, by what is found on the disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from cleaner.decisions import FileMove
from cleaner.errors import ApplyBusy, MoveError
from cleaner.items import Item
from cleaner.moves.checkpoints import checkpoint
from cleaner.moves.locking import exclusive
from cleaner.moves.places import QUARANTINE, Places, location_of
from cleaner.moves.placing import Refused, digest, rename_new, sync_folder
from cleaner.store import Store, catalogue
from cleaner.store import moves as journal

_Sight = Literal["nothing", "the image", "an empty file", "something else", "unreadable"]
_State = Literal["planned", "done", "reverted"]


def recover(store: Store, places: Places) -> tuple[FileMove, ...]:
    """Finish or revert each move that a crash left open, and return them as they are now.

    One that is still ``planned`` could not be settled: its image is at neither place, or a
    place cannot be read. It is tried again next time. While another process is moving files
    nothing was left open yet, so the answer is empty.
    """
    try:
        with exclusive(places):
            return settle_interrupted(store, places)
    except ApplyBusy:
        return ()


def settle_interrupted(store: Store, places: Places) -> tuple[FileMove, ...]:
    """Do the work of `recover` for a caller that holds the lock."""
    with store.read() as connection:
        open_moves = [
            (move, catalogue.item(connection, move.item_id))
            for move in journal.unsettled(connection)
        ]
    settled = tuple(replace(move, state=_state_of(move, item, places)) for move, item in open_moves)
    settle(store, places, [move for move in settled if move.state != "planned"])
    return settled


def settle(store: Store, places: Places, moves: Sequence[FileMove]) -> None:
    """Write the states of some moves, and the places of those images that were moved.

    Raises:
        MoveError: the moves are not on the disk for certain, so nothing was written.
    """
    done = [move for move in moves if move.state == "done"]
    ends = (end for move in done for end in (move.source, move.destination))
    for folder in {places.resolve(end).parent for end in ends}:
        _sync(folder)
    checkpoint("folders on disk")
    if moves:
        with store.write() as connection:
            for move in moves:
                journal.settle(connection, move.move_id, move.state)
            for move in done:
                place, path = move.destination.split("/", 1)
                quarantined = place == QUARANTINE
                catalogue.place_item(connection, move.item_id, path, quarantined=quarantined)
    checkpoint("batch settled")


def _sync(folder: Path) -> None:
    try:
        sync_folder(folder)
    except OSError as error:
        raise MoveError(
            f"{folder}: the disk failed ({error.strerror}). The last moves are still in the "
            "journal; check the disk, then run recover."
        ) from error


def temporary_beside(destination: Path, move: FileMove) -> Path:
    """Return where a copy for this move is made; a scan takes no notice of dot-names."""
    return destination.with_name(f".cleaner-{move.move_id}.part")


def _state_of(move: FileMove, item: Item | None, places: Places) -> _State:
    source, destination = places.resolve(move.source), places.resolve(move.destination)
    temporary = temporary_beside(destination, move)
    try:
        if item is None or location_of(item) not in (move.source, move.destination):
            state: _State = "reverted"  # a scan has found the image at a third place since
        else:
            state = _look_and_act(source, destination, temporary, move.content_hash)
        checkpoint("move looked at")
        if state != "planned":
            temporary.unlink(missing_ok=True)
    except OSError:
        return "planned"  # what was to be removed cannot be, today
    return state


def _look_and_act(source: Path, destination: Path, temporary: Path, content_hash: str) -> _State:
    here, there = _look(source, content_hash), _look(destination, content_hash)
    if "unreadable" in (here, there):
        return "planned"
    if there == "the image":
        if here == "the image":
            return _drop_original(source, destination, temporary)
        return "done"
    if here == "nothing":
        return _rescue_copy(destination, temporary, content_hash)
    if there == "an empty file":
        destination.unlink()  # the name we had claimed
        checkpoint("claim removed")
    return "reverted"


def _drop_original(source: Path, destination: Path, temporary: Path) -> _State:
    """Finish a copy; but leave both alone if somebody else has put an equal file there.

    A rename never leaves both. A copy keeps its temporary name until the original is gone,
    except where there are no hard links: there, being on two devices has to do.
    """
    if temporary.exists():
        ours = temporary.samefile(destination)
    else:
        ours = source.lstat().st_dev != destination.lstat().st_dev
    if not ours:
        return "reverted"
    sync_folder(destination.parent)
    source.unlink()
    checkpoint("original removed late")
    return "done"


def _rescue_copy(destination: Path, temporary: Path, content_hash: str) -> _State:
    """Use the copy if it is all that is left, for example after somebody's tidying."""
    if _look(temporary, content_hash) != "the image" or destination.exists():
        return "planned"
    rename_new(temporary, destination)
    return "done"


def _look(path: Path, content_hash: str) -> _Sight:
    try:
        if digest(path) == content_hash:
            return "the image"
        return "something else" if path.stat().st_size else "an empty file"
    except (FileNotFoundError, NotADirectoryError):
        return "nothing"
    except Refused:
        return "something else"
    except OSError:
        return "unreadable"
