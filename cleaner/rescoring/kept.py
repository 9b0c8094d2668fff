"""What a round leaves on disk for decisions to be followed: one folder, whole or not there.

The large arrays are plain ``.npy`` files that are mapped, not read: their pages are the
system's to keep or drop. The small ones lie in an ``.npz``, whose CRC is checked on reading.
``manifest.json`` holds the size of each file, so a truncated one is noticed.
"""

from __future__ import annotations

import json
import logging
import mmap
import os
import shutil
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cleaner.arrays import (
    ClassMask,
    ClassRows,
    Groups,
    HatRows,
    ItemIds,
    ItemMask,
    LabelQuality,
    Labels,
)
from cleaner.noise import NoiseModel
from cleaner.rescoring.testimony import Testimony
from cleaner.standings import Grounds, Standard, Voices

_FORMAT = 3
_MANIFEST = "manifest.json"
_SMALL = "small.npz"
_MAPPED = ("rows", "fitted", "others", "lonely")
_ARRAYS = (
    "leverage",
    "labels",
    "trains",
    "confirmed",
    "groups",
    "item_ids",
    "doubted",
    "trusted",
)
_TESTIFIED = ("likeness", "votes", "basis", "taught")
_PART = ".part"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Opening:
    """When a round was opened.

    Attributes:
        started_at: UTC, ISO 8601; tells a round from another of the same number.
        sequence: of the latest decision that its labels know of.
    """

    started_at: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A round as it was solved; arrays as in `linear.Linear` and `mixing.Mixture`.

    Attributes:
        lonely: as in `standings.Grounds`, for the reasons.
        confirmed: (item,), labels that a person vouched for.
        item_ids: (item,).
        doubted: label quality of what was put up for review, rising.
        trusted: the same of the others.
        voices: for the reasons.
        standard: what labels are held to, its cut between two images of the round.
        class_names: in the order of the labels.
        opening: of the round.
        testimony: what is shown beside a suspect; None where an earlier Cleaner wrote the rest.
    """

    rows: HatRows = field(repr=False)
    fitted: ClassRows = field(repr=False)
    others: ClassRows = field(repr=False)
    lonely: ClassMask = field(repr=False)
    leverage: LabelQuality = field(repr=False)
    labels: Labels = field(repr=False)
    trains: ItemMask = field(repr=False)
    confirmed: ItemMask = field(repr=False)
    groups: Groups = field(repr=False)
    item_ids: ItemIds = field(repr=False)
    doubted: np.ndarray = field(repr=False)
    trusted: np.ndarray = field(repr=False)
    voices: tuple[Voices, ...] = field(repr=False)
    standard: Standard = field(repr=False)
    scale: float
    share: float
    class_names: tuple[str, ...]
    opening: Opening
    testimony: Testimony | None = None

    @property
    def grounds(self) -> Grounds:
        """For the reasons."""
        return Grounds(self.voices, self.lonely)


def folder_of(state: Path, round_id: int) -> Path:
    """Return where a round's numbers lie in a dataset's state folder."""
    return state / "cache" / "rescore" / f"round-{round_id}"


def write(state: Path, kept: Kept) -> Path:
    """Write everything durably under a preliminary name and return that folder.

    Raises:
        OSError: such as on a full disk; nothing is left behind.
    """
    beside = folder_of(state, 0).with_name(f"{os.getpid()}{_PART}")
    try:
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        for name in _MAPPED:
            _write_array(beside / f"{name}.npy", getattr(kept, name))
        small = {name: getattr(kept, name) for name in _ARRAYS}
        small["transition"] = kept.standard.noise.transition
        small["shares"] = kept.standard.noise.shares
        for voices in kept.voices:
            small |= {
                f"{voices.noun}_agreement": voices.agreement,
                f"{voices.noun}_votes": voices.votes,
            }
        if kept.testimony is not None:
            small |= _write_testimony(beside, kept.testimony)
        with (beside / _SMALL).open("wb") as file:
            np.savez(file, **small)
            os.fsync(file.fileno())
        _write_manifest(beside, kept)
    except OSError:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return beside


def publish(written: Path, state: Path, round_id: int) -> None:
    """Give what was written the name of its round, and forget the rounds before.

    In this order: killed in between, it leaves too much rather than nothing.
    """
    place = folder_of(state, round_id)
    shutil.rmtree(place, ignore_errors=True)
    written.replace(place)
    for other in place.parent.iterdir():
        if other != place:
            shutil.rmtree(other, ignore_errors=True)


def read(state: Path, round_id: int, started_at: str) -> Kept | None:
    """Return what the round left, large arrays mapped; None if it is not there or not whole."""
    folder = folder_of(state, round_id)
    try:
        manifest = json.loads((folder / _MANIFEST).read_text("ascii"))
        if manifest["format"] != _FORMAT or manifest["started_at"] != started_at:
            return None
        for name, size in manifest["sizes"].items():
            if (folder / name).stat().st_size != size:
                raise ValueError(f"{name} is cut short")
        return _opened(folder, manifest)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        log.warning("%s is damaged (%s); the ranking follows in the next round.", folder, error)
        return None


def _opened(folder: Path, manifest: dict[str, Any]) -> Kept:
    with (folder / _SMALL).open("rb") as file, np.load(file, allow_pickle=False) as small:
        arrays = {name: small[name] for name in _ARRAYS}
        voices = tuple(
            Voices(noun, small[f"{noun}_agreement"], small[f"{noun}_votes"])
            for noun in manifest["voices"]
        )
        noise = NoiseModel(
            small["transition"], manifest["sharpness"], manifest["rate"], small["shares"]
        )
        testimony = _testimony(folder, manifest, small)
    return Kept(
        rows=_mapped(folder / "rows.npy", mode="r"),
        # Pages that a decision changes become this process's own; the file stays as it is.
        fitted=_mapped(folder / "fitted.npy", mode="c"),
        others=_mapped(folder / "others.npy", mode="r"),
        lonely=_mapped(folder / "lonely.npy", mode="r"),
        **arrays,
        voices=voices,
        standard=Standard(manifest["signal"], noise, manifest["cut"]),
        scale=manifest["scale"],
        share=manifest["share"],
        class_names=tuple(manifest["class_names"]),
        opening=Opening(manifest["started_at"], manifest["sequence"]),
        testimony=testimony,
    )


def _testimony(folder: Path, manifest: dict[str, Any], small: Any) -> Testimony | None:
    if manifest.get("members") is None:
        return None
    # Not asked for at once: of each only the rows of a few images are ever read.
    mapped = {
        name: np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False))
        for name in _TESTIFIED
    }
    read = {name: small[name] for name in ("means", "sound", "weights")}
    return Testimony(**mapped, **read, member_names=tuple(manifest["members"]))


def _mapped(path: Path, *, mode: Literal["r", "c"]) -> np.ndarray:
    mapped = np.load(path, mmap_mode=mode, allow_pickle=False)
    # Asked for at once, so that the first decision does not wait for the disk page by page.
    if hasattr(mmap, "MADV_WILLNEED"):
        mapped._mmap.madvise(mmap.MADV_WILLNEED)
    return np.asarray(mapped)


def _write_array(path: Path, array: np.ndarray) -> None:
    with path.open("wb") as file:
        np.save(file, np.ascontiguousarray(array), allow_pickle=False)
        os.fsync(file.fileno())


def _write_testimony(folder: Path, testimony: Testimony) -> dict[str, np.ndarray]:
    """Write the arrays that are mapped and return the small ones."""
    for name in _TESTIFIED:
        _write_array(folder / f"{name}.npy", getattr(testimony, name))
    return {name: getattr(testimony, name) for name in ("means", "sound", "weights")}


def _write_manifest(folder: Path, kept: Kept) -> None:
    members = None if kept.testimony is None else list(kept.testimony.member_names)
    manifest = {
        "format": _FORMAT,
        "sizes": {path.name: path.stat().st_size for path in folder.iterdir()},
        "voices": [voices.noun for voices in kept.voices],
        "signal": kept.standard.signal,
        "cut": kept.standard.cut,
        "sharpness": kept.standard.noise.sharpness,
        "rate": kept.standard.noise.rate,
        "scale": kept.scale,
        "share": kept.share,
        "class_names": list(kept.class_names),
        "members": members,
        "started_at": kept.opening.started_at,
        "sequence": kept.opening.sequence,
    }
    with (folder / _MANIFEST).open("w", encoding="ascii") as file:
        json.dump(manifest, file)
        file.flush()
        os.fsync(file.fileno())
