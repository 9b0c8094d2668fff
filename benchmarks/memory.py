"""The server's memory over many rounds in one session of the app.

    python -m benchmarks.memory

A real Chromium in front of the real app, on the demo: some decisions by key, then the button
*Clean and retrain*, which a worker of its own answers, and the next. Prints the memory of the
server after each round, and by how much it has grown since the second.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.app import App, Tab, chromium, running, steady, tab
from cleaner import demo, jobs
from cleaner.project import Project
from cleaner.settings import ScoreSettings

_SETTINGS = ScoreSettings(("efficientnet_lite0",), views=1)
_KEYS = 4
_ROUND_MS = 600_000
_WANTED = "under 5%"


def main(words: Sequence[str] | None = None) -> None:
    """Go round and round, and print a line each time."""
    arguments = _arguments(words)
    with (
        tempfile.TemporaryDirectory(dir=arguments.folder, ignore_cleanup_errors=True) as folder,
        chromium() as browser,
    ):
        root = Path(folder) / "demo"
        demo.make(root)
        _first_round(root)
        with running(root) as app, tab(browser, app) as page:
            figures = [_round(app, page, number) for number in range(2, arguments.rounds + 2)]
    growth = figures[-1] / figures[min(1, len(figures) - 1)] - 1
    print(f"from the second round to the last: {growth:+.1%} (wanted: {_WANTED})")  # noqa: T201


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--folder", type=Path, help="where all is made; on a real disk")
    return parser.parse_args(words)


def _first_round(root: Path) -> None:
    project = Project(root)
    job = jobs.start(project, "score", _SETTINGS.as_json())
    jobs.follow(project, job, lambda _job: None)
    project.store.close()


def _round(app: App, page: Tab, number: int) -> float:
    """Decide, go round, and return the server's memory in MB once the new queue is shown."""
    page.press(iter("m" * _KEYS), times=_KEYS, every=steady(4))
    page.wait_saved()
    page.page.get_by_role("button", name="Clean and retrain").click()
    page.page.get_by_text(f"Round {number}", exact=True).wait_for(timeout=_ROUND_MS)
    page.page.wait_for_function("window.witness.shown() > 0")
    found = app.megabytes()
    print(f"round {number - 1}: {found:.0f} MB", flush=True)  # noqa: T201
    return found


if __name__ == "__main__":
    sys.exit(main())
