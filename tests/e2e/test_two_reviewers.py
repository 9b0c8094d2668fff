"""Two browsers on one queue: names, and no image decided twice without a notice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from cleaner.project import Project
from cleaner.recording import Request
from tests.e2e.conftest import PATIENCE_MS, SHOWN, DeckPage, Server


@pytest.fixture
def other(browser: Browser) -> Iterator[BrowserContext]:
    """Another person's browser."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    context.set_default_timeout(PATIENCE_MS)
    yield context
    context.close()


def give_name(page: Page, name: str) -> None:
    page.get_by_label("Your name, for the log").fill(name)
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".who")).to_have_text(name)


def test_a_name_is_asked_once_and_goes_into_the_log(
    page: Page, server: Server, project: Project
) -> None:
    deck = DeckPage(page, server.address(project, "review"))
    give_name(page, "Anna <b>Ü</b>")
    deck.press("a")
    deck.wait_saved()
    page.reload()
    deck.wait()
    expect(page.get_by_label("Your name, for the log")).to_be_hidden()
    page.locator(".who").click()
    page.keyboard.type("Ben")
    page.keyboard.press("Enter")
    deck.press("x")
    deck.wait_saved()
    assert [one.reviewer for one in project.history()] == ["Ben", "Anna <b>Ü</b>"]


def test_nobody_has_to_have_a_name(page: Page, server: Server, project: Project) -> None:
    deck = DeckPage(page, server.address(project, "review"))
    deck.press("a")
    page.get_by_role("button", name="No name").click()
    deck.press("x")
    deck.wait_saved()
    page.reload()
    deck.wait()
    expect(page.get_by_text("Add your name")).to_be_visible()
    assert [one.reviewer for one in project.history()] == ["", ""]


def test_a_key_takes_back_nothing_that_others_decided(
    page: Page, other: BrowserContext, server: Server, project: Project
) -> None:
    anna = DeckPage(page, server.address(project, "review"))
    give_name(page, "Anna")
    anna.press("a")
    anna.wait_saved()
    ben = DeckPage(other.new_page(), anna.url)
    give_name(ben.page, "Ben")
    ben.press("u")
    expect(ben.page.locator(".verdict")).to_have_text("Nothing to undo")
    assert len(project.history()) == 1


def test_whoever_was_overtaken_is_told_and_decides_anew_knowingly(
    page: Page, server: Server, project: Project
) -> None:
    deck = DeckPage(page, server.address(project, "review"))
    first = deck.shown
    project.decide([Request(first, "move", "star", reviewer="Anna")])
    deck.press("x")
    expect(page.locator(".verdict")).to_contain_text("Anna moved it to star, ")
    deck.press("s")
    expect(page.locator(".notice")).to_contain_text("Anna moved it to star, ")
    expect(page.locator(".notice")).to_contain_text("(Excluded) was not recorded")
    assert deck.shown == first
    deck.press("a", "x", "m")
    expect(page.locator(".verdict")).to_have_text("D decides anew, L leaves it as it is")
    deck.press("d", "x")
    deck.wait_saved()
    log = [one.action for one in project.history() if one.item_id == first]
    assert log == ["exclude", "move"]


def test_what_somebody_else_decided_can_be_left_as_it_is(
    page: Page, server: Server, project: Project
) -> None:
    deck = DeckPage(page, server.address(project, "review"))
    first = deck.shown
    project.decide([Request(first, "accept", reviewer="Anna")])
    deck.press("x")
    expect(page.locator(".verdict")).to_contain_text("Anna kept it as ")
    deck.press("s")
    expect(page.locator(".notice")).to_be_visible()
    deck.press("l")
    expect(page.locator(".notice")).to_be_hidden()
    deck.press("a")
    deck.wait_saved()
    assert [one.reviewer for one in project.history() if one.item_id == first] == ["Anna"]
    assert len(project.history()) == 3


def test_two_browsers_review_different_images_to_the_end(
    page: Page, other: BrowserContext, server: Server, project: Project
) -> None:
    anna = DeckPage(page, server.address(project, "review"))
    ben = DeckPage(other.new_page(), anna.url)
    for _image in range(10):
        assert anna.shown != ben.shown
        anna.press("a")
        ben.press("x")
    anna.wait_saved()
    ben.wait_saved()
    log = project.history()
    assert len({one.item_id for one in log}) == len(log) == 20
    assert [item.item_id for item in project.queue()]


def test_what_is_left_with_others_is_told_and_comes_when_they_close(
    page: Page, other: BrowserContext, server: Server, project: Project
) -> None:
    for item in project.queue()[4:]:
        project.decide([Request(item.item_id, "accept")])
    anna = DeckPage(page, server.address(project, "review"))
    first = anna.shown
    second = other.new_page()
    second.goto(anna.url)
    second.get_by_text("4 images are with another reviewer").wait_for()
    anna.press("a")
    anna.wait_saved()
    page.goto("about:blank")
    second.wait_for_function(f"({SHOWN}) > {first}")
    assert len(project.history()) == 57


def test_two_browsers_at_the_grid_are_shown_different_images(
    page: Page, other: BrowserContext, server: Server, project: Project
) -> None:
    address = f"{server.address(project, 'review')}&view=Grid"
    page.goto(address)
    mine = page.locator(".tile")
    expect(mine).to_have_count(15)  # of 60, the largest lane
    ben = other.new_page()
    ben.goto(address)
    expect(ben.get_by_text("15 images are with another reviewer")).to_be_visible()
    ben.get_by_role("tab", name="All suspects").click()
    expect(ben.locator(".tile")).to_have_count(45)
    shown = [
        {one.get_attribute("data-item-id") for one in seen.all()}
        for seen in (mine, ben.locator(".tile"))
    ]
    assert not shown[0] & shown[1]
    page.goto("about:blank")
    ben.keyboard.press(".")
    expect(ben.locator(".tile")).to_have_count(15)


def test_ones_own_closed_and_reloaded_tabs_block_nobody(
    page: Page, server: Server, project: Project
) -> None:
    deck = DeckPage(page, server.address(project, "review"))
    first = deck.shown
    page.route("**/leases", lambda route: route.abort())  # as if the browser had crashed
    page.close(run_before_unload=False)
    again = DeckPage(page.context.new_page(), deck.url)
    assert again.shown == first
    again.page.reload()
    again.wait_for(first)
