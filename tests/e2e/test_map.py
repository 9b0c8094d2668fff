"""A line around points of the map, in a real browser."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page, expect

from cleaner.project import Project
from cleaner.selection import Selection
from tests.e2e.conftest import SHOWN, Server
from tests.ui.samples import place_on_map


def _drawn(page: Page, url: str, points: int) -> Locator:
    page.goto(url)
    # The plot's script is large, and loaded only now.
    expect(page.locator(".scatterlayer .point")).to_have_count(points, timeout=40_000)
    plot = page.locator(".nsewdrag").first
    expect(plot).to_be_visible()
    return plot


def _draw_a_line(page: Page, plot: Locator, upto: float) -> None:
    """Go round the upper part of the plot with the button held down."""
    box = plot.bounding_box()
    assert box is not None
    left, right = box["x"] + 3, box["x"] + box["width"] - 3
    top, bottom = box["y"] + 3, box["y"] + upto * box["height"]
    page.mouse.move(left, top)
    page.mouse.down()
    for x, y in ((right, top), (right, bottom), (left, bottom), (left, top)):
        page.mouse.move(x, y, steps=5)
    page.mouse.up()


def test_a_line_around_images_brings_exactly_these_up(
    server: Server, page: Page, project: Project
) -> None:
    place_on_map(project)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    count = len(project.dataset().items)
    plot = _drawn(page, server.address(project, "map"), count)
    _draw_a_line(page, plot, upto=0.5)
    words = page.get_by_text(re.compile(r"^\d+ images selected"))
    expect(words).to_be_visible(timeout=40_000)
    selected = int(words.inner_text().split()[0])
    assert 0 < selected < count

    page.get_by_role("button", name=f"Review these {selected}").click()
    page.wait_for_url(re.compile(r"/review\?.*picked="))
    query = {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}
    found = project.selected(Selection.of_query(query)).items
    # The grid is filled row by row from below: those above are the last numbers.
    numbers = sorted(item.item_id for item in project.dataset().items)
    assert sorted(item.item_id for item in found) == numbers[-selected:]
    shown = page.wait_for_function(SHOWN, timeout=40_000).json_value()
    assert shown in numbers[-selected:]
    expect(page.get_by_text("Picked on the map")).to_be_visible()
    allowed = (server.url, "data:", "blob:")
    assert [url for url in asked if not url.startswith(allowed)] == []


def test_a_point_tells_its_file_and_labels(server: Server, page: Page, project: Project) -> None:
    place_on_map(project)
    _drawn(page, server.address(project, "map"), len(project.dataset().items))
    box = page.locator(".scatterlayer .point").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 30, box["y"] + 30)
    page.mouse.move(box["x"] + 4, box["y"] + 4, steps=4)
    hover = page.locator(".hoverlayer")
    expect(hover).to_contain_text("circle/000.jpg")
    expect(hover).to_contain_text("looks like: square")
