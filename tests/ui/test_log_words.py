from __future__ import annotations

import pytest

from cleaner.decisions import Action, Decision
from cleaner.logbook import Standing
from cleaner.ui import log_words


@pytest.mark.parametrize(
    ("action", "before", "after", "words"),
    [
        ("accept", "cat", "cat", "Accepted as cat"),
        ("move", "cat", "dog", "Moved: cat → dog"),
        ("exclude", "cat", "cat", "Excluded, was cat"),
        ("skip", "cat", "cat", "Skipped, stays cat"),
        ("undo", "dog", "cat", "Took a decision back: dog → cat"),
        ("undo", "cat", "cat", "Took a decision back, stays cat"),
    ],
)
def test_each_decision_is_told_in_one_line(
    action: Action, before: str, after: str, words: str
) -> None:
    assert log_words.what_was_decided(Decision("op", 1, action, before, after, "", "")) == words


def test_an_undo_names_its_numbers() -> None:
    found = Standing(3, {"move": 2, "accept": 1}, files=1, built_on=2)
    assert log_words.undo_sentence(found) == (
        "Takes back 3 decisions (2 moved, 1 accepted). 1 file that was moved goes back. "
        "2 images decided again in another round: what that says stays."
    )
    assert "nothing to take back" in log_words.undo_sentence(Standing(0, {}, 0, 0))
