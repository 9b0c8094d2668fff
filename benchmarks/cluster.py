"""A cluster of two nodes on this machine that loses a worker, a node or who asked.

    python -m benchmarks.cluster
    python -m benchmarks.cluster --images 2000 --folder /dev/shm

Small made-up photos are looked at by one network: by this machine alone, by the cluster, and by
the cluster while something of it is killed half way. Prints a line for each; ends with code 1 if
an image lacks its features afterwards or has others than one machine computes.
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
from PIL import Image

from benchmarks.tables import markdown
from cleaner.backbones import open_backbone
from cleaner.cache import RowCache
from cleaner.engines import open_engine
from cleaner.learning.bottlenecks import Source, committee_features
from cleaner.progress import Progress

_SIDE_PX = 32
_TOKEN = "made up for this run"  # noqa: S105 - of a cluster that lives for minutes, on loopback


@dataclass(frozen=True, slots=True)
class Run:
    """How one run went.

    Attributes:
        seconds: from the first to the last image, without the start.
        again: images that were looked at after the kill although a shard held them.
        sound: every image has its features, and they are those of one machine.
    """

    what: str
    seconds: float
    again: int
    sound: bool


def main() -> int:
    """Make the photos, run them through, and tell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--backbone", default="mobilenet_v1_1.0_224")
    parser.add_argument("--folder", type=Path, help="where all is made")
    parser.add_argument("--drive", nargs=3, metavar=("PHOTOS", "CACHE", "ADDRESS"))
    arguments = parser.parse_args()
    if arguments.drive:
        photos, cache, address = arguments.drive
        _drive(Path(photos), Path(cache), address, arguments.backbone)
        return 0
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        bench = _Bench(Path(folder), arguments.images, arguments.backbone)
        runs = [bench.alone(), *(bench.through(*loss) for loss in _LOSSES)]
    lines = [(run.what, f"{run.seconds:.1f} s", run.again, run.sound) for run in runs]
    columns = [f"{arguments.images:,} images", "first to last image", "done again", "sound"]
    sys.stdout.write(markdown(columns, lines) + "\n")
    return 0 if all(run.sound for run in runs) else 1


# -- what is lost --------------------------------------------------------------------------


def _nothing(_cluster: Any, _driver: subprocess.Popen[str]) -> None:
    """Let all live."""


def _worker(_cluster: Any, _driver: subprocess.Popen[str]) -> None:
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (folder / "cmdline").read_bytes().startswith(b"ray::MapWorker"):
                os.kill(int(folder.name), signal.SIGKILL)
                return


def _node(cluster: Any, _driver: subprocess.Popen[str]) -> None:
    cluster.remove_node(cluster.list_all_nodes()[-1], allow_graceful=False)


def _who_asked(_cluster: Any, driver: subprocess.Popen[str]) -> None:
    driver.kill()


Loss = Callable[[Any, "subprocess.Popen[str]"], None]
_LOSSES: tuple[tuple[str, Loss], ...] = (
    ("two nodes", _nothing),
    ("two nodes, a worker killed", _worker),
    ("two nodes, one of them killed", _node),
    ("two nodes, who asked killed and begun again", _who_asked),
)


class _Bench:
    """The photos, and what one machine says of them."""

    def __init__(self, folder: Path, count: int, backbone: str) -> None:
        self._folder = folder
        self._backbone = backbone
        self._photos = folder / "photos"
        self._hashes = [hashlib.sha256(data).hexdigest() for data in _made_up(self._photos, count)]

    def alone(self) -> Run:
        seconds = _followed(self._start("alone", "local"), lambda: None, at=len(self._hashes) + 1)
        return Run("this machine alone", seconds, 0, self._is_sound("alone"))

    def through(self, what: str, lose: Loss) -> Run:
        with _cluster() as cluster:
            name = lose.__name__
            driver = self._start(name, cluster.address)
            half = len(self._hashes) // 2
            seconds = _followed(driver, lambda: lose(cluster, driver), at=half)
            if driver.wait() != 0:
                seconds += _followed(self._start(name, cluster.address), lambda: None, at=-1)
        return Run(what, seconds, self._rows(name) - len(self._hashes), self._is_sound(name))

    def _start(self, name: str, address: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "benchmarks.cluster", "--backbone", self._backbone]
        command += ["--drive", str(self._photos), str(self._folder / name), address]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def _shelf(self, name: str) -> Path:
        network = open_backbone(self._backbone).content_id
        return self._folder / name / "features" / network / "plain"

    def _rows(self, name: str) -> int:
        """Return how many rows all shards hold together."""
        rows = 0
        for path in self._shelf(name).glob("*.npz"):
            with np.load(path, allow_pickle=False) as shard:
                rows += len(shard["content_hashes"])
        return rows

    def _is_sound(self, name: str) -> bool:
        here, there = (RowCache(self._shelf(each)) for each in ("alone", name))
        if not all(content_hash in there for content_hash in self._hashes):
            return False
        return np.array_equal(here.rows(self._hashes), there.rows(self._hashes))


def _made_up(folder: Path, count: int) -> Iterator[bytes]:
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(count):
        path = folder / f"{number}.jpg"
        Image.fromarray(rng.integers(0, 256, (_SIDE_PX, _SIDE_PX, 3), np.uint8)).save(path)
        yield path.read_bytes()


@contextmanager
def _cluster() -> Iterator[Any]:
    """Yield a cluster of a head that only keeps the books and two nodes of one processor."""
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": _TOKEN.replace(" ", "-")}
    os.environ |= {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0"}
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        for _ in range(2):
            cluster.add_node(num_cpus=1)
        yield cluster
    finally:
        cluster.shutdown()


def _followed(driver: subprocess.Popen[str], lose: Callable[[], None], *, at: int) -> float:
    """Read how far it is until it ends, lose something once, and return its seconds of work."""
    began = ended = 0.0
    for line in driver.stdout or ():
        ended = time.perf_counter()
        began = began or ended
        if at >= 0 and int(line) >= at:
            at = -1
            lose()
    driver.wait()
    return ended - began


def _drive(photos: Path, cache: Path, address: str, backbone: str) -> None:
    """Compute what is missing, in a process that may be killed."""

    def report(progress: Progress) -> None:
        sys.stdout.write(f"{progress.done}\n")
        sys.stdout.flush()

    files = sorted(photos.iterdir(), key=lambda path: int(path.stem))
    sources = [Source(p, photos, hashlib.sha256(p.read_bytes()).hexdigest()) for p in files]
    engine = ("local", "") if address == "local" else ("ray", address)
    with open_engine(*engine) as opened:
        committee_features(
            sources,
            [open_backbone(backbone)],
            views=1,
            seed=0,
            cache_folder=cache,
            report=report,
            engine=opened,
        )


if __name__ == "__main__":
    sys.exit(main())
