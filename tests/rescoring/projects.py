"""A project whose round was solved on made-up features, as `tasks.score` would have left it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from cleaner import queue, rescoring
from cleaner.items import ScannedFile
from cleaner.project import Project
from cleaner.store import catalogue, rounds
from tests.rescoring.rounds import CLASS_NAMES, SolvedRound, evidence_of, solved_round


def followed_project(
    folder: Path, solved: SolvedRound | None = None, *, store: str | None = None
) -> Project:
    """Return a project of 90 images, known by name only, with a round that can be followed."""
    root = folder / "made-up"
    root.mkdir()
    project, solved = Project(root, store=store), solved or solved_round()
    with project.store.write() as connection:
        catalogue.set_classes(connection, CLASS_NAMES)
        catalogue.add_items(
            connection,
            [
                (_file(number, CLASS_NAMES[label]), int(group), "test" if sealed else "train")
                for number, (label, group, sealed) in enumerate(
                    zip(
                        solved.examples.labels,
                        solved.examples.groups,
                        solved.examples.sealed,
                        strict=True,
                    )
                )
            ],
        )
    open_solved_round(project, solved)
    return project


def open_solved_round(project: Project, solved: SolvedRound) -> int:
    """Open a round with what was solved; its items are the project's, in their order."""
    items = np.array([item.item_id for item in project.dataset().items])
    prediction = solved.prediction
    evidence = evidence_of(solved.examples.labels, prediction, prediction.pred_probs)
    kept = replace(solved.kept, item_ids=items)
    written = rescoring.write(project.state, kept)
    with project.store.write() as connection:
        number = rounds.open_round(
            connection,
            {
                "model_id": "made-up",
                "images": len(items),
                "flagged": 0,
                "accuracy": 0.5,
                "seconds": {},
                "settings": {},
                "started_at": kept.opening.started_at,
            },
            queue.build(items, evidence, CLASS_NAMES, solved.kept.standard),
        )
    rescoring.publish(written, project.state, number)
    return number


def _file(number: int, class_name: str) -> ScannedFile:
    return ScannedFile(
        path=f"{class_name}/{number:03d}.jpg",
        class_name=class_name,
        content_hash=f"{number:064x}",
        perceptual_hash="0",
        width=9,
        height=9,
        byte_size=9,
        mtime_ns=0,
    )
