"""What stands beside a suspect, as the review deck asks for it: numbers of images, never paths."""

from __future__ import annotations

import atexit
import threading
from collections import OrderedDict
from dataclasses import asdict
from typing import Any

from cleaner.errors import NotScored
from cleaner.exhibits import NO_EVIDENCE, Alike, Case, Exhibits, Showcase
from cleaner.gaze import activation, looking
from cleaner.gaze.onlooker import Onlooker
from cleaner.gaze.overlay import overlay
from cleaner.items import Item, shown_path
from cleaner.project import Project
from cleaner.ui import actions, thumbnails

# A round that nobody looks at any more is let go of; few datasets are reviewed at a time.
_MOST_OPEN = 4
# Maps that were drawn, for those who look again; some 50 kB each.
_MOST_DRAWN = 64

_onlooker = Onlooker()
atexit.register(_onlooker.end)


class Showcases:
    """One showcase for each dataset that somebody reviews."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[Project, Showcase]] = {}
        self._drawn: OrderedDict[tuple[Any, ...], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def evidence(self, key: str, project: Project, item_id: int) -> dict[str, Any]:
        """Return what is shown beside an image as plain values; raises as `Showcase.exhibits`."""
        return _as_json(self._showcase(key, project).exhibits(item_id))

    def heat(self, key: str, project: Project, item_id: int) -> bytes:
        """Return where the model sees the suggested label, and where the current one, as a PNG.

        Raises:
            NotScored: the latest round left nothing to tell it by, or suggests no other label.
            UnknownItem: no image has this number.
            BackboneError: the round's networks show no map.
            ImageRejected: the file is gone or another one.
        """
        case = self._showcase(key, project).case(item_id)
        name = (key, case.kept.opening, item_id, case.current, case.suggested)
        with self._lock:
            if name in self._drawn:
                self._drawn.move_to_end(name)
                return self._drawn[name]
        drawn = _drawn(project, case)
        with self._lock:
            self._drawn[name] = drawn
            if len(self._drawn) > _MOST_DRAWN:
                self._drawn.popitem(last=False)
        return drawn

    def _showcase(self, key: str, project: Project) -> Showcase:
        with self._lock:
            known = self._open.pop(key, None)
            if known is None or known[0] is not project:
                known = (project, Showcase(project.store, project.state))
            self._open[key] = known  # the latest one last
            if len(self._open) > _MOST_OPEN:
                del self._open[next(iter(self._open))]
            return known[1]


def _drawn(project: Project, case: Case) -> bytes:
    toward, against = case.number(case.suggested), case.number(case.current)
    if case.suggested is None:
        raise NotScored("No other label is suggested for this image.")
    if toward is None or against is None:
        raise NotScored(NO_EVIDENCE)
    lead = activation.lead(case.kept, case.testimony, case.place, toward, against)
    data, settings = thumbnails.content(project, case.item), actions.score_settings(project)
    seen = looking.look(data, settings, lead, _onlooker)
    return overlay(seen, case.item.width, case.item.height)


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
