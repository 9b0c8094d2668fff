"""The map of a dataset: a place in the plane for each image that the latest round ranked.

It follows from the features alone. So it stays right while labels change, and is kept beside what
the rounds keep until the images are others: one file, whole or not there.
"""

from __future__ import annotations

import hashlib
import logging
import os
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cleaner import projection, rescoring
from cleaner.arrays import ItemIds, Likeness
from cleaner.errors import NotScored
from cleaner.items import shown_path
from cleaner.progress import Progress, Report, silent
from cleaner.project import Project
from cleaner.projection import Places
from cleaner.store import rounds

# Raised with every change to how places are found or kept.
_FORMAT = 1
_SEED = 0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Map:
    """Where the images lie.

    Attributes:
        item_ids: (item,).
        places: (item, 2), both coordinates within -1 and 1.
        laid_out: how many of them t-SNE laid out; the others lie among those most like them.
        round_id: whose images they are.
        started_at: when that round began, to tell it from another of the same number.
        fingerprint: of what the places were computed from.
    """

    item_ids: ItemIds = field(repr=False)
    places: Places = field(repr=False)
    laid_out: int
    round_id: int
    started_at: str
    fingerprint: str


_KEPT = Map.__slots__


def file_of(project: Project) -> Path:
    """Return where the map is kept."""
    return project.state / "cache" / "map.npz"


def make(project: Project, report: Report = silent) -> Map:
    """Return the map of the latest round, computed unless the one that is kept is of its images.

    Raises:
        NotScored: no round has been, or the latest one left no features.
        OSError: it cannot be kept.
    """
    report(Progress("Reading what the round left"))
    number, started_at, item_ids, rows = _features(project)
    fingerprint = _fingerprint(item_ids, rows)
    known = read(project)
    if known is not None and known.fingerprint == fingerprint:
        places = known.places
    else:
        places = projection.projected(rows, rng=np.random.default_rng(_SEED), report=report)
    laid_out = min(len(rows), projection.LANDMARKS)
    made = Map(item_ids, places, laid_out, number, started_at, fingerprint)
    keep(project, made)
    return made


def keep(project: Project, made: Map) -> None:
    """Keep a map in the place of any other, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    path = file_of(project)
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            np.savez(file, format=_FORMAT, **{name: getattr(made, name) for name in _KEPT})
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def read(project: Project) -> Map | None:
    """Return the map that is kept, or None where there is none or it is damaged."""
    path = file_of(project)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            if int(kept["format"]) != _FORMAT:
                return None
            return Map(
                kept["item_ids"],
                kept["places"],
                int(kept["laid_out"]),
                int(kept["round_id"]),
                str(kept["started_at"]),
                str(kept["fingerprint"]),
            )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        log.warning("%s is damaged (%s); the map has to be made anew.", path, error)
        return None


def is_current(project: Project, known: Map) -> bool:
    """Tell whether the map is that of the latest round."""
    with project.store.read() as connection:
        return rounds.latest_opening(connection) == (known.round_id, known.started_at)


def _features(project: Project) -> tuple[int, str, ItemIds, Likeness]:
    with project.store.read() as connection:
        opening = rounds.latest_opening(connection)
    kept = None if opening is None else rescoring.read(project.state, *opening)
    if opening is None or kept is None or kept.testimony is None:
        raise NotScored(
            f"{shown_path(str(project.root))}: no round has left features to draw a map of. "
            "Run `python -m cleaner score` on it, or press the button in the app."
        )
    return *opening, kept.item_ids, kept.testimony.likeness


def _fingerprint(item_ids: ItemIds, rows: Likeness) -> str:
    digest = hashlib.sha256(f"{_FORMAT} {_SEED} {rows.shape}".encode())
    digest.update(np.ascontiguousarray(item_ids).tobytes())
    digest.update(np.ascontiguousarray(rows).data)
    return digest.hexdigest()
