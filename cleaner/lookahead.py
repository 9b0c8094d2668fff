"""Work done a few steps ahead in threads, its results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_WAITING_PER_WORKER = 4
_In = TypeVar("_In")
_Out = TypeVar("_Out")


def in_order(read: Callable[[_In], _Out], sources: Sequence[_In], workers: int) -> Iterator[_Out]:
    """Yield what `read` says of each source, reading a few ahead so that memory stays small."""
    pool = ThreadPoolExecutor(workers, thread_name_prefix="scan")
    waiting: deque[Future[_Out]] = deque()
    try:
        for source in sources:
            waiting.append(pool.submit(read, source))
            if len(waiting) >= workers * _WAITING_PER_WORKER:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
