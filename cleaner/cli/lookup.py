"""From what people type or a file says to images and classes of the dataset."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from cleaner.decisions import STATUS_AFTER
from cleaner.items import shown_path

if TYPE_CHECKING:
    from cleaner.decisions import Action
    from cleaner.items import Dataset
    from cleaner.project import Project
    from cleaner.recording import Request

_NOBODY = -1  # no image has this number, so a request for it is rejected


@dataclass(frozen=True, slots=True)
class Asked:
    """A decision as it was typed: names may be in their shown form."""

    path: str
    action: str
    label: str | None = None


def decide_all(
    project: Project, asked: list[Asked], *, reviewer: str = ""
) -> tuple[int, list[dict[str, str]]]:
    """Record all of it or, if anything is wrong, nothing; return the count and what was wrong."""
    names = _Names(project.dataset())
    requests = [_request(names, line) for line in asked]
    outcome = project.decide(requests, reviewer=reviewer, all_or_none=True)
    reasons = {refused.request.op_id: refused.reason for refused in outcome.rejected}
    rejected = [
        {
            "path": shown_path(line.path),
            "reason": _misnamed(names, line) or reasons[request.op_id],
        }
        for line, request in zip(asked, requests, strict=True)
        if request.op_id in reasons
    ]
    return len(outcome.recorded), rejected


def _request(names: _Names, line: Asked) -> Request:
    from cleaner.recording import Request

    if _misnamed(names, line):
        return Request(_NOBODY, "skip")
    label = None if line.label is None else names.class_name(line.label)
    return Request(names.item_ids[names.path(line.path)], cast("Action", line.action), label)


def _misnamed(names: _Names, line: Asked) -> str | None:
    path = shown_path(line.path)
    if names.path(line.path) not in names.item_ids:
        return f"{path}: no such image in {names.root}. `queue --all` lists the paths."
    if line.action not in STATUS_AFTER:
        return f"{path}: no action {line.action!r}. Known: {', '.join(STATUS_AFTER)}."
    return None


class _Names:
    """Finds paths and classes by their real and by their shown names; the real one goes first."""

    def __init__(self, dataset: Dataset) -> None:
        self.root = dataset.root
        self.item_ids: dict[str, int] = {}
        # Later ones win: an image in the dataset goes before a quarantined one of that name.
        for item in sorted(dataset.items, key=lambda item: not item.quarantined):
            self.item_ids[item.path] = item.item_id
        self.item_ids = {shown_path(path): i for path, i in self.item_ids.items()} | self.item_ids
        is_listing = not dataset.root.is_dir()
        self._uris = {p.partition("/")[2]: p for p in self.item_ids if is_listing}
        self._classes = {shown_path(name): name for name in dataset.class_names}
        self._classes |= {name: name for name in dataset.class_names}

    def path(self, typed: str) -> str:
        """Return a path relative to the root; one that a shell completed leads through it.

        An image of a manifest is also known by its uri alone.
        """
        if typed in self.item_ids:
            return typed
        if typed in self._uris:
            return self._uris[typed]
        absolute = Path(typed).absolute()
        if absolute.is_relative_to(self.root):
            return absolute.relative_to(self.root).as_posix()
        return typed.strip()

    def class_name(self, typed: str) -> str:
        """Return the class meant, or what was typed where there is none."""
        return self._classes.get(typed) or self._classes.get(typed.strip(), typed)
