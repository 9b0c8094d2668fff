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

from sqlalchemy import Engine, event

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
    def installed(self, *, statements: bool = False) -> Iterator[None]:
        """Stand before the real calls for a while; if asked, also before each SQL statement."""
        real = [(module, name, getattr(module, name)) for module, name in _CALLS]
        if statements:
            event.listen(Engine, "before_cursor_execute", self._before_statement)
            event.listen(Engine, "commit", self._before_commit)
        try:
            for module, name, call in real:
                setattr(module, name, self._before(name, call))
            yield
        finally:
            for module, name, call in real:
                setattr(module, name, call)
            if statements:
                event.remove(Engine, "before_cursor_execute", self._before_statement)
                event.remove(Engine, "commit", self._before_commit)

    def _before_statement(
        self, _connection: Any, _cursor: Any, statement: str, *_rest: Any
    ) -> None:
        self._count(statement.split(maxsplit=1)[0])

    def _before_commit(self, _connection: Any) -> None:
        self._count("COMMIT")

    def _before(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def stand_in(*arguments: Any, **named: Any) -> Any:
            if self._is_asked_by_one_of_the_rooms():
                self._count(name)
            return call(*arguments, **named)

        return stand_in

    def _count(self, name: str) -> None:
        self.calls.append(name)
        if len(self.calls) == self._number:
            self._fail()

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
