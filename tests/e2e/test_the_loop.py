"""The loop with the real worker: score, review by keyboard, clean and retrain."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from cleaner import demo
from cleaner.project import Project
from tests.e2e.conftest import DeckPage, Server

ROUND_MILLISECONDS = 120_000


@pytest.fixture
def digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(demo, "IMAGES_PER_CLASS", 10)
    demo.make(tmp_path / "digits")
    return Project(tmp_path / "digits")


@pytest.mark.timeout(300)
def test_a_round_from_the_page_moves_the_files_and_changes_the_queue(
    server: Server, page: Page, digits: Project
) -> None:
    page.goto(server.address(digits, "review"))
    page.get_by_role("button", name="Find suspect labels").click()
    expect(page.get_by_text("Round 1")).to_be_visible(timeout=ROUND_MILLISECONDS)
    before = [entry.item_id for entry in digits.queue()]

    deck = DeckPage(page, page.url)
    for key in ("m", "m", "a"):
        deck.press(key)
    deck.wait_saved()
    page.get_by_role("button", name="Clean and retrain").click()
    expect(page.get_by_text("Round 2")).to_be_visible(timeout=ROUND_MILLISECONDS)

    items = [item for item in digits.dataset().items if item.status != "unreviewed"]
    assert [item.item_id for item in items] == sorted(before[:3])
    for item in items:
        assert item.path.split("/")[0] == item.current_label
        assert (digits.root / item.path).is_file()
    after = [entry.item_id for entry in digits.queue()]
    assert not set(after) & set(before[:3])
    assert DeckPage(page, page.url).shown == after[0]
