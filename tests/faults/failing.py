"""System calls that fail on demand, as they do on a full, broken or read-only disk."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import io
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cleaner
from cleaner.moves import placing

CODES = (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES, errno.EXDEV)

_PACKAGE = str(Path(cleaner.__file__).parent) + os.sep
_MOVES = _PACKAGE + "moves" + os.sep
# Every way in which the moves, or pathlib for them, reach the system; SQLite has ways of its own.
_CALLS: tuple[tuple[Any, str], ...] = (
    *((os, name) for name in ("open", "stat", "lstat", "scandir", "readlink", "mkdir", "unlink")),
    *((os, name) for name in ("link", "symlink", "replace", "fsync", "fstat", "pread", "pwrite")),
    *((os, name) for name in ("ftruncate", "utime", "chmod")),
    (io, "open"),
    (fcntl, "flock"),
    (hashlib, "file_digest"),
    (shutil, "copyfileobj"),
    (placing, "_rename_exclusive"),
)


class Failing:
    """Lets the n-th system call of the moves fail, and counts and names them all.

    Attributes:
        calls: names of the calls so far.
    """

    def __init__(self, number: int = 0, code: int = 0) -> None:
        self.calls: list[str] = []
        self._number = number
        self._code = code

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Stand before the real calls for a while."""
        real = [(module, name, getattr(module, name)) for module, name in _CALLS]
        try:
            for module, name, call in real:
                setattr(module, name, self._before(name, call))
            yield
        finally:
            for module, name, call in real:
                setattr(module, name, call)

    def _before(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def stand_in(*arguments: Any, **named: Any) -> Any:
            if _is_of_moves():
                self.calls.append(name)
                if len(self.calls) == self._number:
                    raise OSError(self._code, os.strerror(self._code))
            return call(*arguments, **named)

        return stand_in


def _is_of_moves() -> bool:
    """Tell whether the innermost function of the project that is at work is one of the moves."""
    frame = sys._getframe(2)
    while frame.f_back is not None and not frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return frame.f_code.co_filename.startswith(_MOVES)
