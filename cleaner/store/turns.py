"""First come, first served, among threads and processes of one computer.

Left to themselves, SQLite's waiting writers ask again and again, with growing pauses; of sixteen
the unlucky one waits for seconds. A plain file lock is better, but whoever has just given it back
gets it again before the others have woken up. So everybody draws a number and waits for the one
before.
"""

from __future__ import annotations

import fcntl
import os
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_COUNTER_BYTES = 8  # the last number drawn, at the start of the file
_HAS_NUMBERS = sys.platform == "linux" and sys.maxsize > 2**32


@contextmanager
def turn(path: Path) -> Iterator[None]:
    """Wait until those who came before have ended, or died, and hold the turn meanwhile.

    Args:
        path: a file that all of them name; it is made if need be.

    Raises:
        OSError: the file cannot be made or locked.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if _HAS_NUMBERS:
            _queue_up(handle)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)  # gives all locks back, as the end of the process would


def _queue_up(handle: int) -> None:
    """Lock the byte of one's own number, then wait for the byte of the number before."""
    _lock(handle, 0)
    number = int.from_bytes(os.pread(handle, _COUNTER_BYTES, 0), "little") + 1
    os.pwrite(handle, number.to_bytes(_COUNTER_BYTES, "little"), 0)
    _lock(handle, _COUNTER_BYTES + number)
    _unlock(handle, 0)
    before = _COUNTER_BYTES + number - 1
    _lock(handle, before)
    _unlock(handle, before)


def _lock(handle: int, byte: int) -> None:
    fcntl.fcntl(handle, fcntl.F_OFD_SETLKW, _range(fcntl.F_WRLCK, byte))


def _unlock(handle: int, byte: int) -> None:
    fcntl.fcntl(handle, fcntl.F_OFD_SETLKW, _range(fcntl.F_UNLCK, byte))


def _range(kind: int, byte: int) -> bytes:
    """Return the C struct flock: type, whence, start, length, pid."""
    return struct.pack("hhqqi4x", kind, os.SEEK_SET, byte, 1, 0)
