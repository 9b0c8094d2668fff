"""A real server and a real browser."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from cleaner.project import Project
from cleaner.ui.registry import Registry
from tests.ui.samples import filled_project

REPOSITORY = Path(__file__).parent.parent.parent
# Against what hangs, not against slow machines: an answer is waited for as long as it takes.
START_SECONDS = 120
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)
BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
]


class Server:
    """The app on a port of its own, which can be killed and started again."""

    def __init__(self, home: Path, **named: str) -> None:
        self.home = home
        self._named = {"CLEANER_HOME": str(home)} | named
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true"]
        # It is killed in the end, which leaves no coverage: measuring would only slow it down.
        foreign = ("CLEANER_", "COVERAGE_")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
        with (self.home / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, f"--server.port={self.port}"],
                cwd=REPOSITORY,
                env=environment | self._named,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if time.monotonic() > deadline:
                log_text = (self.home / "server.log").read_text("utf-8", "replace")
                raise TimeoutError(f"The server did not start:\n{log_text}")
            time.sleep(0.1)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def address(self, project: Project, page: str) -> str:
        """Return where the server shows a dataset; it reads the registry's file to find it."""
        key = Registry(self.home).open(project.root, project.state)
        return f"{self.url}/{page}?dataset={key}"

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/_stcore/health")
            return connection.getresponse().status in (200, 401)
        except OSError:
            return False
        finally:
            connection.close()


def find_chromium(playwright: Playwright) -> str | None:
    """Return the browser to test with: named, on PATH, or Playwright's own."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = find_chromium(playwright)
        if chromium is None:
            pytest.skip("No Chromium found; name one in the environment variable CHROMIUM.")
        browser = playwright.chromium.launch(executable_path=chromium, args=BROWSER_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("home"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    context.set_default_timeout(PATIENCE_MS)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    page = context.new_page()
    page.bring_to_front()
    return page


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    project = filled_project(tmp_path, each=15)
    yield project
    project.store.close()


class DeckPage:
    """The review page as a person sees it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.page.goto(url)
        self.wait()

    def wait(self) -> None:
        """Wait until a picture can be decided about."""
        self.page.wait_for_function(SHOWN)

    @property
    def shown(self) -> int:
        """The number of the image on the screen, once it is complete."""
        return int(self.page.wait_for_function(SHOWN).json_value())

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.wait_for_function(SHOWN)
            self.page.keyboard.press(key)

    def wait_saved(self) -> None:
        expect(self.page.locator(".saved[data-state=saved]")).to_be_visible()

    def wait_for(self, item_id: int) -> None:
        self.page.wait_for_function(f"({SHOWN}) === {item_id}")


# The deck lies in a shadow root; 0 while no complete picture is shown. Behind a message, such as
# that the queue is being fetched, the last picture stays where it was, but unseen.
SHOWN = """(() => {
  for (const host of document.querySelectorAll('[data-testid="stBidiComponentIsolated"], *')) {
    const image = host.shadowRoot?.querySelector('.picture img');
    if (!image) continue;
    const isShown = image.complete && image.naturalWidth && image.checkVisibility();
    return isShown ? Number(image.dataset.itemId) : 0;
  }
  return 0;
})()"""
