"""What Cleaner writes besides moves and exports, killed at each call that it makes for it.

    python -m tests.faults.working WORK FOLDER STEP

does a work of `WORKS` on a copy of a small dataset, each time killed STEP calls later (1: at every
SQL statement, commit and system call), until it gets through alive. After each kill the dataset is
opened, the work's promise must hold, and the work, done again, must end as it would have without
the kill. Prints the number of kills.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from itertools import count
from pathlib import Path
from typing import Protocol

import numpy as np

from cleaner import rescoring
from cleaner.cache import RowCache
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.store.models import FinalModel
from cleaner.store.opening import open_round
from tests.faults.failing import Failing
from tests.pictures import write_dataset, write_image
from tests.ranking import VALUES

ALL_IN_HERE = ("",)
_REQUESTS = tuple(
    Request(item_id, action, label, op_id=f"op-{item_id}")  # type: ignore[arg-type]
    for item_id, action, label in ((1, "move", "dog"), (2, "exclude", None), (3, "accept", None))
)


class Work(Protocol):
    """Something that is written; nothing of it is kept in the object between calls."""

    def prepare(self, project: Project) -> None:
        """Bring about what it works on."""

    def act(self, project: Project) -> None:
        """Do it, or what is left of it."""

    def check(self, project: Project) -> None:
        """Assert what holds at any moment."""

    def check_done(self, project: Project) -> None:
        """Assert what holds once it was done, however often it was begun."""


class Scan:
    """New pictures, one that has moved and one that is gone."""

    def prepare(self, project: Project) -> None:
        write_image(project.root / "dog" / "new.png", seed=99)
        (project.root / "cat" / "0.png").rename(project.root / "dog" / "moved.png")
        (project.root / "dog" / "1.png").unlink()

    def act(self, project: Project) -> None:
        project.scan()

    def check(self, project: Project) -> None:
        paths = [item.path for item in project.dataset().items]
        assert len(paths) == len(set(paths)), paths

    def check_done(self, project: Project) -> None:
        there = {path.relative_to(project.root).as_posix() for path in project.root.rglob("*.png")}
        assert {item.path for item in project.dataset().items} == there


class Decide:
    """A decision a transaction, as the page sends them; those acknowledged stand in a file."""

    def prepare(self, project: Project) -> None:
        (project.state / "acknowledged").touch()

    def act(self, project: Project) -> None:
        with (project.state / "acknowledged").open("a", encoding="ascii") as file:
            for request in _REQUESTS:
                for op_id in project.decide([request]).recorded:
                    file.write(f"{op_id}\n")
                    file.flush()

    def check(self, project: Project) -> None:
        acknowledged = (project.state / "acknowledged").read_text("ascii").split()
        logged = [decision.op_id for decision in project.history()]
        assert len(logged) == len(set(logged)), logged
        assert set(acknowledged) <= set(logged) <= {request.op_id for request in _REQUESTS}
        _check_items_follow_the_log(project)

    def check_done(self, project: Project) -> None:
        assert len(project.history()) == len(_REQUESTS)
        self.check(project)


class Undo:
    """Decisions that were carried out are taken back, files and all."""

    def prepare(self, project: Project) -> None:
        project.decide(_REQUESTS)
        project.apply()

    def act(self, project: Project) -> None:
        project.undo_all()
        project.apply()  # brings home what a killed undo took back in the log only

    def check(self, project: Project) -> None:
        undone = [decision.undoes for decision in project.history() if decision.undoes]
        assert len(undone) == len(set(undone)), undone

    def check_done(self, project: Project) -> None:
        items = project.dataset().items
        assert {item.status for item in items} == {"unreviewed"}
        assert all((project.root / item.path).is_file() for item in items)
        assert all(item.path.split("/")[0] == item.given_label for item in items)


class OpenRound:
    """A second round follows a first one."""

    def prepare(self, project: Project) -> None:
        open_round(project.store, _values("first"), _ranking(project, first=1))

    def act(self, project: Project) -> None:
        open_round(project.store, _values("second"), _ranking(project, first=2))

    def check(self, project: Project) -> None:
        latest = project.rounds()[-1]
        expected = {"first": 1, "second": 2}[latest.model_id]
        assert [entry.item_id for entry in project.queue()][:1] == [expected]
        assert len(project.ranking()) == len(project.dataset().items)

    def check_done(self, project: Project) -> None:
        assert project.rounds()[-1].model_id == "second"
        self.check(project)


class Features:
    """Two batches of features that a backbone computed."""

    def prepare(self, project: Project) -> None:
        pass

    def act(self, project: Project) -> None:
        for batch in range(2):
            cache = RowCache(project.state / "cache" / "features")
            hashes = _hashes(batch)
            cache.add([name for name in hashes if name not in cache], _rows(batch))

    def check(self, project: Project) -> None:
        cache = RowCache(project.state / "cache" / "features")
        for batch in range(2):
            known = [name in cache for name in _hashes(batch)]
            assert all(known) or not any(known)
            if all(known):
                assert np.array_equal(cache.rows(_hashes(batch)), _rows(batch))

    def check_done(self, project: Project) -> None:
        assert _hashes(0)[0] in RowCache(project.state / "cache" / "features")
        self.check(project)


class KeepRanking:
    """What the ranking follows decisions with, put in the place of that of the round before."""

    def prepare(self, project: Project) -> None:
        from tests.rescoring.rounds import solved_round

        written = rescoring.write(project.state, solved_round().kept)
        rescoring.publish(written, project.state, 1)

    def act(self, project: Project) -> None:
        kept = self._kept(project, 1) or self._kept(project, 2)
        if kept is not None:  # else it cannot be read just now
            rescoring.publish(rescoring.write(project.state, kept), project.state, 2)

    def check(self, project: Project) -> None:
        assert self._kept(project, 1) or self._kept(project, 2)

    def check_done(self, project: Project) -> None:
        kept = self._kept(project, 2)
        assert kept is not None
        assert np.isfinite(kept.fitted).all()

    def _kept(self, project: Project, number: int) -> rescoring.Kept | None:
        return rescoring.read(project.state, number, "2026-01-01T00:00:00+00:00")


class PlaceModel:
    """A finished model gets its place and its row in the store."""

    def prepare(self, project: Project) -> None:
        pass

    def act(self, project: Project) -> None:
        if project.models():
            return  # nobody trains again what is there
        from cleaner.learning.workshop import Workshop

        workshop = Workshop(project, "key")
        if workshop.finished is not None:
            workshop.close()
            return
        workshop.shipped.mkdir()
        (workshop.shipped / "model.tflite").write_bytes(b"a network")
        workshop.place(FinalModel("", "none", ["cat", "dog"], "", {}, {}, "2026"))

    def check(self, project: Project) -> None:
        for model in project.models():
            assert (Path(model.folder) / "model.tflite").read_bytes() == b"a network"

    def check_done(self, project: Project) -> None:
        (model,) = project.models()
        folders = {folder.name for folder in (project.state / "models").glob("[!.]*")}
        assert folders == {model.model_id}
        self.check(project)


WORKS: dict[str, Work] = {
    "scan": Scan(),
    "decide": Decide(),
    "undo": Undo(),
    "open a round": OpenRound(),
    "keep features": Features(),
    "keep the ranking": KeepRanking(),
    "place a model": PlaceModel(),
}


def make(root: Path, work: Work) -> None:
    """Write a scanned dataset on which the work is to be done."""
    project = Project(write_dataset(root, {"cat": 2, "dog": 2}))
    project.scan()
    work.prepare(project)
    project.store.close()


def main(name: str, folder: Path, step: int) -> None:
    work = WORKS[name]
    make(folder / "template" / "photos", work)
    for kills, number in enumerate(count(1, step)):
        root = folder / str(number) / "photos"
        shutil.copytree(folder / "template", root.parent)
        child = os.fork()
        if child == 0:
            _act_and_die(root, work, at=number)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code in (0, -signal.SIGKILL), code
        _survive(root, work, was_killed=code != 0)
        shutil.rmtree(root.parent)
        if code == 0:
            print(kills)  # noqa: T201
            return


def _act_and_die(root: Path, work: Work, *, at: int) -> None:
    try:
        project = Project(root)
        with Failing(at, None, rooms=ALL_IN_HERE).installed(statements=True):
            work.act(project)
    except BaseException:  # noqa: BLE001 - nothing may get past os._exit, or two would go on
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


def _survive(root: Path, work: Work, *, was_killed: bool) -> None:
    project = Project(root)
    try:
        work.check(project)
        if was_killed:
            work.act(project)
        work.check_done(project)
    finally:
        project.store.close()


def _check_items_follow_the_log(project: Project) -> None:
    logged = {decision.item_id: decision for decision in project.history()}
    status = {"move": "moved", "exclude": "excluded", "accept": "accepted"}
    for item in project.dataset().items:
        decision = logged.get(item.item_id)
        assert item.status == ("unreviewed" if decision is None else status[decision.action])
        assert item.current_label == (decision.label_after if decision else item.given_label)


def _values(model_id: str) -> dict[str, object]:
    return VALUES | {"model_id": model_id, "images": 4, "flagged": 3}


def _ranking(project: Project, *, first: int) -> list[dict[str, object]]:
    ids = sorted(item.item_id for item in project.dataset().items)
    return [
        {
            "item_id": item_id,
            "position": position,
            "suggested_label": "cat",
            "self_confidence": 0.1,
            "suggested_confidence": 0.9,
            "label_quality": 0.1,
            "flagged": position < 3,
            "reasons": [],
        }
        for position, item_id in enumerate(ids[first - 1 :] + ids[: first - 1])
    ]


def _hashes(batch: int) -> list[str]:
    return [f"{batch:032d}{number:032d}" for number in range(3)]


def _rows(batch: int) -> np.ndarray:
    return np.arange(12, dtype=np.float32).reshape(3, 4) + 100 * batch


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
