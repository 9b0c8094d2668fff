"""Names of files and classes are text, whatever they look like."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from cleaner.project import Project
from tests.e2e.conftest import DeckPage, Server
from tests.ui.samples import make_images, open_round, place_on_map

MARKUP = "<img src=x onerror=document.title=1>"
# Browsers read a backslash in an address as a slash, which no file name can hold.
MARKDOWN = r"![x](http:\\evil.example\x.png) **bold** :red[a] $x$"
ENTITIES = "<img src=http:&#47;&#47;evil.example&#47;x>"
HOSTILE = (MARKUP, MARKDOWN, ENTITIES, "`tick` [a](b)", "\u202egpj.evil", "plain")


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Project]:
    root = make_images(tmp_path / "![](x) <b>data", class_names=HOSTILE, each=2)
    for name in HOSTILE:
        (root / name / "000.jpg").rename(root / name / "<script>alert(1)<~script>.jpg")
        (root / name / "![a](b).jpg").write_bytes(b"no picture")
    project = Project(root)
    project.scan()
    open_round(project)
    place_on_map(project)
    yield project
    project.store.close()


def test_hostile_names_show_as_text_and_fetch_nothing(
    page: Page, server: Server, hostile: Project
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    deck = DeckPage(page, server.address(hostile, "review"))
    expect(page.locator(".row.current .name")).to_have_text(
        next(iter(hostile.queue(limit=1))).current_label
    )
    deck.press("a", "a", "m", "x")
    deck.wait_saved()
    page.goto(f"{server.address(hostile, 'review')}&view=Grid")
    page.locator(".tile").first.wait_for()
    page.get_by_role("tab", name="All suspects").click()
    page.locator(".tile").nth(3).wait_for()
    for key in ("ArrowRight", "x", "z", "z", "/", "Escape", "Enter"):
        page.keyboard.press(key)
        page.wait_for_timeout(400)
    deck.wait_saved()
    for name in ("overview", "map", "history", "train", "model"):
        page.goto(server.address(hostile, name))
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_text("![](x) <b>data")).to_be_visible()
        expect(
            page.locator("[data-testid=stApp][data-test-script-state=notRunning]")
        ).to_be_visible()

    assert page.title() != "1"
    assert page.locator("main img").count() == 0
    allowed = (server.url, "data:", "blob:")
    assert [url for url in asked if not url.startswith(allowed)] == []
