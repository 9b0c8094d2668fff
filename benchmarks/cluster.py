"""A cluster of two nodes on this machine that loses a worker, a node or who asked.

    python -m benchmarks.cluster imagenette --weights FILE
    python -m benchmarks.cluster imagenette --work predict --only whole --only driver

Out of a folder of photos in class folders so many small ones are made, and a small network
(`benchmarks.crowds`) looks at them: this machine alone, the cluster, and the cluster while
something of it is killed half way. FILE is a .keras file of MobileNetV1 0.25 for 128 px; without it
the weights are random. Prints a table; ends with code 1 if an image lacks its answer afterwards or
has another one than this machine alone gave, to the last bit. At last `score` ranks a thousand of
the photos, alone and by the cluster, and the rankings are compared.

Of each run there are the seconds to the first answer, which are its start, and the rate from then
on, beside that of this machine alone.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import crowds
from benchmarks.tables import markdown
from cleaner import processors
from cleaner.decisions import ReviewItem
from cleaner.engines import Engine, open_engine
from cleaner.progress import Progress, Report

_TOKEN = "made-up-for-this-run"  # noqa: S105 - of a cluster that lives for minutes, on loopback
_OBJECT_STORE_BYTES = 256 * 2**20
_TELL_SECONDS = 0.05
_RANKING = "ranking"
_SCORE = ("--backbone", "efficientnet_lite0", "--views", "1", "--folds", "3")


def main() -> int:
    """Make the photos, run them through, and tell."""
    arguments = _arguments()
    if arguments.drive:
        _drive(arguments.work, *arguments.drive)
        return 0
    chosen = arguments.only or [*_LOSSES, _RANKING]
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        bench = _Bench(Path(folder), arguments.work)
        bench.prepare(arguments.photos, arguments.images, arguments.weights)
        runs = [bench.run("alone")]
        runs += [bench.run(name) for name in chosen if name in _LOSSES and name != "alone"]
        alike = _RANKING not in chosen or bench.ranks_alike(arguments.ranked)
    columns = [f"{arguments.images:,} small photos, {arguments.work}", "start", "from then on"]
    columns += ["longer than alone", "left at the loss", "done again", "sound"]
    _say(markdown(columns, [run.told(beside=runs[0]) for run in runs]))
    if _RANKING in chosen:
        _say(f"score of {arguments.ranked:,} of them ranks alike here and on two nodes: {alike}")
    return 0 if alike and all(run.sound for run in runs) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--work", choices=list(_WORKS), default="features")
    parser.add_argument("--only", action="append", choices=[*_LOSSES, _RANKING])
    parser.add_argument("--ranked", type=int, default=1_000, help="images of the ranking")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--folder", type=Path, help="where all is made, and removed at the end")
    # In a process that may be killed.
    parser.add_argument("--drive", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


# -- the work ------------------------------------------------------------------------------


def _features(folder: Path, results: Path, engine: Engine, report: Report) -> Iterator[bytes]:
    """Have a network look at them, as `score` does."""
    from cleaner.learning.bottlenecks import Source, looked_at

    photos = folder / "photos"
    sources = [Source(p, photos, _hash(p.read_bytes())) for p in _listed(folder)]
    looked_at(
        sources,
        [crowds.SmallNetwork(folder / "features.tflite")],
        views=1,
        seed=0,
        cache_folder=results,
        report=report,
        engine=engine,
    )
    yield b""


def _predict(folder: Path, results: Path, engine: Engine, report: Report) -> Iterator[bytes]:
    """Have a trained model label them, as `predict --resume` does."""
    from cleaner import labelling

    model, photos = folder / "labels.tflite", _listed(folder)
    for path, found in labelling.outcomes(model, photos, engine, kept_in=results, report=report):
        yield str(path.relative_to(folder)).encode()
        yield np.asarray(found).tobytes()


_WORKS: dict[str, Callable[[Path, Path, Engine, Report], Iterator[bytes]]] = {
    "features": _features,
    "predict": _predict,
}


def _listed(folder: Path) -> list[Path]:
    """Return the photos, classes mixed."""
    return sorted((folder / "photos").glob("*/*.jpg"), key=lambda path: path.stem)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _drive(work: str, folder: str, results: str, address: str) -> None:
    """Work, say how far it is, and at last what came of it."""
    told_at = 0.0

    def report(progress: Progress) -> None:
        nonlocal told_at
        now = time.monotonic()
        if progress.total and (now - told_at >= _TELL_SECONDS or progress.done == progress.total):
            told_at = now
            _say(f"{progress.done} {progress.total}")

    found = hashlib.sha256()
    with open_engine(*(("local", "") if address == "local" else ("ray", address))) as engine:
        for answer in _WORKS[work](Path(folder), Path(results), engine, report):
            found.update(answer)
    _say(f"answers {found.hexdigest()}")


# -- what is lost --------------------------------------------------------------------------


def _nothing(_cluster: Any, _driver: subprocess.Popen[str]) -> None:
    """Let all live."""


def _worker(cluster: Any, _driver: subprocess.Popen[str]) -> None:
    os.kill(next(_workers(cluster.head_node.get_session_dir_path())), signal.SIGKILL)


def _workers(session: str) -> Iterator[int]:
    """Yield the actors of this cluster, and of no other one on this machine."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (folder / "cmdline").read_bytes().startswith(b"ray::MapWorker"):
                parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
                if session.encode() in Path("/proc", parent, "cmdline").read_bytes():
                    yield int(folder.name)


def _node(cluster: Any, _driver: subprocess.Popen[str]) -> None:
    cluster.remove_node(cluster.list_all_nodes()[-1], allow_graceful=False)


def _who_asked(_cluster: Any, driver: subprocess.Popen[str]) -> None:
    driver.kill()


Loss = Callable[[Any, "subprocess.Popen[str]"], None]
_LOSSES: dict[str, tuple[str, Loss]] = {
    "alone": ("this machine alone", _nothing),
    "whole": ("two nodes", _nothing),
    "worker": ("two nodes, a worker killed", _worker),
    "node": ("two nodes, one of them killed", _node),
    "driver": ("two nodes, who asked killed and begun again", _who_asked),
}


@contextmanager
def _cluster() -> Iterator[Any]:
    """Yield a cluster of a head that only keeps the books and two nodes for all processors."""
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": _TOKEN}
    os.environ |= {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0"}
    from ray.cluster_utils import Cluster

    memory = {"object_store_memory": _OBJECT_STORE_BYTES}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **memory})
    try:
        for _ in range(2):
            cluster.add_node(num_cpus=max(1, processors.available() // 2), **memory)
        yield cluster
    finally:
        cluster.shutdown()


# -- the runs ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Run:
    """How one run went.

    Attributes:
        start: seconds to the first answer; of two drivers, of both.
        seconds: from the first answer to the last one.
        images: that were answered in those seconds.
        left: how many images lacked an answer when something was lost; None if nothing was.
        again: images that were looked at after the loss although a shard held them.
        sound: every image has its answer, and it is that of this machine alone.
    """

    what: str
    start: float
    seconds: float
    images: int
    left: int | None
    again: int
    sound: bool

    def told(self, *, beside: Run) -> list[object]:
        """Return it as a line of the table."""
        rate, usual = (run.images / max(run.seconds, 1e-9) for run in (self, beside))
        longer = "" if self is beside else f"{100 * (usual / rate - 1):+.1f}%"
        left = "" if self.left is None else f"{self.left:,}"
        speed = f"{self.seconds:.1f} s, {rate:,.0f}/s"
        return [self.what, f"{self.start:.1f} s", speed, longer, left, self.again, self.sound]


class _Bench:
    """The photos, and what this machine alone says of them."""

    def __init__(self, folder: Path, work: str) -> None:
        self._folder = folder
        self._work = work
        self._images = 0
        self._usual: tuple[dict[bytes, bytes], str] | None = None

    def prepare(self, originals: Path, count: int, weights: Path | None) -> None:
        began = time.perf_counter()
        made = crowds.photos(originals, self._folder / "photos", count)
        class_names = sorted({path.parent.name for path in made})
        crowds.networks(self._folder, class_names, weights)
        different = len({_hash(path.read_bytes()) for path in made})
        # Features are kept by content, labels by path.
        self._images = different if self._work == "features" else len(made)
        _say(f"{different:,} different photos made in {time.perf_counter() - began:.0f} s")

    def run(self, name: str) -> Run:
        if name == "alone":
            run = self._ended(name, self._started(name, "local"), None)
        else:
            with _cluster() as cluster:
                driver = self._started(name, cluster.address)
                run = self._ended(name, driver, cluster)
        _say(f"{run.what}: {run.start:.1f} s and {run.seconds:.1f} s, sound {run.sound}")
        return run

    def ranks_alike(self, count: int) -> bool:
        """Tell whether `score` ranks some of the photos alike, alone and by the cluster."""
        root = self._folder / "ranked"
        for path in _listed(self._folder)[:count]:
            (root / path.parent.name).mkdir(parents=True, exist_ok=True)
            (root / path.parent.name / path.name).hardlink_to(path)
        here = self._ranking(root, "here")
        with _cluster() as cluster:
            there = self._ranking(root, "there", "--engine", "ray", "--address", cluster.address)
        return bool(here) and here == there

    def _ranking(self, root: Path, name: str, *options: str) -> list[ReviewItem]:
        from cleaner.project import Project

        state = self._folder / name
        command = [sys.executable, "-m", "cleaner", "score", str(root), "--state", str(state)]
        subprocess.run([*command, *_SCORE, *options], check=True, stdout=subprocess.DEVNULL)
        project = Project(root, state)
        try:
            return project.ranking()
        finally:
            project.store.close()

    def _started(self, name: str, address: str) -> _Driver:
        command = [sys.executable, "-m", "benchmarks.cluster", str(self._folder)]
        command += ["--work", self._work]
        return _Driver([*command, "--drive", str(self._folder), str(self._results(name)), address])

    def _ended(self, name: str, driver: _Driver, cluster: Any) -> Run:
        what, lose = _LOSSES[name]
        half = self._images // 2 if lose is not _nothing else None
        driver.follow(lambda: lose(cluster, driver.process), at=half)
        left = None if half is None else driver.left
        drivers = [driver]
        if driver.process.returncode < 0:  # killed, as it should be
            left = self._images - len(dict(_rows(self._results(name))))
            drivers.append(self._started(name, cluster.address))
            drivers[-1].follow(lambda: None, at=None)
        rows = list(_rows(self._results(name)))
        found = dict(rows), drivers[-1].answers
        self._usual = self._usual or found
        return Run(
            what,
            start=sum(one.start for one in drivers),
            seconds=sum(one.seconds for one in drivers),
            images=sum(one.images for one in drivers),
            left=left,
            again=len(rows) - len(found[0]),
            sound=found == self._usual and len(found[0]) == self._images,
        )

    def _results(self, name: str) -> Path:
        return self._folder / f"results-{name}"


def _rows(results: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yield each answer in the shards that a run has left: of which image, and what."""
    for path in results.rglob("*.npz"):
        with np.load(path, allow_pickle=False) as shard:
            keys = shard["content_hashes"]
            rows = shard["rows"] if "rows" in shard else shard["pieces"].reshape(len(keys), -1)
        yield from zip(keys.tolist(), (row.tobytes() for row in rows), strict=True)


class _Driver:
    """A process that asks for the work, as it is heard.

    Attributes:
        start: seconds to its first answer.
        seconds: from then to its last one.
        images: that were answered in these.
        left: how many were not yet when something was lost.
        total: how many it was to answer in all.
        answers: a hash of all that it was given, in order.
    """

    def __init__(self, command: list[str]) -> None:
        self._began = time.perf_counter()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.start = self.seconds = 0.0
        self.images = self.left = self.total = 0
        self.answers = ""

    def follow(self, lose: Callable[[], None], *, at: int | None) -> None:
        """Read how far it is until it ends, and lose something once, after so many images."""
        first: int | None = None
        for line in self.process.stdout or ():
            word, *values = line.split() or [""]
            if word == "answers":
                self.answers = values[0]
            if not word.isdigit():
                continue
            done, self.total = int(word), int(values[0])
            if first is None:
                if not done:
                    continue
                first, self.start = done, time.perf_counter() - self._began
            self.seconds = time.perf_counter() - self._began - self.start
            self.images = done - first
            if at is not None and done >= at:
                at, self.left = None, self.total - done
                lose()
        self.process.wait()


if __name__ == "__main__":
    sys.exit(main())
