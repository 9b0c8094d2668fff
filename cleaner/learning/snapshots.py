"""Where a long training stands, on disk, so that a kill loses little of it.

A snapshot is one ``.npz``: a zip archive, so every array carries a CRC that is checked on reading.
It is written under another name, flushed, and renamed.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was kept.

    Attributes:
        facts: plain values that JSON can hold.
        arrays: name -> arrays in order.
    """

    facts: dict[str, Any]
    arrays: dict[str, list[np.ndarray]]


def save(path: Path, facts: Mapping[str, Any], arrays: Mapping[str, Sequence[np.ndarray]]) -> None:
    """Keep facts and lists of arrays under `path`, whole or not at all."""
    stored = {"facts": np.array(json.dumps([facts, {k: len(v) for k, v in arrays.items()}]))}
    for name, values in arrays.items():
        stored |= {f"{name}-{index}": value for index, value in enumerate(values)}
    beside = path.with_suffix(".part")
    with beside.open("wb") as file:
        np.savez(file, allow_pickle=False, **stored)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def load(path: Path) -> Snapshot | None:
    """Return what was kept, or None where there is nothing or it is damaged."""
    try:
        # Opened here, not by numpy, which leaks the file when it is no archive.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            facts, counts = json.loads(str(stored["facts"]))
            return Snapshot(
                facts,
                {k: [stored[f"{k}-{i}"] for i in range(count)] for k, count in counts.items()},
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
