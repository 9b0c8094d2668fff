"""The report: one file that asks for nothing, says what `status --json` says, and runs no name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cleaner import report
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.sampling import Sampling
from cleaner.selection import Selection
from tests.cli.conftest import Call
from tests.pictures import write_dataset
from tests.ranking import draw_lots, open_round

_EVIL = "<script>alert('cat')<!-- &amp;"


class _Reader(HTMLParser):
    """Collects the tags, what they refer to, and the words."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.fixture
def reviewed(tmp_path: Path) -> Iterator[Project]:
    """Two rounds over three classes, one with a name that no page may run."""
    root = write_dataset(tmp_path / "pets", {_EVIL: 12, "dog": 12, "owl": 12})
    project = Project(root)
    project.scan()
    open_round(project, flagged={"dog/1.png": "owl"})
    draw_lots(project, flagged=["dog/1.png"])
    project.set_sampling(Sampling(size=15))
    blind = [item.item_id for item in project.selected(Selection(status="blind")).items]
    project.decide([Request(blind[0], "move", _EVIL), Request(blind[1], "move", "owl")])
    project.decide([Request(item_id, "accept") for item_id in blind[2:]])
    open_round(project, flagged={"owl/1.png": "dog"})
    draw_lots(project)
    yield project
    project.store.close()


def test_it_says_what_the_status_says(reviewed: Project, call: Call, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    assert call("report", reviewed.root, "--out", out).code == 0
    status = call("status", reviewed.root, "--json").document
    page = out.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="figures">(.*?)</script>', page, re.S)
    assert found is not None
    told = json.loads(found[1])
    assert told["outlook"] == status["outlook"]
    assert (told["images"], told["decided"]) == (status["images"], status["decided"])
    left = status["outlook"]["errors_left"]
    assert f"{left['rate']:.1%}" in page
    assert report.interval(left) in page


def test_names_are_text_and_nothing_is_asked_of_the_network(reviewed: Project) -> None:
    page = report.html(report.figures(reviewed))
    reader = _Reader()
    reader.feed(page)
    assert reader.tags.count("script") == 1
    assert not reader.addresses
    assert "url(" not in page
    assert "@import" not in page
    assert _EVIL in reader.words


def test_a_dataset_that_nobody_has_scored_has_a_report_too(project: Project) -> None:
    page = report.html(report.figures(project))
    assert "Nobody has reviewed anything yet" in page
