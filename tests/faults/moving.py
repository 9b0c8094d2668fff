"""A small dataset with its catalogue, on which moves are tried; and a process to kill.

    python -m tests.faults.moving MODE TEMPLATE CASES ELSEWHERE

copies TEMPLATE/photos to CASES/1, CASES/2, ... and TEMPLATE/state to ELSEWHERE/1, ..., and in
each applies the decisions in a process that is killed at the first, second, ... checkpoint,
until one gets through alive.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cleaner import moves
from cleaner.decisions import Decision, FileMove, Plan
from cleaner.items import Item, ScannedFile
from cleaner.moves import Applied, Places, applying, checkpoints, placing
from cleaner.store import Store, catalogue, decisions
from cleaner.store import moves as journal

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - wanted because it is another device, and fast
OLD_NS = 1_500_000_000_123_456_789  # a modification time that no move may change


class Bench:
    """A dataset in a folder, opened; every method is a few lines over the real rooms."""

    def __init__(self, folder: Path, elsewhere: Path | None = None) -> None:
        self.folder = folder
        self.places = Places(folder / "photos", (elsewhere or folder) / "state" / "quarantine")
        self.places.dataset.mkdir(parents=True, exist_ok=True)
        self.places.state.mkdir(parents=True, exist_ok=True)
        self.store = Store(self.places.state / "cleaner.sqlite")
        self._ops = 0

    def add(self, files: Mapping[str, bytes]) -> None:
        """Write files and catalogue them, as a first scan would."""
        for path, content in files.items():
            self.write(path, content)
        scanned = [(_scanned(path, content), 0, "train") for path, content in files.items()]
        with self.store.write() as connection:
            catalogue.add_items(connection, scanned)  # type: ignore[arg-type]

    def write(self, path: str, content: bytes) -> Path:
        """Write a file that the catalogue does not know."""
        file = self.places.dataset / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(0o640)
        os.utime(file, ns=(OLD_NS, OLD_NS))
        return file

    def items(self) -> tuple[Item, ...]:
        with self.store.read() as connection:
            return catalogue.all_items(connection)

    def decide(self, item: Item, action: str, label: str | None = None) -> None:
        """Record one decision; `label` is the class to move to."""
        self._ops += 1
        decision = Decision(
            op_id=f"{os.urandom(4).hex()}-{self._ops}",
            item_id=item.item_id,
            action=action,  # type: ignore[arg-type]
            label_before=item.current_label,
            label_after=label or item.current_label,
            reviewer="",
            decided_at="2024-01-01T00:00:00Z",
        )
        with self.store.write() as connection:
            decisions.record(connection, decision)

    def move(self, path: str, label: str) -> None:
        self.decide(self.at(path), "move", label)

    def exclude(self, path: str) -> None:
        self.decide(self.at(path), "exclude")

    def at(self, path: str) -> Item:
        return next(item for item in self.items() if item.path == path)

    def undecide(self) -> None:
        """Give every image its given label back."""
        for item in self.items():
            self.decide(item, "move", item.given_label)

    def plan(self) -> Plan:
        items = self.items()
        with self.store.read() as connection:
            done = journal.done(connection)
        return moves.plan(items, done, self.places)

    def apply(self, report: Callable[[int, int, str], None] | None = None) -> Applied:
        return moves.run(self.store, self.places, self.plan(), report=report)

    def recover(self) -> tuple[FileMove, ...]:
        return moves.recover(self.store, self.places)

    def unsettled(self) -> list[FileMove]:
        with self.store.read() as connection:
            return journal.unsettled(connection)

    def files(self) -> set[str]:
        """Return all files of both places, temporary ones too."""
        return set(self.tree())

    def tree(self) -> dict[str, tuple[str, int, int]]:
        """Return hash, mode and modification time of all files of both places."""
        roots = {"": self.places.dataset, "quarantine/": self.places.quarantine}
        return {
            prefix + file.relative_to(root).as_posix(): _facts(file)
            for prefix, root in roots.items()
            for file in root.rglob("*")
            if file.is_symlink() or file.is_file()
        }

    def check_sound(self, *, besides: Iterable[str] = ()) -> None:
        """Assert that each image lies where the catalogue says, once, and nothing else does."""
        tree = self.tree()
        expected = {
            ("quarantine/" if item.quarantined else "") + item.path: item.content_hash
            for item in self.items()
        }
        assert set(tree) == {*expected, *besides}
        assert {path: tree[path][0] for path in expected} == expected

    def check_applied(self) -> None:
        """Assert that the class folders match the decisions."""
        for item in self.items():
            assert item.quarantined == (item.status == "excluded")
            assert item.quarantined or item.path.split("/")[0] == item.current_label


def _scanned(path: str, content: bytes) -> ScannedFile:
    return ScannedFile(
        path=path,
        class_name=path.split("/")[0],
        content_hash=hashlib.sha256(content).hexdigest(),
        perceptual_hash="",
        width=1,
        height=1,
        byte_size=len(content),
        mtime_ns=OLD_NS,
    )


def _facts(file: Path) -> tuple[str, int, int]:
    found = file.lstat()
    return hashlib.sha256(file.read_bytes()).hexdigest(), found.st_mode, found.st_mtime_ns


class Crash(BaseException):
    """Ends a move like a kill: nobody catches it."""


class CrashAt:
    """Stops the world at the n-th checkpoint; after that nothing gets past another one."""

    def __init__(self, number: int) -> None:
        self._left = number

    def __call__(self, _name: str) -> None:
        self._left -= 1
        if self._left <= 0:
            raise Crash


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Stands in for a system call that the file system does not have."""

    code: int

    def __call__(self, *_names: Path) -> None:
        raise OSError(self.code, os.strerror(self.code))


# What each kind of file system lacks: (where, name, errno). The first one lacks nothing.
MODES: dict[str, Sequence[tuple[object, str, int]]] = {
    "rename": (),
    "claim": ((placing, "_rename_exclusive", errno.EINVAL),),
    "copy": ((placing, "rename_new", errno.EXDEV),),
    "two devices": (),
    "two devices, no links": ((Path, "hardlink_to", errno.EPERM),),
}


def lacks(mode: str) -> list[tuple[object, str, Callable[..., None]]]:
    """Return what to set, and where, so that the file system is of that kind."""
    return [(where, name, _Refusal(code)) for where, name, code in MODES[mode]]


def main(mode: str, template: Path, cases: Path, elsewhere: Path) -> None:
    for where, name, refusal in lacks(mode):
        setattr(where, name, refusal)
    applying._BATCH_MOVES = 2  # so that kills also fall between batches
    case = 0
    is_killed = True
    while is_killed:
        case += 1
        shutil.copytree(template / "photos", cases / str(case) / "photos")
        shutil.copytree(template / "state", elsewhere / str(case) / "state")
        child = os.fork()
        if child == 0:
            _apply_and_die(cases / str(case), elsewhere / str(case), at=case)
        is_killed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def _apply_and_die(folder: Path, elsewhere: Path, *, at: int) -> None:
    passed = 0

    def count(_name: str) -> None:
        nonlocal passed
        passed += 1
        if passed == at:
            os.kill(os.getpid(), signal.SIGKILL)

    bench = Bench(folder, elsewhere)
    checkpoints.on_reach = count
    bench.apply()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], *map(Path, sys.argv[2:5]))
