"""Where heavy work is done: on this machine, or on a cluster."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

from cleaner.engines import local, ray
from cleaner.engines.base import LARGEST_CHUNK, Engine, Tick, Work, check_seen, chunked
from cleaner.engines.deferred import DeferredEngine
from cleaner.engines.local import LocalEngine
from cleaner.errors import EngineError

# By name: given an address, or "", each opens an engine for a while.
ENGINES: dict[str, Callable[[str], AbstractContextManager[Engine]]] = {
    "local": local.opened,
    "ray": ray.opened,
}


def open_engine(name: str, address: str = "") -> AbstractContextManager[Engine]:
    """Return the engine of that name, to be entered.

    Raises:
        EngineError: there is none, or it cannot be had.
    """
    if name not in ENGINES:
        raise EngineError(f"No engine {name!r}. Known: {', '.join(ENGINES)}.")
    return ENGINES[name](address)


def deferred_engine(name: str, address: str = "") -> DeferredEngine:
    """Return the engine of that name, to be entered; it is opened once there is something to do."""
    return DeferredEngine(partial(open_engine, name, address))


__all__ = [
    "ENGINES",
    "LARGEST_CHUNK",
    "DeferredEngine",
    "Engine",
    "LocalEngine",
    "Tick",
    "Work",
    "check_seen",
    "chunked",
    "deferred_engine",
    "open_engine",
]
