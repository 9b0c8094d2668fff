"""What a round costs as the images grow in number: seconds by stage, and memory.

    python -m benchmarks.growth --images 1000 10000 100000

No image is needed: the cache holds made-up features, as wide as those of the two default networks.
Each round runs in a process of its own, from reading them to the findings about copies; the later
one with 100 labels changed. What a round does besides, reading the folder and writing the queue to
the database, is not in it (`benchmarks.speed --only loop`, `benchmarks/catalogue.py`).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from cleaner import audits, queue, rescoring
from cleaner.arrays import Features, Labels
from cleaner.audits.base import MINIATURE_PX, Miniatures
from cleaner.backbones import open_backbone
from cleaner.cache import RowCache
from cleaner.items import Item
from cleaner.learning import bottlenecks, gallery, scoring
from cleaner.learning.bottlenecks import Source
from cleaner.predictions import Evidence
from cleaner.progress import Progress
from cleaner.rescoring import Opening
from cleaner.settings import ScoreSettings

CLASSES = 20
CHANGED = 100
WRONG = 0.1
SETTINGS = ScoreSettings(views=2)
VIEWS = ("plain", "mirrored")
_LATENT = 64
_ROWS = 4_096
Document = dict[str, Any]


def main() -> None:
    """Measure, and print the seconds and memory of two rounds for each number of images."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    # In a process of its own.
    parser.add_argument("--round", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.round:
        count, number, state = arguments.round
        found = round_of(int(count), int(number), Path(state))
        print(json.dumps(found))  # noqa: T201
    else:
        measure(arguments.images)


def measure(counts: Sequence[int]) -> None:
    """Print what a first and a later round of so many images cost."""
    for count in counts:
        with tempfile.TemporaryDirectory() as scratch:
            fill_cache(count, Path(scratch) / "cache")
            for number, name in enumerate(("first round", "a later round")):
                _tell(f"{name}, {count:,} images", _child(count, number, scratch))


def _tell(title: str, found: Document) -> None:
    _say(
        title,
        f"{found['wall']:6.1f} s, {found['cpu']:6.1f} processor seconds; at most "
        f"{found['peak_mb']:,.0f} MB, of which {found['features_mb']:,.0f} MB are features",
    )
    for stage, (wall, cpu) in found["stages"].items():
        _say(f"  {stage}", f"{wall:6.2f} s, {cpu:6.2f} processor seconds")


def _child(count: int, number: int, state: str) -> Document:
    words = ["-m", "benchmarks.growth", "--round", str(count), str(number), state]
    done = subprocess.run(
        [sys.executable, *words],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parent.parent,
        check=True,
    )
    return dict(json.loads(done.stdout))


# Made-up images.


def labels_of(count: int, *, changed: int = 0) -> Labels:
    """Return labels of which a tenth is given at random, the first `changed` of those reviewed."""
    rng = np.random.default_rng(1)
    labels = true_labels(count)
    wrong = np.flatnonzero(rng.random(count) < WRONG)
    wrong = wrong[changed:]
    labels[wrong] = rng.integers(CLASSES, size=wrong.size)
    return labels


def true_labels(count: int) -> Labels:
    """Return the class that each image is made of."""
    return np.random.default_rng(0).integers(CLASSES, size=count)


def _sources(count: int, root: Path) -> list[Source]:
    names = (hashlib.sha256(str(number).encode()).hexdigest() for number in range(count))
    return [Source(root / name, root, name) for name in names]


def fill_cache(count: int, cache_folder: Path) -> None:
    """Keep made-up features of overlapping classes: few directions, and much that tells nothing."""
    rng = np.random.default_rng(2)
    truth = true_labels(count)
    hashes = [source.content_hash for source in _sources(count, Path())]
    centres = rng.standard_normal((CLASSES, _LATENT), np.float32)
    for name in SETTINGS.backbones:
        backbone = open_backbone(name)
        width = backbone.info.feature_count or 0
        turn = rng.standard_normal((_LATENT, width), np.float32) / 8
        shelf = cache_folder / "features" / open_backbone(name, SETTINGS.precision).content_id
        caches = [RowCache(shelf / view) for view in VIEWS]
        for top in range(0, count, _ROWS):
            part = slice(top, min(top + _ROWS, count))
            images = centres[truth[part]] + 1.6 * _noise(rng, len(truth[part]), _LATENT)
            for cache in caches:
                cache.add(hashes[part], _seen(images + 0.5 * _noise(rng, *images.shape), turn, rng))


def _seen(images: Features, turn: Features, rng: np.random.Generator) -> Features:
    rows = images @ turn
    seen: Features = np.maximum(rows + 0.5 * _noise(rng, *rows.shape), 0)
    return seen


def _noise(rng: np.random.Generator, rows: int, columns: int) -> Features:
    return rng.standard_normal((rows, columns), np.float32)


# One round, in a process of its own.


def round_of(count: int, number: int, state: Path) -> Document:
    """Do what the task `score` does between the scan and the database."""
    clock = Clock()
    cache_folder = state / "cache"
    sources = _sources(count, state)
    labels = labels_of(count, changed=number * CHANGED)
    clock(Progress("Reading the features"))
    found = bottlenecks.committee_features(
        sources,
        [open_backbone(name, SETTINGS.precision) for name in SETTINGS.backbones],
        views=SETTINGS.views,
        seed=SETTINGS.seed,
        cache_folder=cache_folder,
    )
    features = [each.features for each in found]
    names = tuple(f"class {number:02}" for number in range(CLASSES))
    examples = scoring.Examples(
        item_ids=np.arange(count),
        view_features=tuple(features),
        labels=labels,
        class_names=names,
        groups=np.arange(count),
        sealed=np.arange(count) % 10 == 0,
    )
    prediction = scoring.out_of_fold(examples, SETTINGS, clock, kept_in=cache_folder / "geometry")
    clock(Progress("Ranking the images"))
    evidence = Evidence(
        labels,
        prediction.pred_probs,
        prediction.view_probs,
        prediction.committee_probs,
        member_names=prediction.member_names,
    )
    verdict = queue.judged(evidence)
    queue.ranked(examples.item_ids, verdict, names)
    clock(Progress("Keeping what decisions are followed with"))
    opening = Opening(datetime.now(UTC).isoformat(timespec="milliseconds"), number)
    kept = rescoring.kept_of(
        prediction, verdict, groups=examples.groups, sealed=examples.sealed, opening=opening
    )
    if kept is not None:
        rescoring.publish(rescoring.write(state, kept), state, number)
    clock(Progress("Looking for copies and odd ones"))
    items = [_item(place, names[label]) for place, label in enumerate(labels)]
    seen = gallery.seen_of(items, [], features, cache_folder)
    audits.run_after_round(_without_pictures(seen))
    clock(Progress("End"))
    return {
        "stages": clock.seconds,
        "wall": time.perf_counter() - clock.began[0],
        "cpu": time.process_time(),
        "peak_mb": peak_mb(),
        "features_mb": sum(each.nbytes for each in features) / 2**20,
    }


def _without_pictures(seen: audits.Seen) -> audits.Seen:
    def noise(places: Sequence[int]) -> Miniatures:
        rng = np.random.default_rng([*places])
        return 255 * rng.random((len(places), MINIATURE_PX, MINIATURE_PX), np.float32)

    return audits.Seen(seen.items, seen.features, noise, seen.kept)


def _item(number: int, label: str) -> Item:
    path = f"{label}/{number:06}.jpg"
    return Item(number, path, label, label, str(number), number, 320, 320, "train", "unreviewed")


class Clock:
    """Adds up wall and processor seconds by the stage that is reported, all folds as one."""

    def __init__(self) -> None:
        self.seconds: dict[str, tuple[float, float]] = {}
        self.began = self._since = time.perf_counter(), time.process_time()
        self._stage = "Starting"

    def __call__(self, progress: Progress) -> None:
        stage = progress.stage.split(", fold ")[0]
        if stage == self._stage:
            return
        now = time.perf_counter(), time.process_time()
        wall, cpu = self.seconds.get(self._stage, (0.0, 0.0))
        self.seconds[self._stage] = (
            wall + now[0] - self._since[0],
            cpu + now[1] - self._since[1],
        )
        self._stage, self._since = stage, now


def peak_mb() -> float:
    """Return the most memory this process held at a time, or not a number where nobody counts."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return float("nan")
    lines = (line.split() for line in status.splitlines())
    return next((int(line[1]) / 1024 for line in lines if line[0] == "VmHWM:"), float("nan"))


def _say(stage: str, words: str) -> None:
    print(f"{stage:<44} {words}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
