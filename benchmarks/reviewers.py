"""Sixteen reviewers at once on one queue: is each decision there once, and how long it took.

    python -m benchmarks.reviewers                 each a process on the database
    python -m benchmarks.reviewers --app           each a client of one running app
    python -m benchmarks.reviewers --leased        each with what it is handed out
    python -m benchmarks.reviewers --store postgresql://USER@HOST/EMPTY_DATABASE

Nobody pauses between decisions, which no person can do. Every tenth decision is sent twice, as
a browser does that got no answer.
"""

from __future__ import annotations

import argparse
import http.client
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.catalogue import make_up
from cleaner.errors import CleanerError
from cleaner.leasing import Demand
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.ui.registry import key_of

_LOOK = 8  # decisions until a page asks what the queue has become

Decide = Callable[[str, int], None]


def main() -> None:
    """Make the queue up, let them all decide, then read the log."""
    arguments = _arguments()
    if arguments.reviewer is not None:
        _review(arguments)
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        root = Path(folder) / "photos"
        count = arguments.reviewers * arguments.decisions
        make_up(root, arguments.store, images=count, flagged=1.0)
        with _app(root) if arguments.app else nullcontext() as port:
            found, took = _all_at_once(arguments, root, port)
        _tell(root, found, took)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--reviewers", type=int, default=16)
    parser.add_argument("--decisions", type=int, default=1000, help="of each")
    parser.add_argument("--store", metavar="URL", help="PostgreSQL instead of SQLite")
    parser.add_argument("--folder", type=Path, help="where the database is made; on a real disk")
    parser.add_argument("--app", action="store_true", help="through one running app")
    parser.add_argument("--leased", action="store_true", help="from one queue, nobody's images")
    parser.add_argument("--reviewer", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def _all_at_once(
    arguments: argparse.Namespace, root: Path, port: int | None
) -> tuple[list[dict[str, Any]], float]:
    command = [sys.executable, "-m", __spec__.name, "--root", str(root)]
    command += ["--reviewers", str(arguments.reviewers), "--decisions", str(arguments.decisions)]
    command += [] if port is None else ["--port", str(port)]
    command += ["--leased"] if arguments.leased else []
    reviewers = [
        subprocess.Popen(
            [*command, "--reviewer", str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for number in range(arguments.reviewers)
    ]
    for reviewer in reviewers:
        reviewer.stdout.readline()  # type: ignore[union-attr]  # all have loaded
    began = time.perf_counter()
    for reviewer in reviewers:
        reviewer.stdin.close()  # type: ignore[union-attr]
    found = [json.loads(reviewer.stdout.read()) for reviewer in reviewers]  # type: ignore[union-attr]
    return found, time.perf_counter() - began


def _tell(root: Path, found: list[dict[str, Any]], took: float) -> None:
    project = Project(root)
    logged = Counter(decision.op_id for decision in project.history())
    left = len(project.queue())
    project.store.close()
    sent = {op_id for one in found for op_id in one["sent"]}
    waits = np.array([wait for one in found for wait in one["seconds"]]) * 1000
    errors = [error for one in found for error in one["errors"]]
    p50, p99 = np.percentile(waits, [50, 99])
    _say("decisions", f"{len(sent):,} by {len(found)} in {took:.0f} s ({len(sent) / took:.0f}/s)")
    _say("lost", f"{len(sent - logged.keys())}; left in the queue: {left}")
    _say("doubled", f"{sum(count - 1 for count in logged.values())}")
    _say("errors", f"{len(errors)} {errors[:1]}")
    _say("answered", f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, longest {waits.max():.0f} ms")


# -- one reviewer ------------------------------------------------------------------------


def _review(arguments: argparse.Namespace) -> None:
    project = Project(arguments.root)
    mine = _leased(project, arguments) if arguments.leased else _own(project, arguments)
    decide = _in_process(project) if arguments.port is None else _by_http(project, arguments.port)
    sent, seconds, errors = [], [], []
    print("ready", flush=True)  # noqa: T201
    sys.stdin.read()
    for number, item_id in enumerate(mine):
        op_id = f"reviewer-{arguments.reviewer}-{number}"
        for _again in range(2 if number % 10 == 0 else 1):
            began = time.perf_counter()
            try:
                decide(op_id, item_id)
            except (CleanerError, OSError) as error:
                errors.append(str(error))
            seconds.append(time.perf_counter() - began)
        sent.append(op_id)
    print(json.dumps({"sent": sent, "seconds": seconds, "errors": errors}))  # noqa: T201


def _own(project: Project, arguments: argparse.Namespace) -> Iterator[int]:
    """Yield images that no other reviewer looks at, agreed upon before."""
    of_mine = project.ranking()[arguments.reviewer :: arguments.reviewers]
    return iter([item.item_id for item in of_mine])


def _leased(project: Project, arguments: argparse.Namespace) -> Iterator[int]:
    """Yield what a page is handed out, which asks again after each few decisions, to the end."""
    while True:
        handed = project.hand_out(f"reviewer-{arguments.reviewer:03}", Demand(50))
        if not handed.items and not handed.with_others:
            return
        for item in handed.items[:_LOOK]:
            yield item.item_id
        if not handed.items:
            time.sleep(0.1)


def _in_process(project: Project) -> Decide:
    def decide(op_id: str, item_id: int) -> None:
        outcome = project.decide([Request(item_id, "accept", op_id=op_id, seen="")])
        if outcome.rejected:
            raise OSError(outcome.rejected[0].reason)

    return decide


def _by_http(project: Project, port: int) -> Decide:
    address = f"/api/p/{key_of(project.root, project.state)}/decisions"
    browser = http.client.HTTPConnection("127.0.0.1", port)

    def decide(op_id: str, item_id: int) -> None:
        asked = [{"op_id": op_id, "item_id": item_id, "action": "accept", "seen": None}]
        headers = {"Content-Type": "application/json"}
        browser.request("POST", address, json.dumps(asked), headers)
        answer = browser.getresponse()
        body = answer.read()
        if answer.status != http.client.OK or json.loads(body)["recorded"] != [op_id]:
            raise OSError(body.decode())

    return decide


# -- the app -----------------------------------------------------------------------------


@contextmanager
def _app(root: Path) -> Iterator[int]:
    """Run the app as `review` does, and yield its port once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "cleaner", "review", str(root), "--no-browser"]
    app = subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.DEVNULL)
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.2)
        yield port
    finally:
        app.terminate()
        app.wait()


def _say(what: str, words: str) -> None:
    print(f"{what:<12} {words}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
