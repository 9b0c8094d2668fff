"""This machine: a thread for each processor.

Threads and not processes: decoders and networks let go of the interpreter while they work, and
the pictures need no way between processes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Generic, TypeVar

from cleaner import processors
from cleaner.engines.base import USUAL_SHARE, Share, Work
from cleaner.errors import EngineError

_C = TypeVar("_C")
_R = TypeVar("_R")


@contextmanager
def opened(address: str = "", share: Share = USUAL_SHARE) -> Iterator[LocalEngine]:
    """Yield this machine.

    Raises:
        EngineError: an address is named, or what a worker of a cluster takes.
    """
    if address:
        raise EngineError("--address names a cluster; take --engine ray with it.")
    if share != USUAL_SHARE:
        raise EngineError(
            "--cores-per-worker and --gpus-per-worker are of a cluster; take --engine ray with "
            "them. This machine uses what it has."
        )
    yield LocalEngine()


class LocalEngine:
    """Works in this process."""

    @property
    def workers(self) -> int:
        """Return the number of processors."""
        return processors.available()

    def run(
        self, work: Work[_C, _R], chunks: Sequence[_C], tick: Callable[[int], None]
    ) -> Iterator[_R]:
        """See `Engine.run`."""
        crew = _Crew(work)
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="engine")
        try:
            for number, chunk in enumerate(chunks):
                pool.submit(crew.do, number, chunk)
            yield from crew.results(len(chunks), tick)
        finally:
            crew.stop()
            pool.shutdown(cancel_futures=True)


class _Stopped(Exception):
    """Ends a chunk whose run has ended."""


class _Crew(Generic[_C, _R]):
    """Threads at work; what they say goes through one queue to the thread that asked."""

    def __init__(self, work: Work[_C, _R]) -> None:
        self._work = work
        self._own = threading.local()
        self._stopped = threading.Event()
        # None for a piece, else a chunk's number and what came of it.
        self._said: SimpleQueue[tuple[int, _R | BaseException] | None] = SimpleQueue()

    def stop(self) -> None:
        """Let the chunks that are being worked on end at their next piece."""
        self._stopped.set()

    def do(self, number: int, chunk: _C) -> None:
        """Work on a chunk in one of the threads."""
        try:
            if not hasattr(self._own, "step"):
                self._own.step = self._work.open()
            self._said.put((number, self._own.step(chunk, self._tick)))
        except _Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            self._said.put((number, error))

    def _tick(self) -> None:
        self._said.put(None)
        if self._stopped.is_set():
            raise _Stopped

    def results(self, count: int, tick: Callable[[int], None]) -> Iterator[_R]:
        """Yield the results in order as they come."""
        ready: dict[int, _R] = {}
        wanted = done = 0
        while wanted < count:
            said = self._said.get()
            if said is None:
                done += 1
                tick(done)
                continue
            number, result = said
            if isinstance(result, BaseException):
                raise result
            ready[number] = result
            while wanted in ready:
                yield ready.pop(wanted)
                wanted += 1
