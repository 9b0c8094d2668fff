"""Why a label is doubted comes up beside the picture, and never in the way of a key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from cleaner.project import Project
from cleaner.recording import Request
from tests.e2e.conftest import DeckPage, Server
from tests.e2e.test_deck_looks import too_faint
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


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_its_words_stand_out_in_either_theme(
    page: Page, server: Server, explained: Project, theme: Literal["light", "dark"]
) -> None:
    sure = [one for one in explained.ranking() if not one.flagged]
    explained.decide([Request(one.item_id, "accept") for one in sure])
    page.emulate_media(color_scheme=theme)
    DeckPage(page, server.address(explained, "review"))
    expect(page.locator(".sure")).to_have_count(8)  # four of each class, confirmed
    page.locator(".votes").hover()
    expect(page.locator(".larger")).to_contain_text("Neighbours")
    assert too_faint(page) == []


def test_fast_keys_ask_for_nothing_and_what_was_asked_leaves_with_its_image(
    page: Page, server: Server, explained: Project
) -> None:
    asked: list[str] = []

    page.on("request", lambda one: asked.append(one.url) if "/evidence/" in one.url else None)
    deck = DeckPage(page, server.address(explained, "review"))
    expect(page.locator(".like-row")).to_have_count(2)
    asked.clear()
    deck.press("s", "s", "s")
    last = deck.shown
    expect(page.locator(".like-row")).to_have_count(2)
    # On a slow machine a person may have rested in between; the last one is asked for once.
    assert len([url for url in asked if url.endswith(f"/{last}")]) == 1
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


def test_who_reviews_blind_is_shown_none_of_it(
    page: Page, server: Server, explained: Project
) -> None:
    deck = DeckPage(page, server.address(explained, "review"))
    expect(page.locator(".like-row")).to_have_count(2)
    page.keyboard.press("b")
    expect(page.locator(".like-row")).to_have_count(0)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    deck.press("s", "w")
    page.wait_for_timeout(600)  # longer than a rest
    expect(page.locator(".like")).to_be_hidden()
    expect(page.locator(".heat")).to_have_count(0)
    assert [url for url in asked if "/evidence/" in url or "/heat/" in url] == []


def test_where_the_model_looks_goes_with_a_picture_that_is_zoomed_into(
    page: Page, server: Server, explained: Project
) -> None:
    deck = DeckPage(page, server.address(explained, "review"))
    deck.press("w")
    heat, photo = page.locator(".heat"), page.locator(".picture img").first
    expect(heat).to_be_visible(timeout=40_000)
    deck.press("+", "+")
    expect(page.locator(".zoom-sign")).to_be_visible()
    transform = "(image) => getComputedStyle(image).transform"
    assert heat.evaluate(transform) == photo.evaluate(transform) != "none"


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
