"""One mover at a time: a lock that ends with its process, and says whose it is."""

from __future__ import annotations

import errno
import fcntl
import getpass
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cleaner.errors import ApplyBusy, MoveError
from cleaner.moves.places import Places

_LOCK_NAME = "apply.lock"


@contextmanager
def exclusive(places: Places) -> Iterator[None]:
    """Hold the right to move this dataset's files.

    Raises:
        ApplyBusy: another process holds it.
        MoveError: the lock cannot be taken at all.
    """
    path = places.state / _LOCK_NAME
    try:
        places.state.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise _cannot_lock(path, error) from error
    try:
        _lock(handle, path)
        yield  # closing gives the lock back; the file stays, or two could hold "the" lock
    finally:
        os.close(handle)


def _lock(handle: int, path: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(handle, 1000, 0).decode("utf-8", "replace").strip()
        raise ApplyBusy(
            f"{path}: {holder or 'another process'} is moving files of this dataset. "
            "Wait until that is done, then try again."
        ) from error
    except OSError as error:
        raise _cannot_lock(path, error) from error
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{_me()}\n".encode("utf-8", "replace"), 0)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):  # a nameless lock still locks
            raise _cannot_lock(path, error) from error


def _cannot_lock(path: Path, error: OSError) -> MoveError:
    return MoveError(
        f"{path}: cannot lock it ({error.strerror}). Make the state folder writable, or name "
        "another with --state."
    )


def _me() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user often has a number only
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()} pid {os.getpid()}"
