"""Somebody who knows the truth settles the demo's suspects without touching a mouse."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from cleaner import demo
from cleaner.project import Project
from tests.e2e.conftest import DeckPage, Server
from tests.ui.samples import open_round

IMAGES = 100


@pytest.fixture
def digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(demo, "IMAGES_PER_CLASS", 20)
    demo.make(tmp_path / "digits")
    project = Project(tmp_path / "digits")
    project.scan()
    open_round(project, flagged=IMAGES)
    return project


def truth_of(project: Project) -> dict[str, str]:
    with (project.state / "truth.csv").open(newline="", encoding="utf-8") as lines:
        return {row["content_hash"]: row["true_label"] for row in csv.DictReader(lines)}


def test_a_hundred_images_of_the_demo_are_settled_by_keyboard_alone(
    page: Page, server: Server, digits: Project
) -> None:
    truth = truth_of(digits)
    hashes = {item.item_id: item.content_hash for item in digits.dataset().items}
    suspects = {entry.item_id: entry for entry in digits.queue()}
    assert len(suspects) == IMAGES
    deck = DeckPage(page, server.address(digits, "review"))
    for _image in range(IMAGES):
        entry = suspects[deck.shown]
        true_label = truth[hashes[entry.item_id]]
        if true_label == entry.current_label:
            page.keyboard.press("a")
        elif true_label == entry.suggested_label:
            page.keyboard.press("m")
        else:
            page.keyboard.press("t")
            page.keyboard.type(true_label)
            page.keyboard.press("Enter")
    expect(page.get_by_text("All suspects are reviewed")).to_be_visible()
    deck.wait_saved()

    items = [item for item in digits.dataset().items if item.item_id in suspects]
    assert [item.current_label for item in items] == [truth[item.content_hash] for item in items]
    assert any(item.current_label != item.given_label for item in items)
    assert len(digits.history()) == IMAGES
    digits.store.close()
