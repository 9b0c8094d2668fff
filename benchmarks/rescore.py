"""How long a decision takes until the ranking of everything has followed.

    python benchmarks/rescore.py --images 10000 100000 --classes 10 100

Features are made up, 1,280 wide as one network's. A decision ends when the quality of every
image and their order are known ("ranked"), and again when what has changed noticeably is in the
database ("written", as the page's thread does it). The bytes are those of the one array that
each decision must read whole, and the share is of the speed at which this machine reads memory.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from cleaner import processors, queue, rescoring
from cleaner.following import Follower
from cleaner.items import ScannedFile
from cleaner.noise import NoiseModel
from cleaner.predictions import Evidence
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.rescoring import Kept, Opening, Rescorer
from cleaner.standings import Standard
from cleaner.store import catalogue, rounds

DECISIONS = 50
EXCLUSIONS = 20
OPENING = Opening("2026-01-01T00:00:00.000+00:00", 0)


def main() -> None:
    """Measure, and print one line for each number of images and classes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--images", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--classes", type=int, nargs="+", default=[10, 100])
    parser.add_argument("--width", type=int, default=1280)
    arguments = parser.parse_args()
    for images in arguments.images:
        for classes in arguments.classes:
            with tempfile.TemporaryDirectory() as folder:
                _measure(Path(folder), images, classes, arguments.width + 1)


def _measure(folder: Path, images: int, classes: int, width: int) -> None:
    project = made_up_project(folder, *made_up_round(images, classes, width))
    kept = rescoring.read(project.state, 1, OPENING.started_at)
    assert kept is not None  # noqa: S101
    gigabytes = kept.rows.nbytes / 1e9
    speed = gigabytes / _reading_seconds(kept.rows)
    _say(f"{images:,} images x {width:,}, {classes} classes: {gigabytes * 1e3:,.0f} MB a decision")
    rescorer = Rescorer(kept)
    product = _seconds(DECISIONS, lambda number: kept.rows @ kept.rows[number])
    ranked = _seconds(DECISIONS, lambda n: _relabel(rescorer, n))
    excluded = _seconds(EXCLUSIONS, lambda n: _exclude(rescorer, images - 1 - n))
    for words, seconds in (
        ("the product alone", product),
        ("relabelled, ranked", ranked),
        ("excluded, ranked", excluded),
    ):
        share = gigabytes / float(np.median(seconds)) / speed
        _say(f"  {words:<20} {_spread(seconds)}  {share:4.0%} of {speed:.1f} GB/s")
    _measure_writing(project)
    project.store.close()


def _measure_writing(project: Project) -> None:
    follower = Follower(project.store, project.state)
    opened = _seconds(1, lambda _number: follower.look())
    _say(f"  {'opened':<20} {opened[0] * 1e3:7.1f} ms")
    written: list[int] = []
    suspects = project.queue(limit=DECISIONS)

    def decide(number: int) -> None:
        item = suspects[number]
        project.decide([Request(item.item_id, "move", item.suggested_label)])
        written.append(follower.look())

    seconds = _seconds(len(suspects), decide)
    rows = f"{int(np.median(written)):,} rows (most {max(written):,})"
    _say(f"  {'decided, written':<20} {_spread(seconds)}  {rows}")


def _relabel(rescorer: Rescorer, number: int) -> None:
    names, place = rescorer.kept.class_names, number * 7
    label = (int(rescorer.kept.labels[place]) + 1) % len(names)
    rescorer.follow({int(rescorer.kept.item_ids[place]): names[label]})
    np.argsort(rescorer.standings().quality, kind="stable")


def _exclude(rescorer: Rescorer, place: int) -> None:
    rescorer.follow({int(rescorer.kept.item_ids[place]): None})
    np.argsort(rescorer.standings().quality, kind="stable")


def _reading_seconds(rows: np.ndarray) -> float:
    """Return how long this machine takes to read so much memory with all its processors."""
    whole = np.ascontiguousarray(rows).view(np.int32).ravel()
    parts = np.array_split(whole, processors.available())
    with ThreadPoolExecutor(len(parts)) as pool:
        return min(_seconds(7, lambda _number: list(pool.map(np.max, parts))))


def _seconds(times: int, run: Callable[[int], object]) -> list[float]:
    taken = []
    for number in range(times):
        began = time.perf_counter()
        run(number)
        taken.append(time.perf_counter() - began)
    return taken


def _spread(seconds: Sequence[float]) -> str:
    least, middle, high = np.percentile(np.array(seconds) * 1e3, [0, 50, 95])
    return f"least {least:6.1f} ms, median {middle:6.1f} ms, 95% below {high:6.1f} ms"


# -- a round that was never trained ------------------------------------------------------


def made_up_project(folder: Path, kept: Kept, probs: np.ndarray) -> Project:
    """Return a project of images known by name only, with this round open."""
    (folder / "photos").mkdir()
    project, names = Project(folder / "photos"), kept.class_names
    with project.store.write() as connection:
        catalogue.set_classes(connection, names)
        files = [_file(number, names[label]) for number, label in enumerate(kept.labels)]
        catalogue.add_items(
            connection, [(file, number, "train") for number, file in enumerate(files)]
        )
    written = rescoring.write(project.state, kept)
    ranking = queue.build(kept.item_ids, Evidence(kept.labels, probs), names, kept.standard)
    values = {
        "model_id": "made-up",
        "images": len(kept.labels),
        "flagged": sum(row["flagged"] for row in ranking),
        "accuracy": 0.9,
        "seconds": {},
        "settings": {},
        "started_at": OPENING.started_at,
    }
    with project.store.write() as connection:
        number = rounds.open_round(connection, values, ranking)
    rescoring.publish(written, project.state, number)
    return project


def made_up_round(images: int, classes: int, width: int) -> tuple[Kept, np.ndarray]:
    """Return rows of a hat matrix whose eigenvalues lie below 1, and labels they speak for."""
    rng = np.random.default_rng(0)
    names = [f"class {number:03d}" for number in range(classes)]
    truth = rng.integers(0, len(names), images)
    labels = np.where(rng.random(images) < 0.05, rng.integers(0, len(names), images), truth)
    rows = rng.standard_normal((images, width), dtype=np.float32)
    rows += 2 * rng.standard_normal((len(names), width), dtype=np.float32)[truth]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    top = np.linalg.eigvalsh(rows[: 4 * width].T @ rows[: 4 * width])[-1] * images / (4 * width)
    rows *= 0.9 / np.sqrt(max(top, images / width))
    fitted = np.ascontiguousarray((rows @ (rows.T @ np.eye(len(names), dtype="f4")[labels])).T)
    others = np.full((len(names), images), -3, np.float32)
    kept = Kept(
        rows=rows,
        fitted=fitted.astype(np.float64),
        others=others,
        leverage=np.einsum("ij,ij->i", rows, rows, dtype=np.float64),
        labels=labels,
        trains=np.ones(images, bool),
        groups=np.arange(images),
        item_ids=np.arange(images) + 1,
        lonely=np.zeros((len(names), images), bool),
        confirmed=np.zeros(images, bool),
        doubted=np.zeros(0),
        trusted=np.zeros(images),
        voices=(),
        standard=Standard(
            "balanced_confidence",
            NoiseModel(np.eye(len(names)), 1.0, 0.05, np.full(len(names), 1 / len(names))),
            0.5,
        ),
        scale=5 / float(fitted.max()),
        share=1.0,
        class_names=tuple(names),
        opening=OPENING,
    )
    return _ranked(kept)


def _ranked(kept: Kept) -> tuple[Kept, np.ndarray]:
    logits = kept.fitted * kept.scale
    probs = np.exp(logits - logits.max(axis=0))
    probs = (probs / probs.sum(axis=0)).T
    found = Rescorer(kept).standings()
    doubted, trusted = found.quality[found.flagged], found.quality[~found.flagged]
    return replace(kept, doubted=np.sort(doubted), trusted=np.sort(trusted)), probs


def _file(number: int, class_name: str) -> ScannedFile:
    path = f"{class_name}/{number:06d}.jpg"
    content_hash = hashlib.sha256(str(number).encode()).hexdigest()
    return ScannedFile(path, class_name, content_hash, "0", 640, 480, 50_000, 0)


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
