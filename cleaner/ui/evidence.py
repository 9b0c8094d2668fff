"""What stands beside a suspect, as the review deck asks for it: numbers of images, never paths."""

from __future__ import annotations

import threading
from dataclasses import asdict
from typing import Any

from cleaner.exhibits import Alike, Exhibits, Showcase
from cleaner.items import Item, shown_path
from cleaner.project import Project
from cleaner.ui import thumbnails

# A round that nobody looks at any more is let go of; few datasets are reviewed at a time.
_MOST_OPEN = 4


class Showcases:
    """One showcase for each dataset that somebody reviews."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[Project, Showcase]] = {}
        self._lock = threading.Lock()

    def evidence(self, key: str, project: Project, item_id: int) -> dict[str, Any]:
        """Return what is shown beside an image as plain values; raises as `Showcase.exhibits`."""
        return _as_json(self._showcase(key, project).exhibits(item_id))

    def _showcase(self, key: str, project: Project) -> Showcase:
        with self._lock:
            known = self._open.pop(key, None)
            if known is None or known[0] is not project:
                known = (project, Showcase(project.store, project.state))
            self._open[key] = known  # the latest one last
            if len(self._open) > _MOST_OPEN:
                del self._open[next(iter(self._open))]
            return known[1]


def _as_json(found: Exhibits) -> dict[str, Any]:
    return {
        "item_id": found.item.item_id,
        "current": shown_path(found.current),
        "suggested": None if found.suggested is None else shown_path(found.suggested),
        "like_current": [_alike(one) for one in found.like_current],
        "like_suggested": [_alike(one) for one in found.like_suggested],
        "duplicates": [
            _thumb(one.item) | {"exact": one.exact, "confirmed": one.confirmed}
            for one in found.duplicates
        ],
        "duplicate_count": found.duplicate_count,
        "votes": [
            asdict(vote) | {"top": [[shown_path(label), chance] for label, chance in vote.top]}
            for vote in found.votes
        ],
        "views": None if found.views is None else asdict(found.views),
    }


def _alike(one: Alike) -> dict[str, Any]:
    return _thumb(one.item) | {
        "similarity": round(one.similarity, 4),
        "confirmed": one.confirmed,
    }


def _thumb(item: Item) -> dict[str, Any]:
    return {
        "item_id": item.item_id,
        "v": thumbnails.version_of(item),
        "label": shown_path(item.current_label),
    }
