"""Numbers that pages show, counted by the database."""

from __future__ import annotations

import pytest

from cleaner.project import Project
from cleaner.recording import Request

pytestmark = pytest.mark.every_store


def test_given_labels_are_counted_by_what_became_of_them(ranked: Project) -> None:
    first, second = (entry.item_id for entry in ranked.queue())
    ranked.decide([Request(first, "move", "owl"), Request(second, "exclude")])
    assert ranked.label_flow() == {
        ("cat", "cat", "unreviewed"): 3,
        ("cat", "owl", "moved"): 1,
        ("dog", "dog", "unreviewed"): 3,
        ("dog", "dog", "excluded"): 1,
        ("owl", "owl", "unreviewed"): 4,
    }


def test_suggestions_are_counted_while_they_await_a_decision(ranked: Project) -> None:
    assert ranked.suggestions() == {("cat", "dog"): 1, ("dog", "owl"): 1}
    ranked.decide([Request(ranked.queue()[0].item_id, "accept")])
    assert ranked.suggestions() == {("dog", "owl"): 1}


def test_without_a_round_nothing_is_suggested(project: Project) -> None:
    assert project.suggestions() == {}


def test_findings_are_counted_by_kind_and_severity(ranked: Project) -> None:
    (ranked.root / "cat" / "broken.png").write_bytes(b"no picture")
    (ranked.root / "cat" / "also broken.png").write_bytes(b"no picture either")
    ranked.scan()
    assert set(ranked.finding_kinds().values()) == {2}
