"""The review page as a grid, in a browser that times how long a key takes to the next page."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page

from benchmarks.app import VIEWPORT, WAIT_MS, App

# Runs before anything else, so that it sees a key before the grid does. A time is from the key's
# own time stamp to the first task behind the frame in which each picture of the next page was
# complete: a task posted from a frame's callback runs after that frame was drawn.
_WITNESS = """
(() => {
  window.witness = { times: [], unready: 0 };
  localStorage.setItem("cleaner:grid", JSON.stringify({ count: __COUNT__ }));
  localStorage.setItem("cleaner:reviewer", "");
  let cells = null;
  const find = () => {
    if (cells?.isConnected) return cells;
    for (const host of document.querySelectorAll("*")) {
      cells = host.shadowRoot?.querySelector(".cells") ?? null;
      if (cells) return cells;
    }
    return null;
  };
  const complete = (image) => image?.complete && image.naturalWidth > 0;
  const shown = () => {
    const tiles = [...(find()?.querySelectorAll(".tile") ?? [])];
    const all = tiles.length === __COUNT__ &&
      tiles.every((tile) => complete(tile.querySelector("img")));
    return all ? Number(tiles[0].dataset.itemId) : 0;
  };
  window.witness.shown = shown;
  const drawn = (run) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = run;
    channel.port2.postMessage(0);
  };
  window.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    const before = shown();
    if (!before) {
      window.witness.unready += 1;
      return;
    }
    const look = () => {
      const now = shown();
      if (now && now !== before) {
        drawn(() => window.witness.times.push(performance.now() - event.timeStamp));
      } else if (performance.now() - event.timeStamp < 10000) {
        requestAnimationFrame(look);
      }
    };
    requestAnimationFrame(look);
  }, { capture: true });
})();
"""


class GridTab:
    """A tab with the grid of all suspects, and what was seen in it."""

    def __init__(self, page: Page, app: App, *, count: int) -> None:
        self.page = page
        page.set_default_timeout(WAIT_MS)
        page.add_init_script(_WITNESS.replace("__COUNT__", str(count)))
        page.goto(f"{app.url}/review?view=Grid")
        page.get_by_role("tab", name="All suspects").click()
        page.wait_for_function("window.witness.shown()")

    def settle(self, *, pages: int, pause_seconds: float) -> None:
        """Settle so many pages, having looked at each for that long."""
        for _page in range(pages):
            time.sleep(pause_seconds)
            self.page.keyboard.press("Enter")

    def wait_saved(self) -> None:
        """Wait until the server has every decision."""
        self.page.locator(".saved[data-state=saved]").wait_for()

    @property
    def times_ms(self) -> list[float]:
        """From each key to the next page, each picture of it complete and drawn."""
        return [float(time_ms) for time_ms in self.page.evaluate("window.witness.times")]

    @property
    def unready(self) -> int:
        """How many keys came before the page was complete, and so did nothing."""
        return int(self.page.evaluate("window.witness.unready"))


@contextmanager
def grid_tab(browser: Browser, app: App, *, count: int) -> Iterator[GridTab]:
    """Yield the grid in a browser that has nothing cached."""
    context = browser.new_context(viewport=VIEWPORT)
    yield GridTab(context.new_page(), app, count=count)
    context.close()
