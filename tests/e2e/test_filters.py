"""What of the queue is looked at survives a reload, and goes with the address."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from cleaner.items import shown_path
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.selection import Selection
from tests.e2e.conftest import DeckPage, Server
from tests.ui.samples import make_images, open_round

BYTES = os.fsdecode(b"caf\xe9")
MARKUP = "<img src=x onerror=document.title=1>"
CLASSES = (MARKUP, BYTES, "\u202eegap", "plain")


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Project]:
    project = Project(make_images(tmp_path / "odd", class_names=CLASSES, each=3))
    project.scan()
    open_round(project)
    yield project
    project.store.close()


def _choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("combobox", name=label, exact=True).click()
    page.get_by_role("option", name=option, exact=True).click()
    page.keyboard.press("Escape")


def test_a_filter_survives_a_reload_until_it_is_cleared(
    page: Page, server: Server, project: Project
) -> None:
    deck = DeckPage(page, server.address(project, "review"))
    _choose(page, "Label", "star")
    expect(page.get_by_text("15 left of 15 that match")).to_be_visible()
    expect(page.locator(".row.current .name")).to_have_text("star")
    deck.press("a", "m")
    deck.wait_saved()
    expect(page.get_by_text("13 left of 15 that match")).to_be_visible()
    page.reload()
    expect(page.get_by_text("13 left of 13 that match")).to_be_visible()
    expect(page.get_by_text("Labelled star")).to_be_visible()
    page.get_by_role("button", name="Clear all").click()
    expect(page.get_by_text("58 left of 60")).to_be_visible()
    expect(page.get_by_text("Labelled star")).to_have_count(0)
    assert "current=" not in page.url


def test_a_filter_goes_with_the_address_to_somebody_else(
    page: Page, server: Server, project: Project, browser: Browser
) -> None:
    page.goto(server.address(project, "review"))
    _choose(page, "Label", "star")
    expect(page).to_have_url(re.compile("current=star"))
    address = page.url
    page.goto("about:blank")  # what one has on the screen is not handed to another
    other = browser.new_context(viewport={"width": 1280, "height": 720})
    visitor = other.new_page()
    visitor.bring_to_front()
    visitor.goto(address)
    expect(visitor.get_by_text("15 left of 15 that match")).to_be_visible(timeout=20_000)
    expect(visitor.get_by_text("Labelled star")).to_be_visible()
    expect(visitor.locator(".row.current .name")).to_have_text("star")
    other.close()


def test_the_next_visit_begins_with_the_filter_of_the_last(
    page: Page, server: Server, project: Project
) -> None:
    address = server.address(project, "review")
    DeckPage(page, f"{address}&suggested=star")
    expect(page.get_by_text("Suggested star")).to_be_visible()
    DeckPage(page, address)
    expect(page.get_by_text("15 left of 15 that match")).to_be_visible()
    page.goto("about:blank")
    DeckPage(page, address)
    expect(page.get_by_text("Suggested star")).to_be_visible()


def test_where_nothing_matches_one_press_shows_the_queue_again(
    page: Page, server: Server, project: Project
) -> None:
    page.goto(f"{server.address(project, 'review')}&text=nowhere")
    expect(page.get_by_text("No image matches")).to_be_visible()
    page.get_by_role("button", name="Clear the filter").click()
    expect(page.get_by_text("60 left of 60")).to_be_visible()


def test_what_matched_and_was_reviewed_is_told_from_no_match(
    page: Page, server: Server, project: Project
) -> None:
    deck = DeckPage(page, f"{server.address(project, 'review')}&text=star/00&order=-file")
    for _image in range(10):
        deck.press("a")
    expect(page.get_by_text("All that match are reviewed")).to_be_visible()
    deck.wait_saved()
    assert len(project.queue()) == 50


def test_what_was_decided_is_shown_and_decided_anew(
    page: Page, server: Server, project: Project
) -> None:
    project.decide([Request(1, "exclude"), Request(2, "move", "star")], reviewer="ann")
    deck = DeckPage(page, f"{server.address(project, 'review')}&reviewer=ann&order=-decided")
    expect(page.locator(".row.current .name")).to_have_text("star")
    expect(page.locator(".reasons")).to_contain_text("Moved here by ann")
    deck.press("a")
    deck.wait_for(1)
    expect(page.locator(".reasons")).to_contain_text("Excluded by ann")
    deck.press("a")
    expect(page.get_by_text("All that match are reviewed")).to_be_visible()
    deck.wait_saved()
    statuses = {item.item_id: item.status for item in project.dataset().items}
    assert (statuses[1], statuses[2]) == ("accepted", "accepted")


@pytest.mark.parametrize("name", CLASSES[:3])
def test_a_hostile_class_is_filtered_by_and_shows_as_text(
    page: Page, server: Server, hostile: Project, name: str
) -> None:
    query = Selection(current=name).url_query()
    DeckPage(page, f"{server.address(hostile, 'review')}&{query}")
    expect(page.get_by_text("3 left of 3 that match")).to_be_visible()
    page.reload()
    expect(page.get_by_text("3 left of 3 that match")).to_be_visible()
    assert page.title() != "1"
    bar = page.locator(".st-key-filters")
    expect(bar.get_by_text(f"Labelled {shown_path(name)}", exact=True)).to_be_visible()
    expect(bar.locator("img")).to_have_count(0)
