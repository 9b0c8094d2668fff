"""A small dataset with known label errors: handwritten digits, some filed in the wrong folder.

The pictures come with scikit-learn, so nothing is fetched. What is truly in them lies in the
state folder beside the demo, where `Project.planted` finds it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cleaner.errors import DatasetError
from cleaner.images import is_hidden
from cleaner.items import shown_path
from cleaner.progress import Progress, Report, silent
from cleaner.project import default_state

CLASS_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
IMAGES_PER_CLASS = 100
WRONG_FRACTION = 0.05

_SIDE_PX = 120
_MARGIN_CELLS = 1  # the digits fill their eight cells to the edge
_FULL_INK = 16.0
_DARKEST = 0.9
_TRUTH_COLUMNS = ("content_hash", "true_label", "given_label")


@dataclass(frozen=True, slots=True)
class _Picture:
    name: str
    jpeg: bytes
    true_label: str
    given_label: str

    @property
    def content_hash(self) -> str:
        return hashlib.sha256(self.jpeg).hexdigest()


def make(folder: Path, *, seed: int = 0, report: Report = silent) -> dict[str, Any]:
    """Make the demo dataset and return ``root``, ``images`` and ``planted_errors``.

    The same seed gives the same pictures and the same errors. Where the demo is already there,
    also one that was reviewed since, it is left as it is and its numbers are returned.

    Raises:
        DatasetError: the folder holds something else, or cannot be written.
    """
    root = folder.expanduser().absolute()
    truth_file = default_state(root) / "truth.csv"
    if _is_empty(root):
        _write(root, truth_file, seed, report)
    else:
        _check_is_demo(root, _read_truth(truth_file))
        report(Progress("The demo is there already; it is left as it is"))
    truth = _read_truth(truth_file)
    wrong = sum(true_label != given_label for true_label, given_label in truth.values())
    return {"root": shown_path(str(root)), "images": len(truth), "planted_errors": wrong}


def _is_empty(root: Path) -> bool:
    if not root.exists():
        return True
    if not root.is_dir():
        raise DatasetError(f"{root}: this is a file. Name a folder that is empty or not there yet.")
    return next(root.iterdir(), None) is None


def _check_is_demo(root: Path, truth: Mapping[str, tuple[str, str]]) -> None:
    pictures = (path for path in root.rglob("*") if path.is_file())
    for path in sorted(path for path in pictures if not is_hidden(path.name)):
        if hashlib.sha256(path.read_bytes()).hexdigest() not in truth:
            raise DatasetError(
                f"{root}: holds {shown_path(path.name)!r}, which is not part of the demo. "
                "Name a folder that is empty or not there yet."
            )


def _read_truth(truth_file: Path) -> dict[str, tuple[str, str]]:
    """Return content_hash -> (true label, given label); nothing where there is no demo."""
    if not truth_file.is_file():
        return {}
    with truth_file.open(newline="", encoding="utf-8") as lines:
        return {
            row["content_hash"]: (row["true_label"], row["given_label"])
            for row in csv.DictReader(lines)
        }


def _write(root: Path, truth_file: Path, seed: int, report: Report) -> None:
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        # Made beside and put in place whole: a demo that was interrupted is not half there.
        with tempfile.TemporaryDirectory(prefix=".demo-", dir=root.parent) as beside:
            made = Path(beside) / root.name
            truth = _write_pictures(made, seed, report)
            _write_truth(truth_file, truth)
            if root.is_dir():
                root.rmdir()
            made.replace(root)
    except OSError as error:
        raise DatasetError(
            f"{root}: cannot write the demo ({error.strerror}). "
            "Name a folder in a place you can write to."
        ) from error


def _write_pictures(made: Path, seed: int, report: Report) -> list[tuple[str, str, str]]:
    for name in CLASS_NAMES:
        (made / name).mkdir(parents=True)
    total = IMAGES_PER_CLASS * len(CLASS_NAMES)
    truth = []
    for done, picture in enumerate(_pictures(np.random.default_rng(seed)), 1):
        (made / picture.given_label / picture.name).write_bytes(picture.jpeg)
        truth.append((picture.content_hash, picture.true_label, picture.given_label))
        report(Progress("Drawing digits", done, total))
    return truth


def _write_truth(truth_file: Path, truth: list[tuple[str, str, str]]) -> None:
    truth_file.parent.mkdir(parents=True, exist_ok=True)
    beside = truth_file.with_suffix(".part")
    with beside.open("w", newline="", encoding="utf-8") as lines:
        table = csv.writer(lines, lineterminator="\n")
        table.writerow(_TRUTH_COLUMNS)
        table.writerows(truth)
        lines.flush()
        os.fsync(lines.fileno())
    beside.replace(truth_file)


def _pictures(rng: np.random.Generator) -> Iterator[_Picture]:
    """Yield the digits in a random order; the numbers in their names tell nothing."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    chosen = np.concatenate(
        [
            rng.permutation(np.flatnonzero(digits.target == label))[:IMAGES_PER_CLASS]
            for label in range(len(CLASS_NAMES))
        ]
    )
    chosen = rng.permutation(chosen)
    wrong = set(rng.permutation(len(chosen))[: round(WRONG_FRACTION * len(chosen))].tolist())
    for position, index in enumerate(chosen):
        true_label = int(digits.target[index])
        shift = int(rng.integers(1, len(CLASS_NAMES))) if position in wrong else 0
        yield _Picture(
            name=f"digit-{position + 1:04d}.jpg",
            jpeg=_drawn(digits.images[index]),
            true_label=CLASS_NAMES[true_label],
            given_label=CLASS_NAMES[(true_label + shift) % len(CLASS_NAMES)],
        )


def _drawn(ink: np.ndarray) -> bytes:
    """Return dark ink on white paper as a JPEG, enlarged smoothly."""
    from PIL import Image

    cells = np.pad(ink / _FULL_INK, _MARGIN_CELLS)
    paper = np.round(255 * (1 - _DARKEST * cells)).astype(np.uint8)
    picture = Image.fromarray(paper).resize((_SIDE_PX, _SIDE_PX), Image.Resampling.BICUBIC)
    jpeg = io.BytesIO()
    picture.convert("RGB").save(jpeg, "JPEG", quality=90)
    return jpeg.getvalue()
