"""Who reviews blind decides before they know what the model suggests."""

from __future__ import annotations

import json

from playwright.sync_api import Page, expect

from cleaner.project import Project
from cleaner.sampling import Sampling
from cleaner.selection import Selection
from tests.e2e.conftest import DeckPage, Server
from tests.ranking import draw_lots


def test_nothing_of_the_model_is_there_until_the_decision(
    page: Page, server: Server, project: Project
) -> None:
    first, second = project.queue(limit=2)
    deck = DeckPage(page, server.address(project, "review"))
    asked = []
    page.on("request", lambda one: asked.append(one) if one.method == "POST" else None)
    page.keyboard.press("b")
    panel = page.locator(".panel")
    expect(panel).to_contain_text("hidden until you decide")
    for told in ("%", *first.reasons):
        expect(panel).not_to_contain_text(told)
    expect(page.locator(".row .fill").nth(0)).to_have_css("width", "0px")
    expect(page.locator(".chip.is-suggested")).to_have_count(0)
    expect(page.locator(".action.move")).to_be_disabled()
    page.keyboard.press("/")
    expect(page.locator(".tag")).to_have_text(["current"])
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    page.keyboard.press("Space")
    assert deck.shown == first.item_id  # there is no suggestion to follow

    page.keyboard.press("a")
    told = f"The model suggested {first.suggested_label} (93%)"
    expect(page.locator(".verdict")).to_contain_text(told)
    deck.wait_for(second.item_id)
    for reason in second.reasons:
        expect(panel).not_to_contain_text(reason)
    deck.wait_saved()
    sent = [json.loads(one.post_data or "[]") for one in asked if "decisions" in one.url]
    assert [one["blind"] for batch in sent for one in batch] == [True]
    assert [one.action for one in project.history()] == ["accept"]


def test_the_browser_remembers_who_reviews_blind(
    page: Page, server: Server, project: Project
) -> None:
    deck = DeckPage(page, server.address(project, "review"))
    switch = page.get_by_role("button", name="Blind")
    expect(switch).to_have_attribute("aria-pressed", "false")
    switch.click()
    page.reload()
    deck.wait()
    expect(switch).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".panel")).to_contain_text("hidden until you decide")
    page.keyboard.press("b")
    expect(page.locator(".panel")).to_contain_text("93%")
    deck.press("a")
    expect(page.locator(".verdict")).to_have_text("Kept circle")


def test_the_grid_shows_no_suggestion_to_who_reviews_blind_unasked(
    page: Page, server: Server, project: Project
) -> None:
    deck = DeckPage(page, server.address(project, "review"))
    page.keyboard.press("b")
    page.goto(f"{deck.url}&view=Grid")
    expect(page.get_by_text("the grid cannot be blind")).to_be_visible()
    expect(page.locator(".lane, .tile")).to_have_count(0)
    page.keyboard.press(".")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Blind")).to_be_disabled()
    page.get_by_role("button", name="Show the grid all the same").click()
    expect(page.locator(".tile")).to_have_count(15)
    page.keyboard.press("b")
    expect(page.get_by_text("blind works one by one")).to_be_visible()
    assert project.history() == []


def test_what_is_undone_is_hidden_again(page: Page, server: Server, project: Project) -> None:
    first = project.queue(limit=1)[0]
    deck = DeckPage(page, server.address(project, "review"))
    deck.press("b", "3", "u")
    deck.wait_for(first.item_id)
    expect(page.locator(".panel")).to_contain_text("hidden until you decide")
    expect(page.locator(".panel")).not_to_contain_text("%")


def test_of_images_that_measure_the_labels_the_deck_knows_no_suggestion(
    page: Page, server: Server, project: Project
) -> None:
    draw_lots(project, flagged=[item.path for item in project.queue()])
    project.set_sampling(Sampling(size=6))
    first, second = project.selected(Selection(status="blind")).items[:2]
    deck = DeckPage(page, server.address(project, "review") + "&status=blind")
    deck.wait_for(first.item_id)
    panel = page.locator(".panel")
    expect(panel).to_contain_text("none: looked at blind")
    expect(panel).not_to_contain_text("%")
    expect(page.locator(".action.move")).to_be_disabled()
    page.keyboard.press("m")
    assert deck.shown == first.item_id
    page.keyboard.press("a")
    expect(page.locator(".verdict")).to_have_text(f"Kept {first.current_label}")
    deck.wait_for(second.item_id)
    deck.wait_saved()
    assert [one.reason for one in project.history()] == [
        "Drawn at random, and shown without a suggestion"
    ]
