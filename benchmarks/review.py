"""What a reviewer feels: from a key to the next image, and whether every decision arrives.

    python -m benchmarks.review
    python -m benchmarks.review --only keys,opening
    python -m benchmarks.review --quick

A real Chromium in front of the real app, on made-up photos whose ranking follows the decisions.
A time is from the time stamp of a key to the frame with the next image, complete and drawn; the
pauses are those of somebody quick. Prints one table as Markdown, and ends with code 1 if a
decision was lost or doubled, or a name made the browser ask another server for something.
"""

from __future__ import annotations

import argparse
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser

from benchmarks import rescore
from benchmarks.app import App, Tab, chromium, human, running, steady, tab
from benchmarks.grid import grid_tab
from benchmarks.tables import markdown
from cleaner import demo
from cleaner.project import Project
from cleaner.settings import ScoreSettings
from cleaner.store import rounds

CLASSES = 10
_WIDTH = 1281  # of one network's features, and the constant
_PHOTOS = 48  # different ones; a file system takes only so many names of one file
_MEDIAN_MS, _HIGH_MS = 16, 50
_PAGE, _PAGE_MS = 48, 150
_OPENING_MS = 2000
_GROWTH_MB = 50
_HOSTILE = ("<img src=http://elsewhere.example/x>", "![x](http:\\\\elsewhere.example\\x.png)")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `holds` is False where a promise was broken, not where it is slow."""

    what: str
    seen: str
    wanted: str
    holds: bool = True


@dataclass(frozen=True, slots=True)
class Course:
    """How long everything goes on.

    Attributes:
        images: in the queue of most scenarios.
        many: in that of the large one.
        keys: pressed for each time.
        pages: of the grid, settled in all.
        shown: images until the memory is read for the last time.
    """

    images: int = 10_000
    many: int = 100_000
    keys: int = 400
    pages: int = 60
    shown: int = 5_000


QUICK = Course(images=400, many=1_000, keys=20, pages=3, shown=60)


@dataclass(frozen=True, slots=True)
class Desk:
    """A dataset, the app on it, and a browser."""

    project: Project
    app: App
    browser: Browser
    course: Course


Scenario = Callable[[Desk], Iterator[Row]]


def main(words: Sequence[str] | None = None) -> int:
    """Play the scenarios, print the table, and return the exit code."""
    arguments = _arguments(words)
    course = QUICK if arguments.quick else Course()
    wanted = arguments.only.split(",") if arguments.only else [*SCENARIOS, *LARGE]
    lines: list[Row] = []
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder, chromium() as browser:
        for images, scenarios in ((course.images, SCENARIOS), (course.many, LARGE)):
            chosen = [scenario for name, scenario in scenarios.items() if name in wanted]
            if chosen:
                with _desk(Path(folder) / str(images), images, browser, course) as desk:
                    lines += [_told(row) for scenario in chosen for row in scenario(desk)]
    cells = [(row.what, row.seen, row.wanted) for row in lines]
    print(markdown(("", "seen", "wanted"), cells))  # noqa: T201
    return 0 if all(row.holds for row in lines) else 1


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    known = ", ".join([*SCENARIOS, *LARGE])
    parser.add_argument("--only", metavar="NAMES", help=f"with commas between: {known}")
    parser.add_argument("--quick", action="store_true", help="few images and keys, to see it run")
    parser.add_argument("--folder", type=Path, help="where all is made; on a real disk")
    return parser.parse_args(words)


def _told(row: Row) -> Row:
    print(f"{row.what}: {row.seen}", file=sys.stderr, flush=True)  # noqa: T201
    return row


# -- how quick it is ---------------------------------------------------------------------


def keys_idle(desk: Desk) -> Iterator[Row]:
    """Time keys while the machine does nothing else."""
    yield _timed(desk, "alone on the machine")


def keys_training(desk: Desk) -> Iterator[Row]:
    """Time keys while a round trains in a process of its own."""
    with _training(desk.project.root.parent / "digits"):
        yield _timed(desk, "while a round trains")


def _timed(desk: Desk, how: str) -> Row:
    with tab(desk.browser, desk.app) as page:
        page.press(itertools.repeat("a"), times=desk.course.keys, every=human())
        page.wait_saved()
        times, slow = np.array(page.times_ms), page.slow_ms
        waited = sum(not item_id for _key, item_id in page.keys)
    middle, high = np.percentile(times, [50, 95])
    # Keys that the browser does not name were on the screen within 16 ms.
    on_screen = np.percentile([*slow, *[16.0] * (len(times) - len(slow))], 95)
    seen = (
        f"median {middle:.1f} ms, 95% within {high:.1f} ms; on the screen 95% within "
        f"{on_screen:.0f} ms; {waited} of {len(times) + waited} keys came before the picture"
    )
    what = f"key to next image, {_size(desk)}, {how}"
    return Row(what, seen, f"median {_MEDIAN_MS} ms, 95% within {_HIGH_MS} ms")


def grid_pages(desk: Desk) -> Iterator[Row]:
    """Time how soon the next page of the grid is there, after a look and in a hurry."""
    for how, pause_seconds in (("after 2 s each", 2.0), ("after 0.7 s each", 0.7)):
        before = _logged(desk)
        pages = desk.course.pages // 2 + 1
        with grid_tab(desk.browser, desk.app, count=_PAGE) as page:
            page.settle(pages=pages, pause_seconds=pause_seconds)
            time.sleep(2 * pause_seconds)
            page.wait_saved()
            times, unready = page.times_ms, page.unready
        middle, high = np.percentile(times, [50, 95])
        arrived = _logged(desk) - before
        seen = (
            f"median {middle:.0f} ms, 95% within {high:.0f} ms; {unready} of {pages} keys came "
            f"before the pictures; {arrived:,} decisions for {_PAGE * (pages - unready):,} images"
        )
        what = f"key to next page of {_PAGE}, {_size(desk)}, {how}"
        holds = arrived == _PAGE * (pages - unready)
        yield Row(what, seen, f"median {_PAGE_MS} ms", holds)


def opening(desk: Desk) -> Iterator[Row]:
    """Time the way from the address to the first image, each time with nothing cached."""
    times = []
    for _time in range(3):
        with tab(desk.browser, desk.app) as page:
            times.append(page.opened_ms)
    seen = f"{_median(times):.0f} ms, the slowest of three {max(times):.0f} ms"
    yield Row(f"address to first image, {_size(desk)}", seen, f"{_OPENING_MS} ms")


def memory(desk: Desk) -> Iterator[Row]:
    """Read the server's memory while a person goes through thousands of images."""
    shown = desk.course.shown
    figures = []
    with tab(desk.browser, desk.app) as page:
        # What is loaded with the first decisions is there for good.
        for images in (shown // 10, *[shown // 5] * 4, shown // 10):
            page.press(itertools.repeat("a"), times=images, every=steady(30))
            page.wait_saved()
            figures.append(desk.app.megabytes())
    course = ", ".join(f"{figure:.0f}" for figure in figures)
    seen = f"{course} MB after a tenth, then every fifth of {shown:,} images"
    yield Row("memory of the server", seen, f"grows by less than {_GROWTH_MB} MB, then stays")


# -- whether everything arrives ----------------------------------------------------------


def burst(desk: Desk) -> Iterator[Row]:
    """Press 200 keys, 20 a second."""
    before = _logged(desk)
    with tab(desk.browser, desk.app) as page:
        page.press(itertools.cycle("aaxs"), times=200, every=steady(20))
        page.wait_saved()
        yield _arrived(desk, "200 keys, 20 a second", page.keys, before)


def server_killed(desk: Desk) -> Iterator[Row]:
    """Kill the server between keys, go on typing, and start it again."""
    before = _logged(desk)
    with tab(desk.browser, desk.app) as page:
        for act in (desk.app.kill, desk.app.start, lambda: None):
            page.press(itertools.cycle("axs"), times=20, every=steady(12))
            act()
        page.wait_saved()
        yield _arrived(desk, "server killed amid keys", page.keys, before)


def tab_closed(desk: Desk) -> Iterator[Row]:
    """Close the tab right behind a key, and open another one."""
    before = _logged(desk)
    context = desk.browser.new_context()
    for _tab in range(3):
        page = Tab(context.new_page(), desk.app, outlives=True)
        page.press(itertools.cycle("asx"), times=15, every=steady(20))
        page.page.close()
    page = Tab(context.new_page(), desk.app, outlives=True)
    page.wait_saved()
    keys = page.keys
    context.close()
    yield _arrived(desk, "tab closed amid keys, three times", keys, before)


def hostile_names(desk: Desk) -> Iterator[Row]:
    """Show names that look like markup, and note whom the browser asks."""
    root = desk.project.root.parent / "hostile"
    for name in _HOSTILE:
        (root / name).mkdir(parents=True)
        for number, photo in enumerate(_photos(3)):
            photo.save(root / name / f"<img src='http:~elsewhere.example~{number}'>{name[:3]}.jpg")
    project = Project(root)
    project.scan()
    _open_round(project)
    asked: list[str] = []
    with running(root) as app:
        context = desk.browser.new_context()
        context.on("request", lambda request: asked.append(request.url))
        page = Tab(context.new_page(), app)
        for key in ("/", "Escape", "?", "Escape", "m", "z", "u", "a", "1"):
            page.page.keyboard.press(key)
        page.wait_saved()
        context.close()
    project.store.close()
    foreign = [url for url in asked if not url.startswith((app.url, "data:", "blob:"))]
    seen = f"{len(foreign)} of {len(asked)} requests leave this server"
    yield Row("names that look like markup", seen, "0", not foreign)


def _arrived(desk: Desk, what: str, keys: Sequence[tuple[str, int]], before: int) -> Row:
    """Compare the log with the image that was complete on the screen at each key."""
    pressed = Counter(item_id for _key, item_id in keys if item_id)
    log = desk.project.history(limit=_logged(desk) - before)
    logged = Counter(decision.item_id for decision in log)
    lost, more = pressed - logged, logged - pressed
    twice = sum(count - 1 for count in logged.values())
    seen = (
        f"{pressed.total()} of {len(keys)} keys on a complete picture; {lost.total()} lost, "
        f"{twice} doubled, {more.total()} about another image"
    )
    holds = not (lost or more or twice)
    return Row(what, seen, "each once, about the image shown", holds)


def _logged(desk: Desk) -> int:
    return len(desk.project.history())


def _size(desk: Desk) -> str:
    return f"queue of {rounds_flagged(desk.project):,}"


def rounds_flagged(project: Project) -> int:
    """Return how many images the latest round put up for review."""
    return project.rounds()[-1].flagged


def _median(values: Sequence[float]) -> float:
    return float(np.median(values))


SCENARIOS: dict[str, Scenario] = {
    "opening": opening,
    "grid": grid_pages,
    "keys": keys_idle,
    "training": keys_training,
    "burst": burst,
    "kill": server_killed,
    "tab": tab_closed,
    "memory": memory,
    "names": hostile_names,
}
LARGE: dict[str, Scenario] = {
    "opening-large": opening,
    "keys-large": keys_idle,
}


# -- what is needed for it ---------------------------------------------------------------


@contextmanager
def _desk(folder: Path, images: int, browser: Browser, course: Course) -> Iterator[Desk]:
    folder.mkdir()
    kept, probs = rescore.made_up_round(images, CLASSES, _WIDTH)
    # Everything is put up for review, so that the queue is as long as it can be.
    everything = np.sort(np.concatenate([kept.doubted, kept.trusted]))
    kept = replace(
        kept,
        standard=replace(kept.standard, cut=1.0),
        doubted=everything,
        trusted=np.zeros(0),
    )
    project = rescore.made_up_project(folder, kept, probs)
    _link_thumbnails(project)
    with running(project.root) as app:
        yield Desk(project, app, browser, course)
    project.store.close()


def _link_thumbnails(project: Project) -> None:
    """Put a picture where the app keeps those it made, for each image and size of the deck."""
    photos = list(_photos(_PHOTOS))
    for side_px, quality in ((960, 85), (160, 80)):
        home = project.state / "cache" / "thumbs" / str(side_px)
        home.mkdir(parents=True)
        originals = [home / f".{number}.jpg" for number in range(_PHOTOS)]
        for photo, original in zip(photos, originals, strict=True):
            photo.thumbnail((side_px, side_px))
            photo.save(original, quality=quality)
        for item in project.dataset().items:
            place = home / item.content_hash[:2] / f"{item.content_hash}.jpg"
            place.parent.mkdir(exist_ok=True)
            os.link(originals[item.item_id % _PHOTOS], place)


def _photos(count: int) -> Iterator[Image.Image]:
    """Yield pictures that take about as long to decode as photographs do."""
    rng = np.random.default_rng(0)
    for _number in range(count):
        coarse = rng.integers(0, 256, (45, 60, 3), dtype=np.uint8)
        photo = Image.fromarray(coarse).resize((960, 720), Image.Resampling.BICUBIC)
        grain = rng.normal(0, 6, (720, 960, 3))
        yield Image.fromarray((np.asarray(photo) + grain).clip(0, 255).astype(np.uint8))


def _open_round(project: Project) -> None:
    items, names = project.dataset().items, project.class_names()
    ranking = [
        {
            "item_id": item.item_id,
            "position": position,
            "suggested_label": next(name for name in names if name != item.current_label),
            "self_confidence": 0.1,
            "suggested_confidence": 0.8,
            "label_quality": position / len(items),
            "flagged": True,
            "reasons": [f"Looks like {item.path}"],
        }
        for position, item in enumerate(items)
    ]
    values = {
        "model_id": "made-up",
        "images": len(items),
        "flagged": len(items),
        "accuracy": 0.9,
        "seconds": {},
        "settings": ScoreSettings().as_json(),
        "started_at": "2026-01-01T00:00:00.000+00:00",
    }
    with project.store.write() as connection:
        rounds.open_round(connection, values, ranking)


@contextmanager
def _training(root: Path) -> Iterator[None]:
    """Score the demo again and again, as `score` does, until the block ends."""
    demo.make(root)
    ends = threading.Event()
    running_now: list[subprocess.Popen[bytes]] = []

    def train() -> None:
        for seed in itertools.count():
            if ends.is_set():
                return
            command = [sys.executable, "-m", "cleaner", "score", str(root), "--seed", str(seed)]
            process = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            running_now.append(process)
            process.wait()

    thread = threading.Thread(target=train)
    thread.start()
    try:
        yield
    finally:
        ends.set()
        running_now[-1].send_signal(signal.SIGINT)
        thread.join()


if __name__ == "__main__":
    sys.exit(main())
