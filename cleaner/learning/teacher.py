"""The committee of the latest round as a teacher of the final model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cleaner import rescoring
from cleaner.errors import NotScored
from cleaner.exporters import label_line
from cleaner.items import shown_path
from cleaner.learning.lessons import Teacher
from cleaner.project import Project
from cleaner.rescoring import Rescorer
from cleaner.store import class_edits, rounds

_LEAST_KNOWN = 1e-6


def committee(project: Project, class_names: Sequence[str]) -> Teacher:
    """Return what the latest round says of each image, from models that never saw it.

    Probabilities are of `class_names` as models carry them; classes the round did not know get
    none, and an image that belongs to no other is left out.

    Raises:
        NotScored: there is no round, or it left nothing on disk.
    """
    with project.store.read() as connection:
        opening = rounds.latest_opening(connection)
        lineage = class_edits.lineage(connection)
    kept = None if opening is None else rescoring.read(project.state, *opening)
    if kept is None or opening is None:
        raise NotScored(
            f"{shown_path(str(project.root))}: no round is there that could teach the model. Run "
            "`score` first, or train without --distil."
        )
    number = {name: index for index, name in enumerate(class_names)}
    known = [number.get(label_line(lineage.since_round(n, opening[0]))) for n in kept.class_names]
    said = np.zeros((len(kept.item_ids), len(class_names)), np.float32)
    for column, place in zip(Rescorer(kept).probabilities().T, known, strict=True):
        if place is not None:
            said[:, place] += column
    sums = said.sum(axis=1)
    row = {int(item_id): index for index, item_id in enumerate(kept.item_ids)}
    rows = ((item.content_hash, row.get(item.item_id)) for item in project.dataset().items)
    return {
        content_hash: said[place] / sums[place]
        for content_hash, place in rows
        if place is not None and sums[place] > _LEAST_KNOWN
    }
