"""All audits of 100,000 images, stage by stage: how long, and how much memory.

    python -m benchmarks.audits
    python -m benchmarks.audits --images 10000

Files, looks and features are made up, the features on disk in the form and size in which a round
of two networks keeps them; there are no image files. One image in fifty has a changed copy. A
process of its own then does what the scan and the end of a round do, keeps what is found, and asks
for what the page Audits shows. Prints a line a stage: seconds, and the most memory until then.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from cleaner import audits, class_health, intake, lanes, traits
from cleaner.arrays import PredProbs
from cleaner.audits import Seen
from cleaner.audits.base import MINIATURE_PX, Miniatures
from cleaner.health import Trait
from cleaner.items import Finding, Item, Scan, ScannedFile
from cleaner.lanes import Part
from cleaner.learning import gallery
from cleaner.looks import RECORD
from cleaner.project import Project
from cleaner.recording import Recorded
from cleaner.store import catalogue, findings
from cleaner.traits import Gathered

_CLASSES = 100
_FEATURES = (1408, 1280)
_VIEWS = 2
_TWIN_EVERY = 50
_ROWS = 10_000
_WANTED = "wanted for 100,000: under 600 s in all, under 2,000 MB"

_T = TypeVar("_T")


def main(words: Sequence[str] | None = None) -> None:
    """Make all up, then measure in a fresh process."""
    arguments = _arguments(words)
    if arguments.measure is not None:
        _measure(arguments.measure, arguments.images)
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        _make_features(Path(folder), arguments.images)
        command = [sys.executable, "-m", "benchmarks.audits", "--images", str(arguments.images)]
        subprocess.run([*command, "--measure", folder], check=True)
    print(_WANTED)  # noqa: T201


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="where features are made; on a real disk")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(words)


# -- making up ---------------------------------------------------------------------------


def _twin_of(images: int) -> np.ndarray:
    """Return (item,): of which image each shows the picture."""
    origin = np.arange(images)
    origin[_TWIN_EVERY - 1 :: _TWIN_EVERY] -= 1
    return origin


def _classes(images: int) -> np.ndarray:
    return _twin_of(images) % _CLASSES


def _make_features(folder: Path, images: int) -> None:
    """Write one (view, item, feature) array a network: a cloud a class, copies side by side."""
    origin, classes = _twin_of(images), _classes(images)
    for number, width in enumerate(_FEATURES):
        rng = np.random.default_rng(number)
        centres = rng.gamma(0.5, 1.0, (_CLASSES, width)).astype(np.float32)
        features = np.lib.format.open_memmap(
            folder / f"features-{number}.npy", "w+", np.float16, (_VIEWS, images, width)
        )
        for top in range(0, images, _ROWS):
            part = np.arange(top, min(top + _ROWS, images))
            own = np.random.default_rng([number, top]).gamma(0.5, 1.0, (_ROWS + 1, width))
            rows = centres[classes[part]] + own[origin[part] - top]
            for view in range(_VIEWS):
                features[view, part] = rows + rng.normal(0, 0.05, rows.shape).astype(np.float32)


def _files(images: int) -> list[ScannedFile]:
    """Return files as the scan reads them; one copy in two is near enough for the hash."""
    rng = np.random.default_rng(0)
    origin, classes = _twin_of(images), _classes(images)
    hashes = rng.integers(0, 256, (images, 140), dtype=np.uint8)
    near = np.flatnonzero((origin != np.arange(images)) & (np.arange(images) % 4 == 1))
    hashes[near] = hashes[origin[near]]
    looks = _looks(images, rng)
    return [
        ScannedFile(
            path=f"class {classes[number]:03d}/photograph-{number:07d}.jpg",
            class_name=f"class {classes[number]:03d}",
            content_hash=hashlib.sha256(str(number).encode()).hexdigest(),
            perceptual_hash=hashes[number].tobytes().hex(),
            width=640,
            height=480,
            byte_size=50_000,
            mtime_ns=1_700_000_000_000_000_000 + number,
            looks=looks[number].tobytes().hex(),
        )
        for number in range(images)
    ]


def _looks(images: int, rng: np.random.Generator) -> np.ndarray:
    looks = np.zeros(images, RECORD)
    looks["dark_end"] = rng.normal(20, 8, images).clip(0, 255)
    looks["bright_end"] = rng.normal(230, 12, images).clip(0, 255)
    looks["brightness"] = rng.normal(120, 30, images).clip(0, 255)
    looks["colourfulness"] = rng.normal(90, 25, images).clip(0, 255)
    looks["entropy"] = rng.normal(7, 0.4, images).clip(0, 8)
    looks["sharpness"] = rng.normal(0.5, 0.05, images).clip(0, 1)
    looks["colours"] = rng.integers(0, 16, (images, 64))
    looks["border"] = rng.integers(0, 256, (images, 4, 4))
    # The first one of each class is odd in some way.
    looks["bright_end"][:_CLASSES:2] = 10
    looks["sharpness"][1:_CLASSES:2] = 0.05
    return looks


def _items(files: Sequence[ScannedFile], groups: np.ndarray) -> list[Item]:
    return [
        Item(
            number + 1,
            file.path,
            file.class_name,
            file.class_name,
            file.content_hash,
            int(groups[number]),
            file.width,
            file.height,
            "test" if number % 10 == 0 else "train",
            "unreviewed",
        )
        for number, file in enumerate(files)
    ]


def _miniatures(images: int) -> Callable[[Sequence[int]], Miniatures]:
    origin = _twin_of(images)

    def drawn(places: Sequence[int]) -> Miniatures:
        found = np.empty((len(places), MINIATURE_PX, MINIATURE_PX), np.float32)
        for row, place in enumerate(places):
            rng = np.random.default_rng(int(origin[place]))
            coarse = rng.integers(0, 256, (8, 8)).astype(np.float32)
            found[row] = np.kron(coarse, np.ones((4, 4), np.float32))
        return found

    return drawn


def _pred_probs(classes: np.ndarray, rng: np.random.Generator) -> PredProbs:
    probs = rng.gamma(0.1, 1.0, (len(classes), _CLASSES))
    probs[np.arange(len(classes)), classes] += 2
    return np.asarray(probs / probs.sum(axis=1, keepdims=True))


# -- measuring ---------------------------------------------------------------------------


def _timed(stage: str, work: Callable[[], _T]) -> _T:
    began = time.perf_counter()
    result = work()
    most_mb = _most_memory_mb()
    size = f", {len(result):,}" if isinstance(result, list | tuple) else ""
    seconds = time.perf_counter() - began
    print(f"{stage + size:52} {seconds:8.1f} s {most_mb:8,.0f} MB", flush=True)  # noqa: T201
    return result


def _most_memory_mb() -> float:
    """Return the most memory so far; what getrusage says is inherited from the parent process."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def _measure(folder: Path, images: int) -> None:
    began = time.perf_counter()
    root = folder / "photos"
    root.mkdir()
    files = _files(images)
    _timed("starting, files made up", list)
    scan = Scan(root, tuple(f"class {n:03d}" for n in range(_CLASSES)), tuple(files), ())
    examined = _timed("at the scan: copies and looks", lambda: intake.examine(scan))
    items = _items(files, examined.groups)
    seen = _seen(folder, items)
    found = [
        finding
        for name, audit in audits.ROUND_AUDITS.items()
        for finding in _timed(f"after a round: {name}", lambda audit=audit: audit(seen))  # type: ignore[misc]
    ]
    found_traits = _classes_looked_at(items, files, seen)
    audited = time.perf_counter() - began
    project = _kept(root, examined, files)
    _timed("findings kept", lambda: _keep(project, found))
    with project.store.write() as connection:
        class_health.keep(connection, found_traits, 1)
    _page(project)
    project.store.close()
    print(f"audits in all {audited:.0f} s", flush=True)  # noqa: T201


def _seen(folder: Path, items: Sequence[Item]) -> Seen:
    mapped = [
        np.load(folder / f"features-{number}.npy", mmap_mode="r")
        for number in range(len(_FEATURES))
    ]
    condensed = _timed("features read and condensed", lambda: gallery.condensed(mapped))
    return Seen(items, condensed, _miniatures(len(items)))


def _classes_looked_at(
    items: Sequence[Item], files: Sequence[ScannedFile], seen: Seen
) -> list[Trait]:
    classes = _classes(len(items))
    gathered = Gathered(
        np.arange(1, len(items) + 1),
        classes,
        np.array([item.group_id for item in items]),
        tuple(f"class {n:03d}" for n in range(_CLASSES)),
        _pred_probs(classes, np.random.default_rng(0)),
        seen.features,
        [file.looks for file in files],
    )
    return [
        trait
        for name, find in traits.FINDERS.items()
        for trait in _timed(f"classes: {name}", lambda find=find: find(gathered))  # type: ignore[misc]
    ]


def _kept(root: Path, examined: intake.Examined, files: Sequence[ScannedFile]) -> Project:
    for name in examined.scan.class_names:
        (root / name).mkdir()
    project = Project(root)
    with project.store.write() as connection:
        catalogue.set_classes(connection, examined.scan.class_names)
        added = [(file, int(examined.groups[n]), "train") for n, file in enumerate(files)]
        catalogue.add_items(connection, added)  # type: ignore[arg-type]
        findings.replace_all(connection, examined.audited, found_by="scan")
    return project


def _keep(project: Project, found: Sequence[Finding]) -> list[Finding]:
    """Keep what was found, and a finding for each image, so that there are many."""
    images = [item.path for item in project.dataset().items]
    more = [Finding("greyscale", (path,), "info", "It has no colour.") for path in images]
    with project.store.write() as connection:
        findings.replace_all(connection, [*found, *more], found_by="score")
    return [*found, *more]


def _page(project: Project) -> None:
    """Ask for what the page shows of very many findings."""
    _timed("page: counts of all lanes", lambda: lanes.by_severity(project))
    first = _timed("page: the first of a lane", lambda: _of_page(project, 0))
    last = first[-1].finding_id + project.status()["images"] // 2
    _timed("page: one far behind", lambda: _of_page(project, last))
    few = {one.finding_id: one.finding.paths for one in first}
    only = Part(only=few)
    _timed("page: some proposed", lambda: lanes.all_excluded(project, "greyscale", only).excluded)
    _timed("page: all proposed", lambda: lanes.all_excluded(project, "greyscale").excluded)
    _timed("page: some dismissed", lambda: lanes.dismiss(project, "greyscale", only))
    proposal = lanes.all_excluded(project, "greyscale", Part(but=few))
    recorded = _timed("page: all excluded", lambda: lanes.carry_out(project, proposal).recorded)
    _timed(
        "page: and taken back",
        lambda: lanes.take_back(project, Recorded(recorded, ())).recorded,
    )


def _of_page(project: Project, after: int) -> list[findings.OpenFinding]:
    return lanes.of_kind(project, "greyscale", after=after, limit=25)


if __name__ == "__main__":
    main()
