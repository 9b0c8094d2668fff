"""Drive the real app in Chromium and write docs/screenshots/*.png, light and dark.

    python scripts/screenshots.py [DATASET]

Without a dataset the demo is made in a temporary folder, scored, reviewed as its truth says,
cleaned, retrained and trained, which takes some minutes; nothing is left behind. A dataset that
is named must be scored already; it is shown as it is and nothing in it is decided.
"""

from __future__ import annotations

import csv
import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from PIL import Image, ImageEnhance, ImageOps
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from cleaner import demo, jobs, opinions  # noqa: E402
from cleaner.project import Project  # noqa: E402
from cleaner.settings import ScoreSettings, TrainSettings  # noqa: E402
from cleaner.store.jobs import Job  # noqa: E402
from cleaner.ui.registry import Registry  # noqa: E402

OUT = REPOSITORY / "docs" / "screenshots"
THEMES = ("light", "dark")
VIEWPORT: ViewportSize = {"width": 1280, "height": 720}
SETTLE_MS = 2500
WAIT_MS = 120_000  # jobs take the processor from the page that shows them
JOB_SECONDS = 1800
# Streamlit holds the place of what it has not loaded yet with skeletons.
DRAWN = "document.querySelectorAll('[data-testid=stSkeleton]').length === 0"
COMPLETE = "image => image.complete && image.naturalWidth > 0"
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]

log = logging.getLogger("screenshots")


@dataclass(frozen=True, slots=True)
class Camera:
    """One tab a theme, all looking at the same server."""

    pages: dict[str, Page]
    url: str
    out: Path

    def shoot(self, name: str, path: str, act: Callable[[Page], None] | None = None) -> None:
        """Open a page in every theme, do something on it, and keep what it looks like."""
        for theme, page in self.pages.items():
            page.bring_to_front()
            page.goto(f"{self.url}/{path}")
            page.get_by_test_id("stMain").wait_for()
            page.wait_for_timeout(SETTLE_MS)
            page.wait_for_function(DRAWN)
            if act is not None:
                act(page)
                page.wait_for_timeout(700)
            page.screenshot(path=str(self.out / f"{name}-{theme}.png"))
            page.goto("about:blank")  # what it has in hand goes to the next one
        log.info("%s", name)


@click.command()
@click.argument("dataset", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--out", default=OUT, type=click.Path(path_type=Path), show_default=True)
def main(dataset: Path | None, out: Path) -> None:
    """Write the screenshots."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="photos-") as home,
        _server(Path(home)) as url,
        _browser() as browser,
    ):
        pages = {theme: _tab(browser, theme) for theme in THEMES}
        camera = Camera(pages, url, out)
        if dataset is None:
            _tell_the_demo(camera, Path(home))
        else:
            key = Registry(Path(home)).open(dataset)
            _shoot_review(camera, key)
            camera.shoot("overview", f"overview?dataset={key}")
            camera.shoot("audits", f"audits?dataset={key}")
            camera.shoot("history", f"history?dataset={key}")
            camera.shoot("model", f"model?dataset={key}")


def _tell_the_demo(camera: Camera, home: Path) -> None:
    """Go the whole way with the demo, from the welcome page to the model."""
    camera.shoot("welcome", "")
    root = home / "digits"
    demo.make(root)
    _plant_copies(root)
    key = Registry(home).open(root)
    project = Project(root)
    camera.shoot("start", f"overview?dataset={key}")
    scoring = jobs.start(project, "score", ScoreSettings().as_json())
    time.sleep(20)
    camera.shoot("scoring", f"overview?dataset={key}")
    _wait(project, scoring)
    _shoot_review(camera, key)
    for page in ("overview", "audits", "classes", "train"):
        camera.shoot(page, f"{page}?dataset={key}")
    _wait(project, jobs.start(project, "map", {}))
    camera.shoot("map", f"map?dataset={key}", _draw_a_line)
    _review_truthfully(camera, project, key)
    camera.shoot("reviewed", f"review?dataset={key}")
    opinions.ask(project.store, np.random.default_rng(0), most=20, asker="Anna")
    camera.shoot("second-opinion", f"review?dataset={key}&view=Second+opinion", _judge_as_ben)
    camera.shoot("history", f"history?dataset={key}")
    _wait(project, jobs.start(project, "round", ScoreSettings().as_json()))
    camera.shoot("second-round", f"overview?dataset={key}")
    camera.shoot("rounds", f"rounds?dataset={key}")
    training = jobs.start(project, "train", TrainSettings(fine_tune_epochs=2).as_json())
    _wait_for_curves(project, training)
    camera.shoot("training", f"model?dataset={key}")
    _wait(project, training)
    camera.shoot("model", f"model?dataset={key}")


def _wait_for_picture(page: Page) -> None:
    page.locator(".picture img").wait_for()


def _press(page: Page, key: str) -> None:
    _wait_for_picture(page)
    page.keyboard.press(key)


def _judge_as_ben(page: Page) -> None:
    """Take another name than who has decided, and say of one image what is wrong with it."""
    page.locator(".who").click()
    page.keyboard.type("Ben")
    page.keyboard.press("Enter")
    _wait_for_picture(page)
    page.wait_for_timeout(1000)
    page.keyboard.press("x")


def _shoot_review(camera: Camera, key: str) -> None:
    review = f"review?dataset={key}"
    camera.shoot("review", review, _wait_for_picture)
    camera.shoot("review-keys", review, lambda page: _press(page, "?"))
    camera.shoot("review-search", review, lambda page: _press(page, "/"))
    camera.shoot("review-grid", f"{review}&view=Grid", _choose_in_grid)


def _choose_in_grid(page: Page) -> None:
    """Take two images out of a page with all suspects, and exclude one."""
    page.get_by_role("tab", name="All suspects").click()
    page.locator(".tile").nth(8).wait_for()
    for place in (3, 6):
        page.locator(".tile").nth(place).click()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("x")


def _draw_a_line(page: Page) -> None:
    """Go round the middle of the map with the mouse button held down."""
    plot = page.locator(".nsewdrag").first
    plot.wait_for()
    box = plot.bounding_box()
    assert box is not None  # noqa: S101 - it was just waited for
    ends = ((0.35, 0.4), (0.5, 0.32), (0.62, 0.45), (0.55, 0.62), (0.4, 0.6), (0.35, 0.4))
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in ends]
    page.mouse.move(*places[0])
    page.mouse.down()
    for x, y in places[1:]:
        page.mouse.move(x, y, steps=8)
    page.mouse.up()
    page.get_by_test_id("stMain").get_by_text("selected:").wait_for()
    page.wait_for_timeout(SETTLE_MS)


def _review_truthfully(camera: Camera, project: Project, key: str) -> None:
    """Settle the whole queue with the keyboard, as somebody would who knows the truth."""
    with (project.state / "truth.csv").open(newline="", encoding="utf-8") as lines:
        truth = {row["content_hash"]: row["true_label"] for row in csv.DictReader(lines)}
    items = {item.item_id: item for item in project.dataset().items}
    page = camera.pages[THEMES[0]]
    page.bring_to_front()
    page.goto(f"{camera.url}/review?dataset={key}")
    # Images drawn at random come up among the suspects, so the page says which one is next.
    for item_id in _shown(page):
        true_label = truth.get(items[item_id].content_hash, items[item_id].current_label)
        if true_label == items[item_id].current_label:
            page.keyboard.press("a")
        else:
            page.keyboard.press("/")
            page.keyboard.type(true_label)
            page.keyboard.press("Enter")
    page.locator(".saved[data-state=saved]").wait_for()


def _shown(page: Page) -> Iterator[int]:
    """Yield the number of each image that comes up, once it can be decided about."""
    picture, end = page.locator(".picture img"), page.get_by_text("All suspects are reviewed")
    before, deadline = 0, time.monotonic() + WAIT_MS / 1000
    while not end.is_visible():
        if time.monotonic() > deadline:
            raise TimeoutError(f"No other image came up after the one with number {before}.")
        ready = picture.is_visible() and picture.evaluate(COMPLETE)
        item_id = int(picture.get_attribute("data-item-id") or 0) if ready else before
        if item_id != before:
            page.wait_for_timeout(60)
            before, deadline = item_id, time.monotonic() + WAIT_MS / 1000
            yield item_id
        page.wait_for_timeout(20)


def _wait(project: Project, job: Job) -> None:
    deadline = time.monotonic() + JOB_SECONDS

    def watch(_job: Job) -> None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"The job takes more than {JOB_SECONDS} seconds.")

    jobs.follow(project, job, watch)


def _plant_copies(root: Path) -> None:
    """Put changed copies of some digits beside them, so that the audits have something to say."""
    for name in ("three", "seven", "nine"):
        original = sorted((root / name).glob("*.jpg"))[5]
        with Image.open(original) as picture:
            ImageOps.mirror(picture).save(root / name / "mirrored.jpg")
            picture.crop((3, 2, 117, 118)).save(root / name / "cropped.jpg")
            ImageEnhance.Brightness(picture).enhance(0.25).save(root / name / "dark.jpg")


def _wait_for_curves(project: Project, job: Job) -> None:
    while job.active and len(job.curves.get("loss", ())) < 6:
        time.sleep(0.5)
        job = jobs.get(project, job.job_id)


def _tab(browser: Browser, theme: str) -> Page:
    is_dark = theme == "dark"
    context = browser.new_context(viewport=VIEWPORT, color_scheme="dark" if is_dark else "light")
    # Otherwise each picture would show the question for it.
    context.add_init_script("localStorage.setItem('cleaner:reviewer', 'Anna')")
    context.set_default_timeout(WAIT_MS)
    return context.new_page()


@contextmanager
def _browser() -> Iterator[Browser]:
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def _server(home: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CLEANER_")}
    process = subprocess.Popen(
        [*command, f"--server.port={port}"],
        cwd=REPOSITORY,
        env=environment | {"CLEANER_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for_port(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _wait_for_port(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


if __name__ == "__main__":
    main()
