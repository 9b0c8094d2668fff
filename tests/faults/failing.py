"""System calls that fail on demand, as they do on a full, broken or read-only disk."""

from __future__ import annotations

import builtins
import errno
import fcntl
import hashlib
import io
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cleaner
from cleaner.moves import placing

CODES = (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES, errno.EXDEV)

_PACKAGE = str(Path(cleaner.__file__).parent) + os.sep
MOVES = ("moves" + os.sep,)
EXPORTS = ("exporters" + os.sep, "exports.py", "drafts.py", "manifests.py", "moves" + os.sep)
# Every way in which these rooms, or pathlib for them, reach the system; SQLite has its own ways.
_CALLS: tuple[tuple[Any, str], ...] = (
    *((os, name) for name in ("open", "stat", "lstat", "scandir", "readlink", "mkdir", "unlink")),
    *((os, name) for name in ("link", "symlink", "replace", "fsync", "fstat", "pread", "pwrite")),
    *((os, name) for name in ("ftruncate", "utime", "chmod", "rename", "rmdir")),
    (io, "open"),
    (builtins, "open"),
    (fcntl, "flock"),
    (hashlib, "file_digest"),
    (shutil, "copyfileobj"),
    (placing, "_rename_exclusive"),
)


class Failing:
    """Lets the n-th system call of some rooms fail, and counts and names them all.

    Args:
        number: which call, from 1; 0 for none.
        code: the error it fails with; None kills the process instead.
        rooms: where those files lie in the package that make the calls.

    Attributes:
        calls: names of the calls so far.
    """

    def __init__(
        self, number: int = 0, code: int | None = 0, *, rooms: tuple[str, ...] = MOVES
    ) -> None:
        self.calls: list[str] = []
        self._number = number
        self._code = code
        self._rooms = tuple(_PACKAGE + room for room in rooms)

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
            if self._is_asked_by_one_of_the_rooms():
                self.calls.append(name)
                if len(self.calls) == self._number:
                    self._fail()
            return call(*arguments, **named)

        return stand_in

    def _fail(self) -> None:
        if self._code is None:
            os.kill(os.getpid(), signal.SIGKILL)
        else:
            raise OSError(self._code, os.strerror(self._code))

    def _is_asked_by_one_of_the_rooms(self) -> bool:
        """Tell whether the innermost function of the project that is at work is one of theirs."""
        frame = sys._getframe(2)
        while frame.f_back is not None and not frame.f_code.co_filename.startswith(_PACKAGE):
            frame = frame.f_back
        return frame.f_code.co_filename.startswith(self._rooms)
