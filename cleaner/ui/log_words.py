"""Entries of the log, and what an undo of many means, in words; names come as they are shown."""

from __future__ import annotations

from collections.abc import Callable

from cleaner.decisions import Decision
from cleaner.items import shown_path
from cleaner.logbook import Standing

_DONE = {"move": "moved", "accept": "accepted", "exclude": "excluded", "skip": "skipped"}


def what_was_decided(decision: Decision) -> str:
    """Return one line on a decision.

    >>> what_was_decided(Decision("op", 1, "move", "cat", "dog", "", ""))
    'Moved: cat → dog'
    """
    before, after = shown_path(decision.label_before), shown_path(decision.label_after)
    return _SENTENCES[decision.action](before, after)


_SENTENCES: dict[str, Callable[[str, str], str]] = {
    "accept": lambda before, _after: f"Accepted as {before}",
    "move": lambda before, after: f"Moved: {before} → {after}",
    "exclude": lambda before, _after: f"Excluded, was {before}",
    "skip": lambda before, _after: f"Skipped, stays {before}",
    "undo": lambda before, after: (
        f"Took a decision back, stays {after}"
        if before == after
        else f"Took a decision back: {before} → {after}"
    ),
}


def counted(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "file"), counted(1200, "file")
    ('1 file', '1,200 files')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def undo_sentence(found: Standing) -> str:
    """Return what an undo would do, with its numbers.

    >>> undo_sentence(Standing(3, {"move": 2, "accept": 1}, files=1, built_on=0))
    'Takes back 3 decisions (2 moved, 1 accepted). 1 file that was moved goes back.'
    """
    if not found.decisions:
        return "Nothing of it stands: there is nothing to take back."
    parts = [
        f"{found.actions[name]:,} {words}" for name, words in _DONE.items() if name in found.actions
    ]
    sentences = [f"Takes back {counted(found.decisions, 'decision')} ({', '.join(parts)})."]
    if found.files:
        verb = "goes" if found.files == 1 else "go"
        was = "was" if found.files == 1 else "were"
        sentences.append(f"{counted(found.files, 'file')} that {was} moved {verb} back.")
    if found.built_on:
        sentences.append(
            f"{counted(found.built_on, 'image')} decided again in another round: what that says "
            "stays."
        )
    return " ".join(sentences)
