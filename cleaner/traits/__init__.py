"""Traits: what shows of a class as a whole, once a round has judged every image."""

from __future__ import annotations

from threadpoolctl import threadpool_limits

from cleaner.health import Trait
from cleaner.traits.base import Find, Gathered
from cleaner.traits.confusable import find_confusable
from cleaner.traits.divided import find_divided
from cleaner.traits.mergeable import find_mergeable
from cleaner.traits.shortcuts import find_border_shortcuts, find_colour_shortcuts

__all__ = ["FINDERS", "Find", "Gathered", "found"]

FINDERS: dict[str, Find] = {
    "border": find_border_shortcuts,
    "colour": find_colour_shortcuts,
    "merge": find_mergeable,
    "confusable": find_confusable,
    "split": find_divided,
}


def found(gathered: Gathered) -> list[Trait]:
    """Return the traits of the classes, kind by kind."""
    # A few hundred rows at a time: threads would spend longer waiting for each other.
    with threadpool_limits(1):
        return [trait for find in FINDERS.values() for trait in find(gathered)]
