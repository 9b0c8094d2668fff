"""Options that say which images a verb is about, and in which order."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from cleaner.errors import UnknownClass
from cleaner.items import shown_path
from cleaner.selection import ORDERS, REASONS, STATUSES, Selection

if TYPE_CHECKING:
    from cleaner.project import Project

_CLASSES = ("current", "suggested")
_OPTIONS = {
    "current": ("CLASS", "Only of this current label."),
    "suggested": ("CLASS", "Only where this label is suggested."),
    "reason": ("KIND", f"Only for a reason of this kind: {', '.join(REASONS)}."),
    "low": ("0..1", "Only where the suggested label is at least this probable."),
    "high": ("0..1", "Only where the suggested label is at most this probable."),
    "status": ("STATUS", f"Only of this status: {', '.join(STATUSES)}.  [default: awaiting]"),
    "reviewer": ("NAME", "Only what this person decided."),
    "text": ("TEXT", "Only files with this in their path."),
    "picked": ("NAME", "Only those that `receipt --send-back` or the map's lasso picked."),
    "order": ("ORDER", f"By {', '.join(ORDERS)}; with - before it the other way round."),
}


def selecting(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb these options, and hand it what was typed as `asked`."""

    @wraps(verb)
    def run(*arguments: Any, **options: Any) -> None:
        asked = {name: value for name in _OPTIONS if (value := options.pop(name)) is not None}
        verb(*arguments, asked=asked, **options)

    for name, (form, words) in reversed(_OPTIONS.items()):
        run = click.option(f"--{name}", metavar=form, help=words)(run)
    return run


def meant(project: Project, asked: dict[str, str]) -> Selection:
    """Return the images that were asked for; class names may be in their shown form.

    Raises:
        SelectionError: a value means nothing.
        UnknownClass: the dataset has no class of this name.
    """
    names = project.class_names()
    known = {shown_path(name): name for name in names} | {name: name for name in names}
    for option in _CLASSES:
        if option in asked and asked[option] not in known:
            raise UnknownClass(
                f"--{option}: no class {shown_path(asked[option])!r} in "
                f"{shown_path(str(project.root))}. `status` lists the classes."
            )
    return Selection.of_query(
        asked | {option: known[asked[option]] for option in _CLASSES if option in asked}
    )
