"""A catalogue of a million images: how long pages and decisions take, and how much memory.

    python -m benchmarks.catalogue
    python -m benchmarks.catalogue --store postgresql://USER@HOST/EMPTY_DATABASE
    python -m benchmarks.catalogue --own-server --queue-only --images 10000000

The rows are made up; there are no image files. A process of its own then does what the app does:
it answers the review deck, and draws overview and review page. Prints one line a measurement.
`--own-server` starts a PostgreSQL server for this alone and ends it afterwards; `--queue-only`
stops behind the pages of the queue.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, overload

import numpy as np

from cleaner.decisions import Decision
from cleaner.items import Finding, ScannedFile
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.selection import QUEUE, Selection
from cleaner.settings import ScoreSettings
from cleaner.signals import SIGNALS
from cleaner.store import catalogue, decisions, findings, selected
from cleaner.store.bulk import add_rows
from cleaner.store.opening import open_round
from cleaner.store.tables import decisions as log
from cleaner.store.tables import items
from tests.postgres import Server

_CLASSES = [f"class {number:03d}" for number in range(100)]
_SIGNALS = [name for name in SIGNALS if name != "self_confidence"]
_BATCH = 100_000
_FLAGGED = 0.1
_DECIDED = 100_000


def main() -> None:
    """Make the rows up, then measure in a fresh process."""
    arguments = _arguments()
    if arguments.measure:
        _measure(arguments.measure, arguments.repeats, queue_only=arguments.queue_only)
        return
    if arguments.open_round:
        _open_another(arguments.open_round, arguments.images)
        return
    with (
        _store(arguments) as store,
        tempfile.TemporaryDirectory(dir=arguments.folder) as folder,
    ):
        root = Path(folder) / "photos"
        make_up(root, store, images=arguments.images)
        command = [sys.executable, "-m", __spec__.name, "--measure", str(root)]
        command += ["--repeats", str(arguments.repeats)]
        subprocess.run([*command, *["--queue-only"] * arguments.queue_only], check=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--store", metavar="URL", help="PostgreSQL instead of SQLite")
    parser.add_argument("--own-server", action="store_true", help="start one for this alone")
    parser.add_argument("--queue-only", action="store_true", help="load, and pages of the queue")
    parser.add_argument("--folder", type=Path, help="where the database is made; on a real disk")
    parser.add_argument("--repeats", type=int, default=1000)
    parser.add_argument("--open-round", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


@contextmanager
def _store(arguments: argparse.Namespace) -> Iterator[str | None]:
    """Yield where the rows are kept; None is SQLite."""
    if not arguments.own_server:
        yield arguments.store
        return
    server = Server.start(parent=arguments.folder, durable=True)
    if server is None:
        raise SystemExit("No PostgreSQL server can be started: install postgresql.")
    try:
        yield server.new_url()
        _size(server)
    finally:
        server.stop()


def _size(server: Server) -> None:
    ((taken,),) = server.run(server.url, "SELECT pg_database_size(current_database())")
    _say("database", f"{int(str(taken)) / 1e9:.1f} GB")


# -- making up ---------------------------------------------------------------------------


def make_up(root: Path, store: str | None, *, images: int, flagged: float = _FLAGGED) -> None:
    """Fill a dataset's database with rows as a scan, a round and a review would have."""
    for name in _CLASSES:
        (root / name).mkdir(parents=True)
    project = Project(root, store=store)
    seconds = _add(project, images)
    _say("images added", f"{images:,} in {seconds:.1f} s, {images / seconds:,.0f} a second")
    began = time.perf_counter()
    _open_round(project, images, int(images * flagged))
    seconds = time.perf_counter() - began
    _say("round opened", f"{seconds:.1f} s, {images / seconds:,.0f} images a second")
    began = time.perf_counter()
    _decide(project, min(_DECIDED, int(images * (1 - flagged) / 2)))
    _say("decisions made up", f"{time.perf_counter() - began:.1f} s")
    with project.store.write() as connection:
        found = [Finding("near_duplicate", (f"{n}.jpg",), "info", "Alike.") for n in range(50_000)]
        findings.replace_all(connection, found, found_by="scan")
    project.store.close()


def _add(project: Project, images: int) -> float:
    """Add images in one transaction, as a scan does; return seconds without the making up."""
    seconds = 0.0
    with project.store.write() as connection:
        catalogue.set_classes(connection, _CLASSES)
        for start in range(0, images, _BATCH):
            files = [_file(number) for number in range(start, min(start + _BATCH, images))]
            split = [(file, start + n, "train") for n, file in enumerate(files)]
            began = time.perf_counter()
            catalogue.add_items(connection, split)  # type: ignore[arg-type]
            seconds += time.perf_counter() - began
        began = time.perf_counter()  # what is left is the commit
    return seconds + time.perf_counter() - began


def _file(number: int) -> ScannedFile:
    name = _CLASSES[number % len(_CLASSES)]
    content_hash = hashlib.sha256(str(number).encode()).hexdigest()
    return ScannedFile(
        path=f"{name}/photograph-{number:07d}.jpg",
        class_name=name,
        content_hash=content_hash,
        perceptual_hash=(content_hash * 5)[:280],
        width=640,
        height=480,
        byte_size=50_000,
        mtime_ns=1_700_000_000_000_000_000 + number,
    )


def _open_round(project: Project, images: int, flagged: int) -> None:
    values = {
        "model_id": "made-up",
        "images": images,
        "flagged": flagged,
        "accuracy": 0.9,
        "seconds": {"features": 0.0, "training": 0.0, "total": 0.0},
        "settings": ScoreSettings().as_json(),
        "started_at": "2026-01-01T00:00:00.000+00:00",
    }
    open_round(project.store, values, _Ranking(images, flagged))


class _Ranking(Sequence[dict[str, Any]]):
    """A made-up ranking, whose rows are made when they are asked for: all would fill the memory."""

    def __init__(self, images: int, flagged: int) -> None:
        rng = np.random.default_rng(0)
        self._order = rng.permutation(images)
        self._signals = {name: rng.random(images).round(4) for name in _SIGNALS}
        self._flagged = flagged

    def __len__(self) -> int:
        return len(self._order)

    @overload
    def __getitem__(self, place: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, place: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, place: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        if isinstance(place, slice):
            return [self._row(position) for position in range(*place.indices(len(self)))]
        return self._row(place)

    def _row(self, position: int) -> dict[str, Any]:
        item = int(self._order[position])
        return {
            "item_id": item + 1,
            "position": position,
            "suggested_label": _CLASSES[(item + 1) % len(_CLASSES)],
            "self_confidence": 0.1,
            "suggested_confidence": 0.5 + 0.5 * position % 97 / 97,
            "label_quality": position / len(self),
            "flagged": position < self._flagged,
            "reasons": ["Looks like class 001 (80%), not like class 000 (10%)"],
            "reason_kinds": ("rival", "torn", "rival views")[position % 3],
            "signals": {name: float(said[position]) for name, said in self._signals.items()},
        }


def _decide(project: Project, count: int) -> None:
    """Log decisions on images outside the queue, as earlier rounds would have left them."""
    with project.store.write() as connection:
        add_rows(connection, log, list(_made_decisions(count)))
        status = items.update().where(items.c.item_id <= count, items.c.queue_position.is_(None))
        connection.execute(status.values(status="accepted"))


def _made_decisions(count: int) -> Iterator[dict[str, object]]:
    for number in range(count):
        label = _CLASSES[number % len(_CLASSES)]
        made = Decision(f"made-up-{number}", number + 1, "accept", label, label, "", "2026", None)
        yield {name: getattr(made, name) for name in Decision.__slots__}


# -- measuring ---------------------------------------------------------------------------


def _measure(root: Path, repeats: int, *, queue_only: bool) -> None:
    began = time.perf_counter()
    project = Project(root)
    _say("dataset opened", f"{(time.perf_counter() - began) * 1000:.0f} ms")
    few = max(5, repeats // 50)
    places = np.random.default_rng(1).integers(0, project.rounds()[-1].flagged // 2, repeats)
    _time("queue page, 50 images", lambda n: project.queue(after=int(places[n]), limit=50), repeats)
    if not queue_only:
        _more(project, repeats, few)
    memory = Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]
    _say("memory of this process at most", f"{int(memory) / 1024:.0f} MB")


def _more(project: Project, repeats: int, few: int) -> None:
    """Time decisions, what is asked for by choice, and pages as they are drawn."""
    _selections(project, few)
    waiting = project.queue(limit=repeats)
    _time(
        "one decision", lambda n: project.decide([Request(waiting[n].item_id, "accept")]), repeats
    )
    _time("undo of one", lambda _: project.undo(), few)
    _time("history, 50 decisions", lambda _: _standing(project), repeats)
    _time("status", lambda _: project.status(), few)
    _time("plan of moves", lambda _: project.plan_moves(), few)
    _over_http(project, repeats)
    _pages(project, few)
    _while_a_round_is_opened(project)


def _selections(project: Project, few: int) -> None:
    """Time a page, the count and the pairs of what a reviewer may ask for."""
    wanted = {
        "a class": Selection(current=_CLASSES[5]),
        "a pair": Selection(current=_CLASSES[5], suggested=_CLASSES[6]),
        "a reason": Selection(reason="torn"),
        "a file": Selection(text="0123"),
        "by entropy": Selection(order="entropy"),
        "accepted": Selection(status="accepted"),
        "any, a class": Selection(status="any", current=_CLASSES[5]),
        "any, by entropy": Selection(status="any", order="entropy"),
    }
    for name, selection in wanted.items():
        _time(f"page of {name}", partial(_selected, project, selection), few)
        _time(f"count of {name}", partial(_counted, project, selection), few)
    _time("pairs of the queue", lambda _: project.pairs(QUEUE, limit=200), few)


def _selected(project: Project, selection: Selection, _number: int) -> None:
    project.selected(selection, limit=50)


def _counted(project: Project, selection: Selection, _number: int) -> None:
    with project.store.read() as connection:
        selected.count(connection, selection)


def _while_a_round_is_opened(project: Project) -> None:
    """Decide in this process while another opens a round, as a worker does."""
    waiting = project.queue(limit=100_000)
    images = project.status()["images"]
    command = [sys.executable, "-m", __spec__.name, "--open-round", str(project.root)]
    opener = subprocess.Popen([*command, "--images", str(images)])
    seconds: list[float] = []
    while opener.poll() is None and len(seconds) < len(waiting):
        began = time.perf_counter()
        project.decide([Request(waiting[len(seconds)].item_id, "accept")])
        seconds.append(time.perf_counter() - began)
        time.sleep(0.02)
    opener.wait()
    p50, p99 = np.percentile(seconds, [50, 99]) * 1000
    words = f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {max(seconds) * 1000:.0f} ms"
    _say(f"{len(seconds):,} decisions meanwhile", words)


def _open_another(root: Path, images: int) -> None:
    project = Project(root)
    began = time.perf_counter()
    _open_round(project, images, int(images * _FLAGGED))
    _say("another round opened", f"{time.perf_counter() - began:.1f} s")
    project.store.close()


def _standing(project: Project) -> None:
    with project.store.read() as connection:
        decisions.standing(connection, limit=50)


def _over_http(project: Project, repeats: int) -> None:
    from starlette.applications import Starlette
    from starlette.testclient import TestClient

    from cleaner.ui import routes
    from cleaner.ui.registry import Registry

    registry = Registry(project.state / "home")
    key = registry.open(project.root)
    client = TestClient(Starlette(routes=routes.routes(registry)))
    waiting = project.queue(limit=repeats)

    def decide(number: int) -> None:
        asked = {"op_id": f"http-{number:08d}", "action": "accept"}
        asked["item_id"] = waiting[number].item_id  # type: ignore[assignment]
        client.post(f"/api/p/{key}/decisions", content=json.dumps([asked]), headers=_HEADERS)

    _time("GET queue", lambda _: client.get(f"/api/p/{key}/queue?limit=50"), repeats)
    _time("POST decision", decide, repeats)


_HEADERS = {"Content-Type": "application/json"}


def _pages(project: Project, few: int) -> None:
    from streamlit.testing.v1 import AppTest

    os.environ["CLEANER_HOME"] = str(project.state)
    for page in ("overview", "review"):
        known = {"root": str(project.root), "name": page}
        test = AppTest.from_function(_page, default_timeout=60, kwargs=known)

        def draw(_number: int, test: AppTest = test) -> None:
            if test.run().exception:
                raise SystemExit(test.exception[0].message)

        draw(0)  # loads what is needed for it
        _time(f"{page} page drawn", draw, few)


def _page(root: str, name: str) -> None:
    """Draw one page; Streamlit runs this text alone, hence the imports."""
    import importlib
    from pathlib import Path

    from cleaner.ui.registry import shared

    key = shared().open(Path(root))
    room = importlib.import_module(f"cleaner.ui.pages.{name}")
    middle = (key,) if name == "review" else ()
    room.draw(shared().get(key), *middle, lambda _page: None)


def _time(what: str, action: Callable[[int], object], repeats: int) -> None:
    seconds = []
    for number in range(repeats):
        began = time.perf_counter()
        action(number)
        seconds.append(time.perf_counter() - began)
    p50, p99 = np.percentile(seconds, [50, 99]) * 1000
    _say(what, f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {max(seconds) * 1000:.1f} ms")


def _say(what: str, words: str) -> None:
    print(f"{what:<32} {words}", flush=True)  # noqa: T201


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
