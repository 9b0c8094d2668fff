"""Two people judge the same images, the second one blind; where they differ, it is settled."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from cleaner import opinions
from cleaner.project import Project
from cleaner.recording import Request
from tests.e2e.conftest import DeckPage, Server
from tests.e2e.test_two_reviewers import give_name, other  # noqa: F401 - a fixture

COMPLETE = """(number) => performance.getEntriesByType('resource').some(
  (entry) => entry.responseStatus === 200 && entry.name.includes(`/image/${number}?`)
    && !entry.name.includes('side=160')
)"""
MADE = {1: "Anna moved it to star", 2: "You agree", 3: "Anna excluded it"}


@pytest.fixture
def asked(project: Project) -> Project:
    """Anna has decided about three images; somebody else is asked about them."""
    made = [Request(1, "move", "star"), Request(2, "accept"), Request(3, "exclude")]
    project.decide(made, reviewer="Anna")
    opinions.ask(project.store, np.random.default_rng(0), most=9)
    return project


@pytest.fixture
def ben(other: BrowserContext, server: Server, asked: Project) -> DeckPage:  # noqa: F811
    """The browser of somebody else, where second opinions are given."""
    page, address = other.new_page(), f"{server.address(asked, 'review')}&view=Second+opinion"
    page.goto(address)
    expect(page.get_by_text("Who are you?")).to_be_visible()
    give_name(page, "Ben")
    return DeckPage(page, address)


def keep_all(ben: DeckPage) -> None:
    """Say of each image that its label is right, seeing nothing of what was decided."""
    for _image in MADE:
        expect(ben.page.locator(".panel")).to_contain_text("hidden until you decide")
        words = ben.page.locator(".row, .reasons, .caption")
        for told in ("star", "Anna", "%"):
            expect(words.filter(has_text=told)).to_have_count(0)
        shown = ben.shown
        ben.page.keyboard.press("a")
        expect(ben.page.locator(".verdict")).to_contain_text(MADE[shown])
    expect(ben.page.get_by_text("No image waits for your opinion")).to_be_visible()
    ben.wait_saved()


def test_what_two_people_differ_on_comes_up_to_be_settled(
    page: Page, ben: DeckPage, server: Server, asked: Project
) -> None:
    keep_all(ben)
    assert len(asked.history()) == 3
    anna = DeckPage(page, server.address(asked, "review"))
    page.get_by_role("button", name="2 to settle").click()
    expect(page.get_by_text("2 left of 2 that match")).to_be_visible()
    reasons = page.locator(".reasons")
    expect(reasons).to_contain_text("by Anna")
    expect(reasons).to_contain_text("Ben would have kept it as circle")
    anna.press("a", "a")
    anna.wait_saved()
    expect(page.get_by_text("All that match are reviewed")).to_be_visible()
    assert opinions.to_settle(asked.store) == 0
    page.goto(server.address(asked, "history"))
    expect(page.get_by_text("1 of 3 agree (33%)")).to_be_visible()


def test_each_opinion_is_there_once_after_the_server_was_killed(
    ben: DeckPage, server: Server, asked: Project
) -> None:
    for item_id in MADE:  # its picture is there already
        ben.page.wait_for_function(COMPLETE, arg=item_id)
    server.kill()
    ben.press("a", "a", "u")
    server.start()
    ben.wait_saved()
    assert opinions.figures(asked.store).overall.images == 1
    ben.page.reload()
    ben.press("a", "x")
    expect(ben.page.get_by_text("No image waits for your opinion")).to_be_visible()
    ben.wait_saved()
    assert opinions.figures(asked.store).overall.images == 3
    assert len(asked.history()) == 3
