"""The app on a port of its own, a browser in front of it, and what that browser witnesses."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

VIEWPORT: ViewportSize = {"width": 1280, "height": 720}
WAIT_MS = 60_000
_START_SECONDS = 60
_FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
]

# Runs in each page before anything else, so that it sees a key before the deck does.
#
# A time is from the key's own time stamp, which the browser gives it on arrival, to the first
# task behind the frame in which the next image was complete: a task posted from a frame's
# callback runs after that frame was drawn.
_WITNESS = """
(() => {
  const outlives = __OUTLIVES__;
  const keys = JSON.parse((outlives && localStorage.getItem("witness")) || "[]");
  window.witness = { keys, times: [], slowest: [] };
  let picture = null;
  const find = () => {
    if (picture?.isConnected) return picture;
    for (const host of document.querySelectorAll("*")) {
      picture = host.shadowRoot?.querySelector(".picture") ?? null;
      if (picture) return picture;
    }
    return null;
  };
  const shown = () => {
    const image = find()?.querySelector("img");
    const isSeen = image?.complete && image.naturalWidth && !image.closest("[hidden]");
    return isSeen ? Number(image.dataset.itemId) : 0;
  };
  window.witness.shown = shown;
  const drawn = (run) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = run;
    channel.port2.postMessage(0);
  };
  window.addEventListener("keydown", (event) => {
    const before = shown();
    keys.push([event.key, before]);
    if (outlives) localStorage.setItem("witness", JSON.stringify(keys));
    if (!before) return;
    const look = () => {
      const now = shown();
      if (now && now !== before) {
        drawn(() => window.witness.times.push(performance.now() - event.timeStamp));
      } else if (now !== before || performance.now() - event.timeStamp < 10000) {
        requestAnimationFrame(look);
      }
    };
    requestAnimationFrame(look);
  }, { capture: true });
  const first = () => {
    if (shown()) drawn(() => { window.witness.opened = performance.now(); });
    else requestAnimationFrame(first);
  };
  requestAnimationFrame(first);
  // The browser's own measure, until the frame is on the screen; in steps of 8 ms.
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry.name === "keydown") window.witness.slowest.push(entry.duration);
    }
  }).observe({ type: "event", durationThreshold: 16, buffered: true });
})();
"""


class App:
    """Cleaner as `review` starts it, on one dataset; it can be killed and started again."""

    def __init__(self, root: Path) -> None:
        self._root = root
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = int(free.getsockname()[1])
        self.url = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "cleaner", "review", str(self._root), "--no-browser"]
        home = {"CLEANER_HOME": str(self._root.parent / "home")}
        self._process = subprocess.Popen(
            [*command, "--port", str(self._port)],
            env=os.environ | home,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise SystemExit(f"{self._root}: the app does not start; see `cleaner review`.")
            time.sleep(0.1)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def megabytes(self) -> float:
        """Return the memory that is the process's own, without files that are mapped."""
        if self._process is None:
            return 0.0
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.split("RssAnon:")[1].split()[0]) / 1024

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
        except OSError:
            return False
        return True


@contextmanager
def running(root: Path) -> Iterator[App]:
    """Yield the app on this dataset."""
    app = App(root)
    app.start()
    try:
        yield app
    finally:
        app.kill()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield the browser that CHROMIUM names, that is on PATH, or Playwright's own."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=_FLAGS)
        yield browser
        browser.close()


class Tab:
    """A tab with the review page, and what was seen in it.

    Args:
        outlives: whether the next tab of the same browser goes on with the list of keys.
    """

    def __init__(self, page: Page, app: App, *, outlives: bool = False) -> None:
        self.page = page
        page.set_default_timeout(WAIT_MS)
        page.add_init_script(_WITNESS.replace("__OUTLIVES__", str(outlives).lower()))
        page.goto(f"{app.url}/review")
        page.wait_for_function("window.witness?.opened")

    @property
    def opened_ms(self) -> float:
        """From the navigation to the first complete image."""
        return float(self._witness("opened"))

    @property
    def keys(self) -> list[tuple[str, int]]:
        """Each key, and the complete image it was pressed for, or 0."""
        return [(key, item_id) for key, item_id in self._witness("keys")]

    @property
    def times_ms(self) -> list[float]:
        """From each key to the next image complete and drawn."""
        return list(self._witness("times"))

    @property
    def slow_ms(self) -> list[float]:
        """How long those keys took to the screen that took 16 ms or more, by the browser."""
        return list(self._witness("slowest"))

    def press(self, keys: Iterator[str], *, times: int, every: Callable[[], float]) -> None:
        """Press keys, a pause of `every()` seconds apart, whatever is on the screen."""
        for _time in range(times):
            began = time.monotonic()
            self.page.keyboard.press(next(keys))
            time.sleep(max(0.0, every() - (time.monotonic() - began)))

    def wait_saved(self) -> None:
        """Wait until the server has every decision."""
        self.page.locator(".saved[data-state=saved]").wait_for()

    def _witness(self, name: str) -> Any:
        return self.page.evaluate(f"window.witness.{name}")


@contextmanager
def tab(browser: Browser, app: App) -> Iterator[Tab]:
    """Yield the review page in a browser that has nothing cached."""
    context = browser.new_context(viewport=VIEWPORT)
    yield Tab(context.new_page(), app)
    context.close()


def steady(a_second: float) -> Callable[[], float]:
    """Return pauses of one length."""
    return lambda: 1 / a_second


def human(seed: int = 0) -> Callable[[], float]:
    """Return pauses of 120 to 400 ms, at random: somebody who knows the classes well."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    return lambda: chance.uniform(0.12, 0.4)
