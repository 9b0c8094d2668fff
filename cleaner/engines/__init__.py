"""Where heavy work is done: on this machine, or on a cluster."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

from cleaner.engines import local, ray
from cleaner.engines.base import (
    LARGEST_CHUNK,
    USUAL_SHARE,
    Engine,
    Share,
    Tick,
    Work,
    check_seen,
    chunked,
    uses_gpu,
)
from cleaner.engines.deferred import DeferredEngine
from cleaner.engines.local import LocalEngine
from cleaner.errors import EngineError
from cleaner.settings import ScanSettings, ScoreSettings

# By name: given an address, or "", and what a worker takes, each opens an engine for a while.
ENGINES: dict[str, Callable[[str, Share], AbstractContextManager[Engine]]] = {
    "local": local.opened,
    "ray": ray.opened,
}


def open_engine(
    name: str, address: str = "", share: Share = USUAL_SHARE
) -> AbstractContextManager[Engine]:
    """Return the engine of that name, to be entered.

    Raises:
        EngineError: there is none, or it cannot be had.
    """
    if name not in ENGINES:
        raise EngineError(f"No engine {name!r}. Known: {', '.join(ENGINES)}.")
    return ENGINES[name](address, share)


def deferred_engine(where: ScanSettings | ScoreSettings) -> DeferredEngine:
    """Return the engine of these settings, to be entered; opened once there is something to do."""
    share = Share(where.cores_per_worker, where.gpus_per_worker)
    return DeferredEngine(partial(open_engine, where.engine, where.address, share))


__all__ = [
    "ENGINES",
    "LARGEST_CHUNK",
    "DeferredEngine",
    "Engine",
    "LocalEngine",
    "Share",
    "Tick",
    "Work",
    "check_seen",
    "chunked",
    "deferred_engine",
    "open_engine",
    "uses_gpu",
]
