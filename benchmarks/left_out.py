"""The leave-one-out predictions of a ridge over a million images whose features stay on disk.

    python -m benchmarks.left_out
    python -m benchmarks.left_out --images 100000 --folder /var/tmp
    python -m benchmarks.left_out --whole --images 110000 250000

Makes features up (float16, in shards, as looking at photos leaves them) and has the ridge head
judge them, as `score --features disk` does, in a process of its own. Prints seconds, memory, and
what part of the machine's limit that is: the time that its operations would take at the speed
of one large matrix product, measured in the same run. Needs 2.6 GB on disk for the million.

With --whole the rest of the committee judges them as well, and they are ranked as `score` does.
Prints the memory that each stage takes of its own at most, without the pages of files that are
mapped, which the system drops when others want them; of several numbers of images also the bytes
that one more image takes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.tables import markdown
from cleaner import cache, processors, queue, rescoring
from cleaner.cache import RowCache
from cleaner.learning.heads.base import TrainingData
from cleaner.learning.heads.ridge import PENALTIES, ridge
from cleaner.learning.scoring import Examples, out_of_fold
from cleaner.learning.stored import StoredFeatures
from cleaner.predictions import Evidence
from cleaner.progress import Progress
from cleaner.rescoring import Opening
from cleaner.settings import ScoreSettings

_PER_SHARD = 256
_SIDE = 4_096  # of the matrices whose product says what the machine can do
# Of the images these share a group with the image before.
_TWINS_EVERY = 20
_WRONG = 0.1
_GB = 1e9
_LOOK_SECONDS = 0.02
# Seconds and megabytes at most, by stage.
Stages = dict[str, tuple[float, float]]


def main(words: Sequence[str] | None = None) -> None:
    """Make the features, then measure in a fresh process."""
    arguments = _arguments(words)
    if arguments.measure:
        folder, images = arguments.measure[0], int(arguments.measure[1])
        if arguments.whole:
            _measure_whole(Path(folder), images, arguments)
        else:
            _measure(Path(folder), images, arguments)
        return
    found = [_in_a_process_of_its_own(images, arguments) for images in arguments.images]
    if arguments.whole:
        _say_whole(found, arguments)


def _in_a_process_of_its_own(images: int, arguments: argparse.Namespace) -> Stages:
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        for view in range(arguments.views):
            _make_up(Path(folder) / f"view{view}", view, images, arguments)
        command = [sys.executable, "-m", __spec__.name, "--measure", folder, str(images)]
        for name in ("features", "classes", "views"):
            command += [f"--{name}", str(getattr(arguments, name))]
        command += ["--whole"] * arguments.whole
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    if arguments.whole:
        return dict(json.loads(output))
    sys.stdout.write(output)
    return {}


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--features", type=int, default=1_280)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--folder", type=Path, help="where the features are made; on a real disk")
    parser.add_argument("--views", type=int, default=1)
    parser.add_argument("--whole", action="store_true", help="all heads and the ranking, too")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args(words)


def _hashes(images: int) -> list[str]:
    return [f"{number:064x}" for number in range(images)]


def _truth(images: int, classes: int) -> np.ndarray:
    return np.arange(images) // 2 % classes


def _make_up(folder: Path, view: int, images: int, arguments: argparse.Namespace) -> None:
    """Write features whose classes can be told apart, though not at a glance."""
    rng = np.random.default_rng(0)
    centres = rng.gamma(0.3, size=(arguments.classes, arguments.features)).astype(np.float32)
    truth, hashes = _truth(images, arguments.classes), _hashes(images)
    rng = np.random.default_rng(view)
    for top in range(0, images, _PER_SHARD):
        part = slice(top, top + _PER_SHARD)
        noise = rng.random((truth[part].size, arguments.features), np.float32)
        cache.append(folder, hashes[part], 0.05 * centres[truth[part]] + noise)


# -- measuring ---------------------------------------------------------------------------


def _measure(folder: Path, images: int, arguments: argparse.Namespace) -> None:
    data, truth = _data(folder, images, arguments)
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
    _say(seconds, memory_mb, right, images, arguments)


def _data(
    folder: Path, images: int, arguments: argparse.Namespace
) -> tuple[TrainingData, np.ndarray]:
    rng = np.random.default_rng(1)
    classes = arguments.classes
    views = [folder / f"view{view}" for view in range(arguments.views)]
    features = StoredFeatures.of([(view, RowCache(view)) for view in views], _hashes(images))
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
    seconds: dict[str, float],
    memory_mb: float,
    right: float,
    images: int,
    arguments: argparse.Namespace,
) -> None:
    width, classes = arguments.features + 1, arguments.classes
    # The product with itself is symmetric, and half of it is computed.
    exact = images * width**2
    rough = 2 * images * width * (width + len(PENALTIES) * (classes + 1))
    speeds = {kind: _operations_a_second(kind) for kind in (np.float64, np.float32)}
    limit = exact / speeds[np.float64] + rough / speeds[np.float32]
    read_gb = 4 * 2 * images * arguments.features * arguments.views / _GB
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


# -- the whole of learning and ranking -----------------------------------------------------


def _measure_whole(folder: Path, images: int, arguments: argparse.Namespace) -> None:
    with _Watch() as watch:
        watch(Progress("What is on disk"))
        data, truth = _data(folder, images, arguments)
        names = tuple(f"class {number}" for number in range(arguments.classes))
        examples = Examples(
            np.arange(images), data.view_features, data.labels, names, data.groups, ~data.trains
        )
        prediction = out_of_fold(
            examples, ScoreSettings(views=arguments.views), watch, kept_in=folder / "kept"
        )
        watch(Progress("Judging the labels"))
        evidence = Evidence(
            data.labels,
            prediction.pred_probs,
            prediction.view_probs,
            prediction.committee_probs,
            member_names=prediction.member_names,
        )
        verdict = queue.judged(evidence)
        watch(Progress("Ranking"))
        for _row in queue.ranked(examples.item_ids, verdict, names):
            pass
        watch(Progress("Keeping what decisions are followed with"))
        kept = rescoring.kept_of(
            prediction,
            verdict,
            groups=data.groups,
            sealed=~data.trains,
            opening=Opening("", 0),
        )
        if kept is not None:
            rescoring.write(folder, kept)
    right = float((prediction.pred_probs.argmax(axis=1) == truth).mean())
    sys.stderr.write(f"{images:,} images: {right:.1%} labelled right\n")
    sys.stdout.write(json.dumps(watch.stages))


class _Watch:
    """Looks at this process's own memory by the stage that is reported, all folds as one."""

    def __init__(self) -> None:
        self.stages: Stages = {}
        self._stage = "Starting"
        self._since = time.perf_counter()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self(Progress("End"))
        self._ended.set()
        self._thread.join()

    def __call__(self, progress: Progress) -> None:
        now = time.perf_counter()
        seconds, most = self.stages.get(self._stage, (0.0, 0.0))
        self.stages[self._stage] = seconds + now - self._since, max(most, _own_mb())
        self._stage, self._since = progress.stage.split(", fold ")[0], now

    def _look(self) -> None:
        while not self._ended.wait(_LOOK_SECONDS):
            own_mb, stage = _own_mb(), self._stage
            seconds, most = self.stages.get(stage, (0.0, 0.0))
            self.stages[stage] = seconds, max(most, own_mb)


def _own_mb() -> float:
    return _status("RssAnon") / 1024


def _say_whole(found: Sequence[Stages], arguments: argparse.Namespace) -> None:
    counts = arguments.images
    columns = [f"{arguments.views} views, {arguments.classes} classes"]
    columns += [f"{count:,} images" for count in counts]
    columns += ["one more image"] * (len(counts) > 1)
    everything = [(sum(s for s, _ in each.values()), _most(each)) for each in found]
    stages = {name: [each[name] for each in found] for name in found[0]} | {"in all": everything}
    lines = [(name, *_cells(each, counts)) for name, each in stages.items()]
    sys.stdout.write(markdown(columns, lines) + "\n")


def _most(stages: Stages) -> float:
    return max(mb for _seconds, mb in stages.values())


def _cells(each: Sequence[tuple[float, float]], counts: Sequence[int]) -> Iterator[str]:
    """Yield seconds and megabytes for each number of images, and the bytes of one more."""
    for seconds, mb in each:
        yield f"{seconds:.0f} s, {mb:,.0f} MB"
    if len(counts) > 1:
        more = (each[-1][1] - each[0][1]) * 2**20 / (counts[-1] - counts[0])
        yield f"{more:,.0f} bytes"


def _operations_a_second(kind: type[np.floating]) -> float:
    rng = np.random.default_rng(0)
    matrix = rng.random((_SIDE, _SIDE)).astype(kind)
    with threadpool_limits(processors.available()):
        return 2 * _SIDE**3 / min(_timed(lambda: matrix @ matrix) for _ in range(3))


def _status(name: str) -> int:
    return int(Path("/proc/self/status").read_text().split(f"{name}:")[1].split()[0])


if __name__ == "__main__":
    main()
