"""A receipt says the same in each form, and no name in it is more than text."""

from __future__ import annotations

import copy
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from cleaner import receipts
from cleaner.receipts import drawings, markdown
from tests.receipts.samples import EVIL, receipt


class Outline(HTMLParser):
    """Collects tags, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def page() -> str:
    return receipts.as_page(receipt())


def test_the_page_shows_names_as_text_and_runs_nothing(page: str) -> None:
    found = Outline(page)
    assert EVIL in found.text
    assert not found.tags & {"script", "img", "b", "link", "iframe"}
    assert not {name for name in found.attributes if name.startswith("on")}
    assert "default-src 'none'" in page


def test_the_page_asks_nobody_for_anything(page: str) -> None:
    assert not Outline(page).attributes & {"src", "href", "srcset"}
    assert "url(" not in page
    assert "@import" not in page


def test_the_page_is_legible_in_both_themes(page: str) -> None:
    assert "prefers-color-scheme: dark" in page


def test_the_plots_are_well_formed_and_hold_every_file_that_was_run() -> None:
    for drawn in (drawings.against_speed(receipt()), drawings.against_size(receipt())):
        marks = ElementTree.fromstring(drawn)  # noqa: S314 - our own
        assert len(marks.findall("circle")) == 4
        names = {text.text for text in marks.findall("text[@class='name']")}
        assert names == {"efficientnet_lite2", "mobilenet_v2_1.0_224"}


def test_models_as_good_as_each_other_have_names_that_do_not_overlap() -> None:
    alike = receipt()
    alike["models"][1] = copy.deepcopy(alike["models"][0]) | {"architecture": "the other"}
    marks = ElementTree.fromstring(drawings.against_size(alike))  # noqa: S314 - our own
    heights = [float(text.get("y", "0")) for text in marks.findall("text[@class='name']")]
    assert abs(heights[0] - heights[1]) >= 13


@pytest.mark.parametrize(
    "words",
    [
        *("75.0%", "-25.0", "4.0 x", "9.0 MB", "200 M", "+7.0 points", "Confusion matrix"),
        "below 61%; that turns away 4.0% of known images and 80.0% of 50 unknown ones",
    ],
)
def test_page_and_markdown_say_the_same(page: str, words: str) -> None:
    assert words in Outline(page).text
    assert words in receipts.as_markdown(receipt())


def test_a_receipt_of_an_earlier_version_says_what_it_knows() -> None:
    earlier = receipt()
    for model in earlier["models"]:
        del model["unknown"], model["joined"]
    for text in (receipts.as_page(earlier), receipts.as_markdown(earlier)):
        assert "+7.0 points" in text
        assert "When to answer unknown" not in text


def test_models_of_one_network_are_told_apart() -> None:
    twins = receipt()
    twins["models"][1]["architecture"] = twins["models"][0]["architecture"]
    for columns, rows in (markdown.accuracy_rows(twins), markdown.file_rows(twins)):
        assert {row[columns.index("model")] for row in rows} == {"large-1", "small-1"}
    assert "* small-1: below 61%" in receipts.as_markdown(twins)


def test_names_are_text_in_markdown_too() -> None:
    text = receipts.as_markdown(receipt())
    assert "<img" not in text.replace("\\<", "")
    assert "\\<b\\>dog\\|\\*" in text
    cells = [line for line in text.splitlines() if line.startswith("| mobilenet")]
    assert len({line.replace("\\|", "").count("|") for line in cells[1:]}) == 1


def test_without_test_images_nothing_is_claimed() -> None:
    empty: dict[str, Any] = receipt()
    for model in empty["models"]:
        model |= {"accuracy": None, "macro_f1": None, "mistakes": []}
        model["calibration"] = {"ece": None, "points": []}
        for found in model["formats"].values():
            found["accuracy"] = None
    assert "no test images to plot" in receipts.as_page(empty)
    assert "not known" in receipts.as_markdown(empty)


def test_a_receipt_is_kept_whole_and_read_back(tmp_path: Path) -> None:
    files = receipts.write(tmp_path, receipt())
    assert receipts.read(tmp_path) == receipt()
    assert sorted(path.name for path in receipts.folder_of(tmp_path).iterdir()) == [
        "receipt.html",
        "receipt.json",
        "receipt.md",
    ]
    assert files["html"].read_text(encoding="utf-8") == receipts.as_page(receipt())


def test_there_may_be_no_receipt_yet(tmp_path: Path) -> None:
    assert receipts.read(tmp_path) is None
