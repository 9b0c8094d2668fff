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

    deck = DeckPage(page, page.url)
    decided = []
    for _image in range(4):
        decided.append(deck.shown)
        # Images that measure the labels come without a suggestion to move to.
        deck.press("a" if page.locator(".blind").count() else "m")
    deck.wait_saved()
    # Offered once the round's worker has looked for copies, too.
    retrain = page.get_by_role("button", name="Clean and retrain")
    retrain.click(timeout=ROUND_MILLISECONDS)
    expect(page.get_by_text("Round 2")).to_be_visible(timeout=ROUND_MILLISECONDS)

    items = [item for item in digits.dataset().items if item.status != "unreviewed"]
    assert [item.item_id for item in items] == sorted(decided)
    assert any(item.status == "moved" for item in items)
    for item in items:
        assert item.path.split("/")[0] == item.current_label
        assert (digits.root / item.path).is_file()
    after = [entry.item_id for entry in digits.queue()]
    assert not set(after) & set(decided)
    assert DeckPage(page, page.url).shown not in decided
