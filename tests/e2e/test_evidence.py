"""Why a label is doubted comes up beside the picture, and never in the way of a key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect

from cleaner.project import Project
from tests.e2e.conftest import DeckPage, Server
from tests.ui.evidence import project_with_evidence


@pytest.fixture
def explained(tmp_path: Path) -> Iterator[Project]:
    project = project_with_evidence(tmp_path, each=15, wrong=10)
    yield project
    project.store.close()


def test_images_like_it_and_votes_come_up_once_a_person_rests(
    page: Page, server: Server, explained: Project
) -> None:
    DeckPage(page, server.address(explained, "review"))
    suspect = explained.queue(limit=1)[0]
    rows = page.locator(".like-row")
    expect(rows).to_have_count(2)
    expect(rows.nth(0).locator(".name")).to_have_text(suspect.current_label)
    expect(rows.nth(1).locator(".name")).to_have_text(suspect.suggested_label)
    expect(rows.nth(1).locator(".thumb")).to_have_count(4)
    expect(page.locator(".votes .vote")).to_have_count(4 + 2)
    rows.nth(1).locator(".thumb").first.hover()
    expect(page.locator(".larger")).to_contain_text(suspect.suggested_label)
    page.locator(".votes").hover()
    expect(page.locator(".larger")).to_contain_text("Neighbours")
    expect(page.locator(".stage.comparing")).to_have_count(0)


def test_fast_keys_ask_for_nothing_and_what_was_asked_leaves_with_its_image(
    page: Page, server: Server, explained: Project
) -> None:
    asked: list[str] = []

    def note(request: Request) -> None:
        if "/evidence/" in request.url:
            asked.append(request.url.rsplit("/", 1)[1])

    page.on("request", note)
    deck = DeckPage(page, server.address(explained, "review"))
    expect(page.locator(".like-row")).to_have_count(2)
    asked.clear()
    deck.press("s", "s", "s")
    last = deck.shown
    expect(page.locator(".like-row")).to_have_count(2)
    # On a slow machine a person may have rested in between; the last one is asked for once.
    assert asked.count(str(last)) == 1
    deck.press("u")
    expect(page.locator(".like-row")).to_have_count(2)
    assert deck.shown != last


def test_evidence_can_be_put_away_and_stays_away_in_this_browser(
    page: Page, server: Server, explained: Project
) -> None:
    url = server.address(explained, "review")
    deck = DeckPage(page, url)
    expect(page.locator(".like-row")).to_have_count(2)
    expect(page.locator(".strip")).to_be_hidden()
    page.keyboard.press("e")
    expect(page.locator(".like")).to_be_hidden()
    expect(page.locator(".strip")).to_be_visible()
    deck = DeckPage(page, url)
    expect(page.locator(".like")).to_be_hidden()
    page.keyboard.press("e")
    expect(page.locator(".like-row")).to_have_count(2)
    assert deck.shown


def test_where_the_model_looks_lies_over_the_picture_until_the_next(
    page: Page, server: Server, explained: Project
) -> None:
    deck = DeckPage(page, server.address(explained, "review"))
    expect(page.locator(".like-row")).to_have_count(2)
    page.keyboard.press("w")
    expect(page.locator(".heat")).to_be_visible(timeout=40_000)
    expect(page.locator(".legend")).to_contain_text(explained.queue(limit=1)[0].suggested_label)
    boxes = page.evaluate(
        """() => [...document.querySelectorAll('*')]
          .map((host) => host.shadowRoot?.querySelectorAll('.picture img'))
          .find((images) => images?.length === 2)
          .values().map((image) => JSON.stringify(image.getBoundingClientRect())).toArray()"""
    )
    assert boxes[0] == boxes[1]
    page.keyboard.press("w")
    expect(page.locator(".heat")).to_have_count(0)
    page.keyboard.press("w")
    expect(page.locator(".heat")).to_be_visible()
    deck.press("s")
    expect(page.locator(".heat")).to_have_count(0)
    expect(page.locator(".legend")).to_be_hidden()


def test_a_round_that_left_no_evidence_says_so_in_one_line(
    page: Page, server: Server, project: Project
) -> None:
    DeckPage(page, server.address(project, "review"))
    expect(page.locator(".like-none")).to_have_text("Evidence comes with the next round.")
