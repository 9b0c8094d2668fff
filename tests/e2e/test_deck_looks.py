"""The deck is readable, stands still, and answers to fingers and to those who do not see it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from cleaner.project import Project
from tests.e2e.conftest import PATIENCE_MS, DeckPage, Server

# Every text in view, with its colour and all that lies behind it, as the browser computes them.
TEXTS = """(() => {
  const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = context.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  };
  const above = (node) => node.parentElement ?? node.getRootNode().host ?? null;
  const describe = (node, color, words) => {
    const grounds = [];
    for (let one = node; one; one = above(one)) {
      grounds.unshift(rgba(getComputedStyle(one).backgroundColor));
    }
    const style = getComputedStyle(node);
    return { words, color: rgba(color), grounds, px: parseFloat(style.fontSize),
      isBold: Number(style.fontWeight) >= 700 };
  };
  const host = [...document.querySelectorAll("*")].find((one) =>
    one.shadowRoot?.querySelector(".deck"));
  const texts = [];
  for (const node of host.shadowRoot.querySelectorAll(".deck *")) {
    if (!node.checkVisibility() || node.closest(":disabled, [aria-hidden=true], style")) continue;
    const own = [...node.childNodes].filter((one) => one.nodeType === Node.TEXT_NODE);
    const words = own.map((one) => one.data.trim()).join(" ").trim();
    if (words) texts.push(describe(node, getComputedStyle(node).color, words));
    if (node.placeholder && !node.value) {
      texts.push(describe(node, getComputedStyle(node, "::placeholder").color, node.placeholder));
    }
  }
  return texts;
})()"""

# What a finger can press, with the size in CSS pixels.
TARGETS = """(() => {
  const host = [...document.querySelectorAll("*")].find((one) =>
    one.shadowRoot?.querySelector(".deck"));
  return [...host.shadowRoot.querySelectorAll("button, input, [role=option]")]
    .filter((node) => node.checkVisibility())
    .map((node) => [node.innerText || node.placeholder, node.offsetWidth, node.offsetHeight]);
})()"""

Colour = tuple[float, float, float]


def over(top: list[float], below: Colour) -> Colour:
    red, green, blue = (c * top[3] + b * (1 - top[3]) for c, b in zip(top, below, strict=False))
    return red, green, blue


def luminance(colour: Colour) -> float:
    """Return the relative luminance as WCAG 2.2 defines it, 0 to 1."""
    shares = [part / 255 for part in colour]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return sum(w * part for w, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(text: dict[str, Any]) -> float:
    ground: Colour = (255, 255, 255)
    for layer in text["grounds"]:
        ground = over(layer, ground)
    lights = sorted((luminance(over(text["color"], ground)), luminance(ground)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def wanted(text: dict[str, Any]) -> float:
    is_large = text["px"] >= 24 or (text["px"] >= 18.66 and text["isBold"])
    return 3.0 if is_large else 4.5


def too_faint(page: Page) -> list[tuple[str, float]]:
    texts = page.evaluate(TEXTS)
    assert len(texts) > 20
    return [(t["words"], round(contrast(t), 2)) for t in texts if contrast(t) < wanted(t)]


@pytest.fixture(params=["light", "dark"])
def themed(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    viewport = {"width": 1280, "height": 720}
    context = browser.new_context(viewport=viewport, color_scheme=request.param)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


@pytest.fixture(params=[(1024, 768), (768, 1024)], ids=["across", "upright"])
def tablet(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    width, height = request.param
    context = browser.new_context(
        viewport={"width": width, "height": height}, has_touch=True, is_mobile=True
    )
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def test_every_word_stands_out_from_what_is_behind_it(
    themed: Page, server: Server, project: Project
) -> None:
    deck = DeckPage(themed, server.address(project, "review"))
    assert contrast({"color": [0, 0, 0, 1], "grounds": []}) == pytest.approx(21)
    assert too_faint(themed) == []
    deck.press("b", "a")  # what a key did, and what the model had said
    assert too_faint(themed) == []
    deck.press("t")
    themed.keyboard.type("s")
    assert too_faint(themed) == []
    themed.keyboard.press("Escape")
    themed.keyboard.press("?")
    assert too_faint(themed) == []


def test_fingers_find_buttons_of_44_pixels_and_nothing_is_cut_off(
    tablet: Page, server: Server, project: Project
) -> None:
    deck = DeckPage(tablet, server.address(project, "review"))
    small = [one for one in tablet.evaluate(TARGETS) if min(one[1:]) < 44]
    assert small == []
    first = deck.shown
    tablet.get_by_role("button", name="Keep").tap()
    tablet.wait_for_function("document.title")
    deck.wait_saved()
    assert deck.shown != first
    overhang = tablet.evaluate(
        """(() => { const main = document.querySelector('[data-testid="stMain"]');
        return [main.scrollHeight - main.clientHeight, main.scrollWidth - main.clientWidth]; })()"""
    )
    assert max(overhang) <= 0
    picture = tablet.locator(".picture").bounding_box()
    assert picture is not None
    assert min(picture["width"], picture["height"]) > 300
    for button in ("Keep", "Move to", "Exclude", "Skip", "Undo", "Type a class"):
        expect(tablet.get_by_role("button", name=button)).to_be_in_viewport(ratio=1)


def test_nothing_moves_from_one_image_to_the_next(
    page: Page, server: Server, project: Project
) -> None:
    deck = DeckPage(page, server.address(project, "review"))
    page.evaluate(
        """window.shifts = [];
        new PerformanceObserver((list) => {
            for (const { value, hadRecentInput } of list.getEntries()) {
                if (!hadRecentInput) window.shifts.push(value);
            }
        }).observe({ type: "layout-shift" });"""
    )
    parts = (".stage", ".picture img", ".labels", ".actions", ".classes", ".show", ".top")
    places = [page.locator(part).first.bounding_box() for part in parts]
    for key in ("a", "m", "x", "s", "u", "r", "2", "a"):
        deck.press(key)
        deck.wait()
        assert [page.locator(part).first.bounding_box() for part in parts] == places
    page.wait_for_timeout(700)  # what comes later than a key may cause moves nothing either
    assert page.evaluate("window.shifts") == []


def test_every_picture_in_view_is_decoded(page: Page, server: Server, project: Project) -> None:
    deck = DeckPage(page, server.address(project, "review"))
    deck.press("e", "a", "a", "a")  # without evidence, what comes next is in its place
    deck.wait()
    pictures = page.locator(".picture img, .strip img")
    expect(pictures).to_have_count(9)
    page.wait_for_function(
        "(images) => images.every((image) => image.complete && image.naturalWidth > 0)",
        arg=pictures.element_handles(),
    )


def test_what_is_there_has_a_role_and_a_name(page: Page, server: Server, project: Project) -> None:
    deck = DeckPage(page, server.address(project, "review"))
    expect(page.get_by_role("progressbar", name="Reviewed")).to_be_attached()
    expect(page.get_by_role("complementary", name="Decide")).to_be_visible()
    expect(page.get_by_role("group", name="Move to a class")).to_be_visible()
    expect(page.get_by_role("figure").get_by_role("img", name="circle/000.jpg")).to_be_visible()
    deck.press("t")
    box = page.get_by_role("combobox", name="Move to which class?")
    expect(box).to_be_focused()
    page.keyboard.press("ArrowDown")
    chosen = page.get_by_role("option", selected=True)
    expect(box).to_have_attribute("aria-activedescendant", str(chosen.get_attribute("id")))
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()


def test_the_focus_shows_where_a_tab_goes(page: Page, server: Server, project: Project) -> None:
    DeckPage(page, server.address(project, "review"))
    keep = page.get_by_role("button", name="Keep")
    page.get_by_role("button", name="Keys").focus()
    page.keyboard.press("Tab")
    expect(keep).to_be_focused()
    expect(keep).to_have_css("outline-style", "solid")
    expect(keep).to_have_css("outline-width", "3px")


def test_nothing_fades_for_who_would_rather_see_no_motion(
    page: Page, server: Server, project: Project
) -> None:
    page.emulate_media(reduced_motion="reduce")
    deck = DeckPage(page, server.address(project, "review"))
    deck.press("a")
    expect(page.locator(".verdict")).to_have_css("animation-timing-function", "steps(1)")
