"""How much memory there is to work with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_SYSTEM = Path("/proc/meminfo")
# What a container may use: the file of version 2, and that of version 1.
_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
# Where only the size of the memory is known, half of it is taken to be free.
_FREE_SHARE = 0.5


def available_bytes() -> int:
    """Return how many bytes this process can take before others have to give way."""
    return min([_free_bytes(), *_limits_bytes()])


def _free_bytes() -> int:
    try:
        text = _SYSTEM.read_text("ascii")
        return int(text.split("MemAvailable:")[1].split()[0]) * 1024
    except (OSError, IndexError, ValueError):
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * _FREE_SHARE)


def _limits_bytes() -> Iterator[int]:
    for path in _LIMITS:
        try:
            yield int(path.read_text("ascii"))
        except (OSError, ValueError):  # not there, or "max"
            continue
