"""Operations on a small made-up project that can be killed, and what must hold afterwards."""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from benchmarks.nursery import Nursery
from cleaner import jobs
from cleaner.cache import RowCache
from cleaner.classifier import open_classifier
from cleaner.exporters import MODEL_FILES
from cleaner.moves import placing
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.settings import ScoreSettings, TrainSettings
from cleaner.store.models import FinalModel
from tests.faults.moving import lacks

_CLASSES = ("cat", "dog", "owl")
_IMAGES_PER_CLASS = 14
_NETWORK = "mobilenet_v1_1.0_224"
_SCORE = ScoreSettings((_NETWORK,), views=1, folds=2).as_json()
_TRAIN = TrainSettings(
    "mobilenet_v1_1.0_96", views=1, head_epochs=2, fine_tune_epochs=2, batch_size=8
).as_json()

Acknowledge = Callable[[str], None]


class Broken(Exception):
    """A promise was not kept; the message says which."""


def make(root: Path, *, images_per_class: int = _IMAGES_PER_CLASS) -> Counter[str]:
    """Write a scanned project of tiny pictures, and return how often each content is there.

    Each class has a picture that another one has too, under another name, and all classes use
    the same names, so that moves collide.
    """
    for number, name in enumerate(_CLASSES):
        (root / name).mkdir(parents=True)
        for place in range(images_per_class):
            _write(root / name / f"{place}.png", seed=100 * number + place)
        _write(root / name / "twin.png", seed=1000 + number // 2)
    project = Project(root)
    project.scan()
    project.store.close()
    return contents(root)


def _write(path: Path, *, seed: int) -> None:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((48, 48), Image.Resampling.BICUBIC).save(path)
    path.chmod(0o640)
    os.utime(path, ns=(1_500_000_000_123_456_789 + seed,) * 2)


def places_of(root: Path) -> tuple[Path, Path]:
    """Return the two folders an image may lie in."""
    return root, root.with_name(f"{root.name}.cleaner") / "quarantine"


def tree(root: Path) -> dict[str, tuple[str, int, int]]:
    """Return SHA-256, mode and modification time in ns of every file of dataset and quarantine."""
    return {
        str(path): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mode,
            path.stat().st_mtime_ns,
        )
        for folder in places_of(root)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def contents(root: Path) -> Counter[str]:
    """Return how often each content is there, unfinished copies included."""
    return Counter(content_hash for content_hash, _, _ in tree(root).values())


# -- operations --------------------------------------------------------------------------


class Operation(Protocol):
    """Something to kill: made ready, started over and over, and looked at."""

    def prepare(self, project: Project, rng: random.Random) -> None:
        """Bring about what the operation is to work on."""

    def act(self, project: Project, acknowledge: Acknowledge) -> None:
        """Do it, in the process that is killed; acknowledge what was promised to be kept."""

    def finish(self, project: Project) -> None:
        """Do it again after the kill, to its end."""


class Decide:
    """One decision a transaction, acknowledged by its op_id."""

    def __init__(self) -> None:
        self._requests: list[Request] = []

    def prepare(self, project: Project, rng: random.Random) -> None:
        self._requests = some_requests(project, rng)

    def act(self, project: Project, acknowledge: Acknowledge) -> None:
        for request in self._requests:
            for op_id in project.decide([request]).recorded:
                acknowledge(op_id)

    def finish(self, project: Project) -> None:
        # A client that heard nothing sends the same again.
        done = project.decide(self._requests)
        if len(done.recorded) != len(self._requests):
            raise Broken(f"{len(done.rejected)} decisions were refused the second time")


class Apply:
    """The moves that follow from decisions on every image."""

    def prepare(self, project: Project, rng: random.Random) -> None:
        project.decide(some_requests(project, rng))

    def act(self, project: Project, acknowledge: Acknowledge) -> None:
        if project.apply().moved:
            acknowledge("")

    def finish(self, project: Project) -> None:
        problems = project.apply().problems
        if problems:
            raise Broken(f"apply left {problems[0]} where it was")
        if project.status()["moves_to_apply"]:
            raise Broken("the folders do not match the decisions after apply")


class Undo:
    """Decisions on every image, applied, and then taken back with the moves."""

    def __init__(self) -> None:
        self._requests: list[Request] = []
        self._before: dict[str, tuple[str, int, int]] = {}

    def prepare(self, project: Project, rng: random.Random) -> None:
        self._before = tree(project.root)
        self._requests = some_requests(project, rng)
        project.decide(self._requests)
        project.apply()

    def act(self, project: Project, acknowledge: Acknowledge) -> None:
        for decision in project.undo(last=len(self._requests)).decisions:
            acknowledge(decision.op_id)

    def finish(self, project: Project) -> None:
        ours = {request.op_id for request in self._requests}
        undone = ours & {decision.undoes for decision in project.history()}
        if undone and undone != ours:
            raise Broken(f"{len(undone)} of {len(ours)} decisions were taken back")
        if not undone:
            project.undo(last=len(ours))
        project.apply()
        if tree(project.root) != self._before:
            raise Broken("names, modes or times are not what they were before the decisions")


def some_requests(project: Project, rng: random.Random) -> list[Request]:
    """Return a decision for each image: most move, some are excluded or accepted."""
    actions = ("move", "move", "move", "exclude", "accept")
    return [
        Request(item.item_id, rng.choice(actions), rng.choice(_CLASSES))  # type: ignore[arg-type]
        for item in project.dataset().items
    ]


_nursery = Nursery()
atexit.register(_nursery.close)


class Job:
    """A long verb in its worker process.

    Attributes:
        full_run_every: after so many kills it is run to its end.
    """

    def __init__(self, kind: str, settings: dict[str, Any], *, full_run_every: int) -> None:
        self._kind = kind
        self._settings = settings
        self.full_run_every = full_run_every

    def prepare(self, project: Project, rng: random.Random) -> None:
        # Else the features would be computed once, and no later kill could fall among them.
        if rng.random() < 0.5:
            shutil.rmtree(project.state / "cache", ignore_errors=True)

    def wake(self) -> None:
        """Load beforehand what a worker needs, for it is no part of what is killed."""
        _nursery.wake()

    def start(self, project: Project) -> int:
        """Return the process id of the worker."""
        job = _nursery.start(project, self._kind, self._settings)
        if job.pid is None:
            raise Broken("the job has no worker")
        return job.pid

    def finish(self, project: Project) -> None:
        job = _nursery.start(project, self._kind, self._settings)
        jobs.follow(project, job, lambda _job: None)
        if self._kind == "train":
            check_no_model_is_hidden(project)


FORKED: dict[str, Callable[[], Operation]] = {"decide": Decide, "apply": Apply, "undo": Undo}
SPAWNED = {
    # The next killed run goes on from what a killed one left just as well.
    "score": Job("score", _SCORE, full_run_every=5),
    "train": Job("train", _TRAIN, full_run_every=1),
}

# -- kills -------------------------------------------------------------------------------


def fork(
    root: Path, operation: Operation, *, after: float | None, file_system: str = "rename"
) -> tuple[bool, list[str]]:
    """Run an operation in a child and kill it after some seconds, or let it live with None.

    Args:
        root: the dataset of the project.
        operation: made ready.
        after: seconds from its first step to the kill.
        file_system: one of those of `tests.faults.moving`, which lack this call or that.

    Returns:
        Whether it was still at work, and what it had acknowledged.
    """
    begun, begin = os.pipe()
    heard, say = os.pipe()
    child = os.fork()
    if child == 0:
        for where, name, refusal in lacks(file_system):
            setattr(where, name, refusal)
        _act_and_leave(root, operation, begin, say)
    os.close(begin)
    os.close(say)
    os.read(begun, 1)  # opening the project is no part of the operation
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(heard) as lines:
        acknowledged = lines.read().split("\n")[:-1]
    os.close(begun)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code not in (0, -signal.SIGKILL):
        raise Broken(f"the operation ended with code {code}")
    return code != 0, acknowledged


def _act_and_leave(root: Path, operation: Operation, begin: int, say: int) -> None:
    try:
        project = Project(root)
        os.write(begin, b".")

        def acknowledge(op_id: str) -> None:
            os.write(say, f"{op_id}\n".encode())

        operation.act(project, acknowledge)
    except BaseException:  # noqa: BLE001 - nothing may get past os._exit, or two would go on
        os._exit(1)
    os._exit(0)


def spawn(root: Path, job: Job, *, after: float) -> bool:
    """Run a job, kill its worker after some seconds, and tell whether it was still at work."""
    project = Project(root)
    try:
        worker = job.start(project)
        time.sleep(after)
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
        give_up = time.monotonic() + 60
        while jobs.active(project) is not None:
            if time.monotonic() > give_up:
                raise Broken("a killed worker was not noticed")
            time.sleep(0.02)
        return jobs.recent(project, limit=1)[0].state != "done"
    finally:
        project.store.close()


# -- promises ----------------------------------------------------------------------------


def misrecorded(project: Project, acknowledged: Sequence[str]) -> tuple[int, int]:
    """Return how many acknowledged decisions are not in the log, and how many are there twice."""
    times = Counter(decision.op_id for decision in project.history())
    lost = {op_id for op_id in acknowledged if op_id and not times[op_id]}
    return len(lost), times.total() - len(times)


def check_state(project: Project) -> None:
    """Check the database, the catalogue against the files, features, rounds and models."""
    with sqlite3.connect(project.state / "cleaner.sqlite") as connection:
        verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
    connection.close()
    if verdict != "ok":
        raise Broken(f"the database is damaged: {verdict}")
    for item in project.dataset().items:
        if placing.digest(project.path_of(item)) != item.content_hash:
            raise Broken(f"{item.path} is not the image of the catalogue")
    _check_features(project.state / "cache" / "features")
    _check_results(project)


def _check_features(features: Path) -> None:
    for shard in sorted(features.rglob("*.npz")):
        with np.load(shard, allow_pickle=False) as kept:
            hashes = [entry.decode() for entry in kept["content_hashes"]]
        if len(RowCache(shard.parent).rows(hashes)) != len(hashes):
            raise Broken(f"{shard} holds fewer features than it says")


def _check_results(project: Project) -> None:
    rounds = project.rounds()
    if rounds and len(project.ranking()) != rounds[-1].images:
        raise Broken("a round is there without all of its images")
    for model in project.models():
        _check_model(model)


def _check_model(model: FinalModel) -> None:
    """Check that a model that is listed is whole: all files, as long as they were, and at work."""
    folder = Path(model.folder)
    receipt = json.loads((folder / "receipt.json").read_text("utf-8"))
    if receipt != model.receipt:
        raise Broken(f"the receipt in {folder} is another than the store's")
    for name, size_bytes in receipt["size_bytes"].items():
        if _bytes_in(folder / MODEL_FILES[name]) != size_bytes:
            raise Broken(f"{folder / MODEL_FILES[name]} is not as long as it was")
    classifier = open_classifier(folder)
    blank = np.zeros((classifier.input_side_px, classifier.input_side_px, 3), np.uint8)
    if classifier.predict([blank]).shape != (1, len(model.class_names)):
        raise Broken(f"{folder} does not answer as it should")


def _bytes_in(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def check_no_model_is_hidden(project: Project) -> None:
    """Check that each folder of a model is listed, and that nothing unfinished is left."""
    listed = {model.model_id for model in project.models()}
    there = {folder.name for folder in (project.state / "models").glob("*")}
    if listed != there:
        raise Broken(f"models listed: {sorted(listed)}; in the folder: {sorted(there)}")
