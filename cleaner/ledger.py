"""Answers kept on disk chunk by chunk, so that work which was killed goes on where it was."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

# Not typing's, which older Pythons cannot check at run time.
from typing_extensions import Protocol, runtime_checkable

from cleaner import cache
from cleaner.cache import PieceCache
from cleaner.engines import Engine, Tick, Work, chunked, uses_gpu
from cleaner.errors import EngineError
from cleaner.items import shown_path

_Item = TypeVar("_Item")
_Asked = TypeVar("_Asked", contravariant=True)
_Answer = TypeVar("_Answer")


@runtime_checkable
class Answering(Protocol[_Asked, _Answer]):
    """Work (see `engines.Work`) that answers each item of a chunk, in a form that can be kept."""

    def open(self) -> Callable[[Sequence[_Asked], Tick], list[_Answer]]:
        """Load what a worker needs and return what answers a chunk, in its order."""
        ...

    def as_bytes(self, answer: _Answer) -> bytes | None:
        """Return an answer as it is kept; None where it is better asked for again."""
        ...

    def from_bytes(self, piece: bytes) -> _Answer:
        """Return the answer that was kept so."""
        ...


def answers(
    engine: Engine,
    work: Answering[_Item, _Answer],
    items: Sequence[tuple[str, _Item]],
    kept_in: Path | None,
    tick: Callable[[int], None],
) -> Iterator[_Answer]:
    """Yield the answer to each item, in order.

    Args:
        engine: where the work is done.
        work: what is done.
        items: each with the key that its answer is kept under: alike for what is the same to
            this work, at most 64 letters.
        kept_in: the folder of shards; a chunk leaves one, whole or not at all, and what one holds
            is not worked on. Without it nothing is kept.
        tick: told how many items are answered, kept ones among them.

    Raises:
        EngineError: the engine lost its workers, or the folder takes nothing.
    """
    if kept_in is None:
        yield from _computed(engine, work, [item for _key, item in items], tick)
        return
    kept = PieceCache(kept_in)
    missing = [pair for pair in items if pair[0] not in kept]
    known = len(items) - len(missing)
    if known:
        tick(known)
    keeping = _Keeping(work, kept_in)
    with closing(_computed(engine, keeping, missing, lambda n: tick(known + n))) as computed:
        for key, _item in items:
            yield work.from_bytes(kept[key]) if key in kept else next(computed)


def _computed(
    engine: Engine,
    work: Work[Any, list[_Answer]],
    items: Sequence[Any],
    tick: Callable[[int], None],
) -> Generator[_Answer, None, None]:
    # An engine that has nothing to do need not be reached.
    if items:
        for found in engine.run(work, chunked(items, engine.workers), tick):
            yield from found


@dataclass(frozen=True, slots=True)
class _Keeping(Generic[_Item, _Answer]):
    """Work that leaves its answers on the disk, too."""

    work: Answering[_Item, _Answer]
    folder: Path

    @property
    def uses_gpu(self) -> bool:
        return uses_gpu(self.work)

    def open(self) -> Callable[[Sequence[tuple[str, _Item]], Tick], list[_Answer]]:
        step = self.work.open()

        def keep(chunk: Sequence[tuple[str, _Item]], tick: Tick) -> list[_Answer]:
            found = step([item for _key, item in chunk], tick)
            pieces = {
                key: piece
                for (key, _item), answer in zip(chunk, found, strict=True)
                if (piece := self.work.as_bytes(answer)) is not None
            }
            self._keep(pieces)
            return found

        return keep

    def _keep(self, pieces: Mapping[str, bytes]) -> None:
        try:
            cache.append_pieces(self.folder, pieces)
        except OSError as error:
            raise EngineError(
                f"{shown_path(str(self.folder))}: what was found cannot be kept there "
                f"({error.strerror or error}). Make room for it, give yourself permission to write "
                "there, or name another folder."
            ) from error
