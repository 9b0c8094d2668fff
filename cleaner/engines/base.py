"""What an engine promises: every chunk is worked on, wherever that is, and answered once."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

# Not typing's, which older Pythons cannot check at run time.
from typing_extensions import Protocol, runtime_checkable

from cleaner.errors import EngineError
from cleaner.items import shown_path

Item = TypeVar("Item")
Chunk = TypeVar("Chunk", contravariant=True)
Result = TypeVar("Result", covariant=True)
_SomeChunk = TypeVar("_SomeChunk")
_SomeResult = TypeVar("_SomeResult")

# Called after each piece of a chunk; raises where the work is to stop.
Tick = Callable[[], None]

LARGEST_CHUNK = 256
_SMALLEST_CHUNK = 16
_CHUNKS_AHEAD = 4


@runtime_checkable
class Work(Protocol[Chunk, Result]):
    """What is done to a chunk. Is pickled where the engine has processes elsewhere.

    A chunk leaves what it found on the disk itself, whole or not at all, so that resuming means
    the chunks that are missing; what it returns is small. The same chunk may be worked on twice,
    where whoever had it first was killed.
    """

    def open(self) -> Callable[[Chunk, Tick], Result]:
        """Load what a worker needs, once for each, and return what it does to a chunk."""
        ...


@runtime_checkable
class NetworkWork(Protocol):
    """Work (see `Work`) that may compute on a graphics card; other work is never given one."""

    @property
    def uses_gpu(self) -> bool:
        """Tell whether it does so where there is one."""
        ...


def uses_gpu(work: object) -> bool:
    """Tell whether some work computes on a graphics card where there is one."""
    return isinstance(work, NetworkWork) and work.uses_gpu


@dataclass(frozen=True, slots=True)
class Share:
    """What each worker of a cluster takes of its machine.

    Attributes:
        cores: processors, 1 or more.
        gpus: 0..1 of a graphics card, of work that uses one; None is 1 where there are any.
    """

    cores: int = 1
    gpus: float | None = None


USUAL_SHARE = Share()


@runtime_checkable
class Engine(Protocol):
    """Where work is done."""

    @property
    def workers(self) -> int:
        """Return how many chunks are worked on at a time."""
        ...

    def run(
        self,
        work: Work[_SomeChunk, _SomeResult],
        chunks: Sequence[_SomeChunk],
        tick: Callable[[int], None],
    ) -> Iterator[_SomeResult]:
        """Yield the result of each chunk once, in their order.

        Args:
            work: what is done to each.
            chunks: each not empty, and with a length.
            tick: told how many pieces of chunks are done, whenever some more are; what it raises
                ends the run, and what was finished stays on the disk.

        Raises:
            EngineError: the engine cannot be had, or lost its workers.
        """
        ...


def chunked(items: Sequence[Item], workers: int) -> list[Sequence[Item]]:
    """Cut items into chunks, smaller ones towards the end, so that all workers end together.

    Guided self-scheduling (Polychronopoulos and Kuck, 1987).
    """
    chunks: list[Sequence[Item]] = []
    start = 0
    while start < len(items):
        fair = (len(items) - start) // (_CHUNKS_AHEAD * workers)
        size = min(max(fair, _SMALLEST_CHUNK), LARGEST_CHUNK)
        chunks.append(items[start : start + size])
        start += size
    return chunks


def check_seen(folders: Iterable[Path]) -> None:
    """Raise EngineError where this worker does not see a folder that who asked for the work sees.

    Else its files would be taken for unreadable ones.
    """
    for folder in folders:
        if not folder.is_dir():
            raise EngineError(
                f"{shown_path(str(folder))}: the worker on {platform.node()} does not see this "
                "folder. Mount it there under the same path, or take --engine local."
            )
