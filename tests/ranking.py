"""A round as a model would open it, for tests that need a queue and no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cleaner import surveying
from cleaner.decisions import ReviewItem
from cleaner.project import Project
from cleaner.sampling import Sampling
from cleaner.selection import Selection
from cleaner.store import rounds

# Columns of a round of which nothing is to be known.
VALUES: dict[str, Any] = {
    "model_id": "none",
    "images": 0,
    "flagged": 0,
    "accuracy": 0.5,
    "seconds": {"features": 0.0, "training": 0.0, "total": 0.0},
    "settings": {},
    "started_at": "2026-01-01T00:00:00+00:00",
}


def open_round(project: Project, *, flagged: Mapping[str, str]) -> int:
    """Open a round that suspects these paths of being another class, in their order."""
    items = {item.path: item for item in project.dataset().items if not item.quarantined}
    suspects = [items[path].item_id for path in flagged]
    others = [item.item_id for item in items.values() if item.item_id not in suspects]
    suggested = dict(zip(suspects, flagged.values(), strict=True))
    labels = {item.item_id: item.current_label for item in items.values()}
    ranking = [
        {
            "item_id": item_id,
            "position": position,
            "suggested_label": suggested.get(item_id, labels[item_id]),
            "self_confidence": 0.1 if item_id in suggested else 0.9,
            "suggested_confidence": 0.9,
            "label_quality": 0.1 if item_id in suggested else 0.9,
            "flagged": item_id in suggested,
            "reasons": ["Looks different"] if item_id in suggested else [],
        }
        for position, item_id in enumerate([*suspects, *others])
    ]
    values = VALUES | {"images": len(ranking), "flagged": len(suspects)}
    with project.store.write() as connection:
        return rounds.open_round(connection, values, ranking)


def draw_a_suspect(project: Project) -> ReviewItem:
    """Draw so many images that one suspect is to be looked at blind; return it unveiled."""
    draw_lots(project, flagged=[item.path for item in project.queue()], sealed=False)
    for size in range(1, len(project.dataset().items) + 1):
        project.set_sampling(Sampling(size=size))
        blind = project.selected(Selection(status="blind")).items
        if any(item.flagged for item in blind):
            return next(item for item in blind if item.flagged)
    raise AssertionError("No suspect was drawn.")


def draw_lots(project: Project, *, flagged: Sequence[str] = (), sealed: bool = True) -> None:
    """Draw lots for the latest round, and seal the test images, as scoring them would."""
    items = [item for item in project.dataset().items if not item.quarantined]
    names = project.class_names()
    wrong = np.array([0.9 if item.path in flagged else 0.02 for item in items])
    doubts = surveying.Doubts(
        np.array([item.item_id for item in items], np.int64),
        np.array([names.index(item.current_label) for item in items], np.int64),
        names,
        wrong=wrong,
        flagged=wrong > 0.5,
    )
    number = project.rounds()[-1].round_id
    surveying.draw(project.store, number, doubts, seed=0)
    if sealed:
        surveying.seal(project.store, number, items, [item.current_label for item in items])
