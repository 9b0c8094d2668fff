"""A class with two or three letters; with many classes those that were typed get a number."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from cleaner.project import Project
from tests.e2e.conftest import DeckPage, Server
from tests.ui.samples import make_images, open_round

FLOWERS = [
    *("aster", "bluebell", "crocus", "daisy", "dwarf iris", "freesia", "iris", "lily"),
    *("lupin", "poppy", "rose", "snowdrop", "tulip", "violet"),
]


@pytest.fixture
def flowers(tmp_path: Path) -> Iterator[Project]:
    project = Project(make_images(tmp_path / "flowers", class_names=FLOWERS, each=3))
    project.scan()
    open_round(project)
    yield project
    project.store.close()


def labels_of(project: Project) -> list[str]:
    return [one.label_after for one in reversed(project.history())]


def type_class(deck: DeckPage, letters: str) -> None:
    deck.wait()
    deck.page.keyboard.press("t")
    deck.page.keyboard.type(letters)
    deck.page.keyboard.press("Enter")


def test_the_whole_name_goes_before_its_beginning_and_a_word_before_a_part(
    page: Page, server: Server, flowers: Project
) -> None:
    DeckPage(page, server.address(flowers, "review"))
    page.keyboard.press("t")
    page.keyboard.type("i")
    options = page.locator(".option .name")
    expect(options.nth(0)).to_have_text("iris")
    expect(options.nth(1)).to_have_text("dwarf iris")
    expect(options.nth(2)).to_have_text("daisy")


def test_a_typed_class_keeps_its_number_while_the_tab_is_open(
    page: Page, server: Server, flowers: Project
) -> None:
    deck = DeckPage(page, server.address(flowers, "review"))
    chips = page.locator(".classes .chip[data-name]")
    expect(chips).to_have_count(0)
    page.keyboard.press("1")  # stands for nothing yet
    type_class(deck, "tul")
    expect(page.get_by_text("tulip is on 1 from now on")).to_be_attached()
    type_class(deck, "po")
    type_class(deck, "tulip")
    expect(chips).to_have_text(["1tulip", "2poppy"])
    deck.press("2", "1")
    deck.wait_saved()
    assert labels_of(flowers) == ["tulip", "poppy", "tulip", "poppy", "tulip"]

    for letters in ("ro", "li", "lu", "snow", "vio", "fr", "cro"):
        type_class(deck, letters)
    expect(chips).to_have_count(9)
    type_class(deck, "blue")  # all nine were used in this session
    kept = ("tulip", "poppy", "rose", "lily", "lupin", "snowdrop", "violet", "freesia", "crocus")
    expect(chips).to_have_text([f"{number}{name}" for number, name in enumerate(kept, 1)])


def test_the_next_session_begins_with_those_classes_and_makes_room_for_new_ones(
    page: Page, server: Server, flowers: Project
) -> None:
    deck = DeckPage(page, server.address(flowers, "review"))
    for letters in ("ro", "li", "lu", "snow", "vio", "fr", "cro", "po", "tu"):
        type_class(deck, letters)
    deck.press("1", "4")
    deck.wait_saved()
    page.reload()
    deck.wait()
    chips = page.locator(".classes .chip[data-name]")
    expect(chips).to_have_count(9)
    page.close()

    later = DeckPage(page.context.new_page(), deck.url)
    chips = later.page.locator(".classes .chip[data-name]")
    expect(chips.nth(0)).to_have_text("1rose")
    later.press("2")
    type_class(later, "blue")  # in place of lupin, the longest unused one
    expect(chips.nth(2)).to_have_text("3bluebell")
    expect(chips.nth(1)).to_have_text("2lily")
    later.wait_saved()
    assert labels_of(flowers)[-2:] == ["lily", "bluebell"]


def test_few_classes_have_their_numbers_at_once(
    page: Page, server: Server, project: Project
) -> None:
    DeckPage(page, server.address(project, "review"))
    chips = page.locator(".classes .chip[data-name]")
    expect(chips).to_have_text(["1circle", "2square", "3star", "4triangle"])
