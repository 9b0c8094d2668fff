"""Where heavy work is done: on this machine, or on a cluster."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from cleaner.engines import local, ray
from cleaner.engines.base import LARGEST_CHUNK, Engine, Tick, Work, chunked
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


__all__ = [
    "ENGINES",
    "LARGEST_CHUNK",
    "Engine",
    "LocalEngine",
    "Tick",
    "Work",
    "chunked",
    "open_engine",
]
