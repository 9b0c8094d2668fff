"""A class with two or three letters; with many classes those that were typed get a number."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

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


def names_on(chips: Locator) -> list[str]:
    return [text[1:] for text in chips.all_text_contents()]


def test_the_classes_suggested_most_have_numbers_and_make_room_for_typed_ones(
    page: Page, server: Server, flowers: Project
) -> None:
    deck = DeckPage(page, server.address(flowers, "review"))
    chips = page.locator(".classes .chip[data-name]")
    expect(chips).not_to_have_count(0)
    before = names_on(chips)
    assert before == sorted(before)
    assert set(before) <= {item.suggested_label for item in flowers.queue()}
    free = 9 - len(before)
    *first, last, later = [name for name in FLOWERS if name not in before][: free + 2]
    for name in first:
        type_class(deck, name)
    expect(page.get_by_text(f"{first[0]} is on {len(before) + 1} from now on")).to_be_attached()
    assert names_on(chips) == [*before, *first]
    type_class(deck, last)
    assert names_on(chips) == [*before[:-1], last, *first]
    deck.press("1", str(len(before)))
    deck.wait_saved()
    assert labels_of(flowers) == [*first, last, before[0], last]

    for name in before[1:-1]:
        type_class(deck, name)
    type_class(deck, later)  # all nine were used in this session
    assert names_on(chips) == [*before[:-1], last, *first]


def test_the_next_session_begins_with_those_classes_and_makes_room_for_new_ones(
    page: Page, server: Server, flowers: Project
) -> None:
    deck = DeckPage(page, server.address(flowers, "review"))
    chips = page.locator(".classes .chip[data-name]")
    typed = ("rose", "lily", "lupin", "snowdrop", "violet", "freesia", "crocus", "poppy", "tulip")
    for name in typed:
        type_class(deck, name)
    kept = names_on(chips)
    assert sorted(kept) == sorted(typed)
    deck.press("1", "4")
    deck.wait_saved()
    page.reload()
    deck.wait()
    assert names_on(chips) == kept
    page.close()

    later = DeckPage(page.context.new_page(), deck.url)
    later.press("2")
    type_class(later, "bluebell")  # in place of the longest unused one
    used = (kept[0], kept[3], kept[1])
    oldest = next(name for name in typed if name not in used)
    chips = later.page.locator(".classes .chip[data-name]")
    assert names_on(chips) == [name if name != oldest else "bluebell" for name in kept]
    later.wait_saved()
    assert labels_of(flowers)[-2:] == [kept[1], "bluebell"]


def test_few_classes_have_their_numbers_at_once(
    page: Page, server: Server, project: Project
) -> None:
    DeckPage(page, server.address(project, "review"))
    chips = page.locator(".classes .chip[data-name]")
    expect(chips).to_have_text(["1circle", "2square", "3star", "4triangle"])
