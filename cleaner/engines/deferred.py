"""An engine that is opened when there is something to do for the first time.

A later round looks at new images alone, and often there are none: no cluster is reached then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import TypeVar

from cleaner.engines.base import Engine, Work

_C = TypeVar("_C")
_R = TypeVar("_R")


class DeferredEngine:
    """To be entered; closed with what it has opened."""

    def __init__(self, opening: Callable[[], AbstractContextManager[Engine]]) -> None:
        self._opening = opening
        self._open = ExitStack()
        self._engine: Engine | None = None

    def __enter__(self) -> DeferredEngine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._engine = None
        self._open.__exit__(kind, error, trace)

    @property
    def workers(self) -> int:
        """Return how many chunks are worked on at a time; opens it."""
        return self._opened().workers

    def run(
        self, work: Work[_C, _R], chunks: Sequence[_C], tick: Callable[[int], None]
    ) -> Iterator[_R]:
        """See `Engine.run`."""
        if chunks:
            yield from self._opened().run(work, chunks, tick)

    def _opened(self) -> Engine:
        if self._engine is None:
            self._engine = self._open.enter_context(self._opening())
        return self._engine
