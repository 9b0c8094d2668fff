"""The leave-one-out predictions of a ridge over a million images whose features stay on disk.

    python -m benchmarks.left_out
    python -m benchmarks.left_out --images 100000 --folder /var/tmp

Makes features up (float16, in shards, as looking at photos leaves them) and has the ridge head
judge them, as `score --features disk` does, in a process of its own. Prints seconds, memory, and
what part of the machine's limit that is: the time that its operations would take at the speed
of one large matrix product, measured in the same run. Needs 2.6 GB on disk for the million.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.tables import markdown
from cleaner import cache, processors
from cleaner.cache import RowCache
from cleaner.learning.heads.base import TrainingData
from cleaner.learning.heads.ridge import PENALTIES, ridge
from cleaner.learning.stored import StoredFeatures

_PER_SHARD = 256
_SIDE = 4_096  # of the matrices whose product says what the machine can do
# Of the images these share a group with the image before.
_TWINS_EVERY = 20
_WRONG = 0.1
_GB = 1e9


def main(words: Sequence[str] | None = None) -> None:
    """Make the features, then measure in a fresh process."""
    arguments = _arguments(words)
    if arguments.measure:
        _measure(arguments.measure, arguments)
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        _make_up(Path(folder) / "plain", arguments)
        command = [sys.executable, "-m", __spec__.name, "--measure", folder]
        for name in ("images", "features", "classes"):
            command += [f"--{name}", str(getattr(arguments, name))]
        subprocess.run(command, check=True)


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--features", type=int, default=1_280)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--folder", type=Path, help="where the features are made; on a real disk")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(words)


def _hashes(images: int) -> list[str]:
    return [f"{number:064x}" for number in range(images)]


def _truth(images: int, classes: int) -> np.ndarray:
    return np.arange(images) // 2 % classes


def _make_up(folder: Path, arguments: argparse.Namespace) -> None:
    """Write features whose classes can be told apart, though not at a glance."""
    rng = np.random.default_rng(0)
    centres = rng.gamma(0.3, size=(arguments.classes, arguments.features)).astype(np.float32)
    truth, hashes = _truth(arguments.images, arguments.classes), _hashes(arguments.images)
    for top in range(0, arguments.images, _PER_SHARD):
        part = slice(top, top + _PER_SHARD)
        noise = rng.random((truth[part].size, arguments.features), np.float32)
        cache.append(folder, hashes[part], 0.05 * centres[truth[part]] + noise)


# -- measuring ---------------------------------------------------------------------------


def _measure(folder: Path, arguments: argparse.Namespace) -> None:
    data, truth = _data(folder, arguments)
    seconds = {
        "means": _timed(lambda: data.geometry.rows),
        "product of the rows, and its directions": _timed(lambda: data.geometry.spectrum),
    }
    told = [time.perf_counter()]
    votes = ridge(data, lambda _progress: told.append(time.perf_counter()))
    ended = time.perf_counter()
    seconds["product with the labels, left-out predictions"] = told[-1] - told[0]
    seconds["in all"] = sum(seconds.values())
    seconds["then, rows that decisions are followed with"] = ended - told[-1]
    memory_mb = _status("VmHWM") / 1024
    right = float((votes.pred_probs.argmax(axis=1) == truth).mean())
    _say(seconds, memory_mb, right, arguments)


def _data(folder: Path, arguments: argparse.Namespace) -> tuple[TrainingData, np.ndarray]:
    rng = np.random.default_rng(1)
    images, classes = arguments.images, arguments.classes
    plain = folder / "plain"
    features = StoredFeatures.of([(plain, RowCache(plain))], _hashes(images))
    truth = _truth(images, classes)
    wrong = rng.random(images) < _WRONG
    labels = np.where(wrong, (truth + 1) % classes, truth)
    groups = np.arange(images)
    groups[1::_TWINS_EVERY] = groups[: images - 1 : _TWINS_EVERY]
    fold = np.zeros(images, np.int64)
    return TrainingData((features,), labels, classes, groups, fold, 0, folder / "kept"), truth


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _say(
    seconds: dict[str, float], memory_mb: float, right: float, arguments: argparse.Namespace
) -> None:
    images, width, classes = arguments.images, arguments.features + 1, arguments.classes
    # The product with itself is symmetric, and half of it is computed.
    exact = images * width**2
    rough = 2 * images * width * (width + len(PENALTIES) * (classes + 1))
    speeds = {kind: _operations_a_second(kind) for kind in (np.float64, np.float32)}
    limit = exact / speeds[np.float64] + rough / speeds[np.float32]
    read_gb = 4 * 2 * images * arguments.features / _GB
    lines = [(what, f"{value:.1f} s") for what, value in seconds.items()]
    lines += [
        ("memory at most", f"{memory_mb:,.0f} MB"),
        ("read, in four passes", f"{read_gb:.1f} GB"),
        ("operations, float64", f"{exact:.2e}"),
        ("operations, float32", f"{rough:.2e}"),
        ("a large product, float64", f"{speeds[np.float64] / _GB:.0f} billion a second"),
        ("a large product, float32", f"{speeds[np.float32] / _GB:.0f} billion a second"),
        ("the machine's limit", f"{limit:.1f} s"),
        ("reached of it", f"{limit / seconds['in all']:.0%}"),
        ("labelled right, left out", f"{right:.1%}"),
    ]
    columns = [f"{images:,} images x {arguments.features:,} features", f"{classes} classes"]
    sys.stdout.write(markdown(columns, lines) + "\n")


def _operations_a_second(kind: type[np.floating]) -> float:
    rng = np.random.default_rng(0)
    matrix = rng.random((_SIDE, _SIDE)).astype(kind)
    with threadpool_limits(processors.available()):
        return 2 * _SIDE**3 / min(_timed(lambda: matrix @ matrix) for _ in range(3))


def _status(name: str) -> int:
    return int(Path("/proc/self/status").read_text().split(f"{name}:")[1].split()[0])


if __name__ == "__main__":
    main()
