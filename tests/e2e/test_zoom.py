"""The picture as large as its pixels: wheel, keys, double click, drag."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from cleaner.project import Project
from tests.e2e.conftest import DeckPage, Server
from tests.ui.samples import make_images, open_round

WIDE_PX = 3000


@pytest.fixture
def large(tmp_path: Path) -> Iterator[Project]:
    """The first image is larger than what the deck loads ahead; all others are small."""
    root = make_images(tmp_path / "shapes", each=2)
    first = next(iter(sorted(root.rglob("*.jpg"))))
    with Image.open(first) as picture:
        picture.resize((WIDE_PX, WIDE_PX * 3 // 4)).save(first)
    project = Project(root)
    project.scan()
    open_round(project)
    yield project
    project.store.close()


@pytest.fixture
def deck(page: Page, server: Server, large: Project) -> DeckPage:
    return DeckPage(page, server.address(large, "review"))


def place(image: Locator) -> tuple[float, float, float]:
    """Return how far the picture was moved to the right and down, and how large it is."""
    matrix = str(image.evaluate("(image) => getComputedStyle(image).transform"))
    scale, _, _, _, x, y = (float(part) for part in re.findall(r"-?[\d.e-]+", matrix)[:6])
    return x, y, scale


def test_a_double_click_shows_the_pixels_and_another_one_the_whole(deck: DeckPage) -> None:
    image = deck.page.locator(".picture img").first
    box = deck.page.locator(".picture").bounding_box()
    assert box is not None
    deck.page.mouse.dblclick(box["x"] + box["width"] / 4, box["y"] + box["height"] / 4)
    sign = deck.page.locator(".zoom-sign")
    expect(sign).to_have_text("100%")
    x, y, scale = place(image)
    assert scale > 3  # so much larger than the frame is the picture
    assert x > 0  # the quarter that was clicked came nearer to the middle
    assert y > 0
    finer = deck.page.locator(".picture .finer")
    expect(finer).to_be_visible()
    assert finer.evaluate("(image) => image.naturalWidth") == WIDE_PX
    deck.page.mouse.dblclick(box["x"] + 50, box["y"] + 50)
    expect(sign).to_be_hidden()
    expect(image).to_have_css("transform", "none")


def test_plus_minus_and_the_wheel_go_closer_and_back(deck: DeckPage) -> None:
    image = deck.page.locator(".picture img").first
    deck.press("+", "+")
    _x, _y, scale = place(image)
    assert scale == pytest.approx(1.96, abs=0.01)
    deck.press("-", "-", "-")
    expect(image).to_have_css("transform", "none")
    image.hover()
    deck.page.mouse.wheel(0, -600)
    expect(deck.page.locator(".zoom-sign")).to_be_visible()
    deck.press("Escape")
    expect(deck.page.locator(".zoom-sign")).to_be_hidden()


def test_a_drag_moves_the_picture_as_far_as_its_edge(deck: DeckPage) -> None:
    mouse, image = deck.page.mouse, deck.page.locator(".picture img").first
    deck.press("+", "+", "+")
    box = deck.page.locator(".picture").bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    mouse.move(*middle)
    mouse.down()
    mouse.move(middle[0] - 120, middle[1] + 60, steps=4)
    x, y, _scale = place(image)
    assert (round(x), round(y)) == (-120, 60)
    mouse.move(middle[0] - 9000, middle[1], steps=4)
    mouse.up()
    x, _y, scale = place(image)
    assert -x < box["width"] * scale / 2
    mouse.move(*middle)
    assert place(image)[0] == x  # let go


def test_the_next_image_begins_whole_and_an_undone_one_too(deck: DeckPage) -> None:
    first = deck.shown
    deck.press("+", "+", "a")
    image = deck.page.locator(".picture img").first
    expect(image).to_have_css("transform", "none")
    expect(deck.page.locator(".zoom-sign")).to_be_hidden()
    deck.press("u")
    deck.wait_for(first)
    expect(deck.page.locator(".picture img").first).to_have_css("transform", "none")


def test_small_images_show_their_pixels_as_squares(deck: DeckPage) -> None:
    deck.press("a", "+", "+", "+")
    image = deck.page.locator(".picture img").first
    expect(image).to_have_css("image-rendering", "pixelated")
    expect(deck.page.locator(".picture .finer")).to_have_count(0)
