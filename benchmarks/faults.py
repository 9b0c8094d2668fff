"""Kill Cleaner at random moments and see that nothing is lost, and move files there and back.

    python -m benchmarks.faults --kills 200 --operation decide,apply,undo --seed 1
    python -m benchmarks.faults --kills 20 --operation score,train
    python -m benchmarks.faults --apply-undo 10000

Each kill is a SIGKILL at a random moment of the operation, on a small made-up project. After it
the project is opened, which recovers it, and these must hold: each image's content is there as
often as before; each acknowledged decision is in the log, and none is there twice; the database is
sound; the catalogue names the place of each image; features can be read; the same operation then
succeeds. Ends with code 1 if anything did not. `--folder /dev/shm` is quicker than a disk and tells
as much: a kill is no power cut.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import kills
from benchmarks.kills import FORKED, SPAWNED, Broken, Job, Operation
from cleaner.errors import CleanerError
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.store import catalogue

OPERATIONS = (*FORKED, *SPAWNED)
_FILE_SYSTEMS = ("rename", "claim", "copy")
_KILLS_A_PROJECT = 40  # a log that grows without end would make the operation slower and slower


@dataclass(slots=True)
class Tally:
    """What came of the kills of one operation.

    Attributes:
        operation: its name.
        seconds: how long it takes undisturbed.
        kills: how many times it was started and killed.
        hit: kills that came while it was at work.
        lost: contents that were gone, and acknowledged decisions.
        doubled: contents that were there once more than before, and decisions.
        broken: what else did not hold, in words.
    """

    operation: str
    seconds: float
    kills: int = 0
    hit: int = 0
    lost: int = 0
    doubled: int = 0
    broken: list[str] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        return not (self.lost or self.doubled or self.broken)


def main(words: list[str] | None = None) -> int:
    """Do what the command line says and return its exit code."""
    arguments = _arguments(words)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        if arguments.apply_undo:
            _say(apply_and_undo(Path(folder) / "photos", arguments.apply_undo))
            return 0
        tallies = []
        for name in arguments.operation.split(","):
            home = Path(folder) / name
            home.mkdir()
            tallies.append(kill(name, arguments.kills, arguments.seed, home))
            _say(_line(tallies[-1]))
    _say(table(tallies))
    return 0 if all(tally.is_sound for tally in tallies) else 1


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--kills", type=int, default=100, help="of each operation")
    parser.add_argument("--operation", default=",".join(OPERATIONS), help="some, with commas")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where the projects are made")
    parser.add_argument("--apply-undo", type=int, metavar="FILES", help="no kills: there and back")
    return parser.parse_args(words)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def table(tallies: list[Tally]) -> str:
    """Return the tallies as Markdown, and below it what did not hold."""
    columns = "operation | it takes, s | kills | while at work | lost | doubled | not recovered"
    lines = [f"| {columns} |", "|---|---|---|---|---|---|---|", *map(_line, tallies)]
    return "\n".join([*lines, *(line for tally in tallies for line in tally.broken)])


def _line(tally: Tally) -> str:
    counts = (tally.kills, tally.hit, tally.lost, tally.doubled, len(tally.broken))
    return f"| {tally.operation} | {tally.seconds:.2f} | {' | '.join(map(str, counts))} |"


# -- kills -------------------------------------------------------------------------------


def kill(name: str, count: int, seed: int, home: Path) -> Tally:
    """Kill one operation so many times, on projects made in `home`."""
    rng = random.Random(f"{name} {seed}")  # noqa: S311 - moments, not secrets
    run = _kill_job if name in SPAWNED else _kill_forked
    with _fresh(home / "measured" / "photos") as (root, _given):
        tally = Tally(name, _seconds(name, root, rng))
    for start in range(0, count, _KILLS_A_PROJECT):
        with _fresh(home / str(start) / "photos") as (root, given):
            victim = _Victim(root, given, tally, rng)
            for _ in range(min(_KILLS_A_PROJECT, count - start)):
                tally.kills += 1
                try:
                    run(victim)
                except (Broken, CleanerError) as error:
                    tally.broken.append(f"{name}, kill {tally.kills}: {error}")
                    break  # what is broken would be found again after each further kill
    return tally


@contextmanager
def _fresh(root: Path) -> Iterator[tuple[Path, Counter[str]]]:
    yield root, kills.make(root)


@dataclass(frozen=True, slots=True)
class _Victim:
    root: Path
    given: Counter[str]
    tally: Tally
    rng: random.Random

    def delay(self) -> float:
        return self.rng.uniform(0, 1.05 * self.tally.seconds)

    def check(self, acknowledged: list[str], again: Callable[[Project], None] | None) -> None:
        """Open the project and check every promise, before and after the operation is repeated."""
        project = Project(self.root)
        try:
            self._count(project, acknowledged)
            kills.check_state(project)
            if again is not None:
                again(project)
                self._count(project, acknowledged)
                kills.check_state(project)
        finally:
            project.store.close()

    def _count(self, project: Project, acknowledged: list[str]) -> None:
        there = kills.contents(self.root)
        lost, doubled = kills.misrecorded(project, acknowledged)
        lost += (self.given - there).total()
        doubled += (there - self.given).total()
        self.tally.lost += lost
        self.tally.doubled += doubled
        if lost or doubled:
            raise Broken(f"{lost} images or decisions lost, {doubled} there once more")


def _seconds(name: str, root: Path, rng: random.Random) -> float:
    """Return how long the operation takes when nobody kills it."""
    project = Project(root)
    try:
        if name in SPAWNED:
            SPAWNED[name].wake()
            began = time.perf_counter()
            SPAWNED[name].finish(project)
            return time.perf_counter() - began
        operation = FORKED[name]()
        operation.prepare(project, rng)
    finally:
        project.store.close()
    began = time.perf_counter()
    kills.fork(root, operation, after=None)
    return time.perf_counter() - began


def _kill_forked(victim: _Victim) -> None:
    operation: Operation = FORKED[victim.tally.operation]()
    project = Project(victim.root)
    operation.prepare(project, victim.rng)
    project.store.close()
    was_hit, acknowledged = kills.fork(
        victim.root,
        operation,
        after=victim.delay(),
        file_system=victim.rng.choice(_FILE_SYSTEMS),
    )
    victim.tally.hit += was_hit
    victim.check(acknowledged, operation.finish)


def _kill_job(victim: _Victim) -> None:
    job: Job = SPAWNED[victim.tally.operation]
    project = Project(victim.root)
    job.prepare(project, victim.rng)
    project.store.close()
    victim.tally.hit += kills.spawn(victim.root, job, after=victim.delay())
    is_full = victim.tally.kills % job.full_run_every == 0
    victim.check([], job.finish if is_full else None)


# -- there and back ----------------------------------------------------------------------


def apply_and_undo(root: Path, files: int) -> str:
    """Move so many files by decisions, take them back, and say how long it took.

    Raises:
        Broken: something is not byte for byte what it was.
    """
    _write_files(root, files)
    project = Project(root)
    before = kills.tree(root)
    with project.store.read() as connection:
        items = catalogue.all_items(connection)
    names = project.class_names()
    requests = [_elsewhere(item.item_id, item.current_label, names) for item in items]
    project.decide(requests)
    began = time.perf_counter()
    moved = len(project.apply().moved)
    applied = time.perf_counter()
    if moved < len(before) or set(kills.tree(root)) == set(before):
        raise Broken(f"only {moved} moves for {len(before)} files")
    undone_from = time.perf_counter()
    project.undo(last=len(requests))
    undone = time.perf_counter()
    project.store.close()
    if kills.tree(root) != before:
        raise Broken("names, contents, modes or times are not what they were")
    return (
        f"{len(before):,} files: {moved:,} moves applied in {applied - began:.1f} s, taken back in "
        f"{undone - undone_from:.1f} s; names, contents, modes and times (ns) are as before"
    )


def _elsewhere(item_id: int, label: str, names: tuple[str, ...]) -> Request:
    if item_id % 5 == 0:
        return Request(item_id, "exclude")
    return Request(item_id, "move", names[(names.index(label) + 1) % len(names)])


def _write_files(root: Path, files: int) -> None:
    kills.make(root, images_per_class=-(-files // 3) - 1)
    for number, path in enumerate(sorted(root.rglob("*.png"))):
        path.chmod((0o644, 0o640, 0o600, 0o444)[number % 4])
    for path in sorted(root.rglob("*5.png")):
        path.rename(path.with_name(f"é {path.name}"))
    project = Project(root)
    project.scan()
    project.store.close()


if __name__ == "__main__":
    sys.exit(main())
