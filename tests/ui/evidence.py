"""A scanned dataset whose round left evidence: made-up features, real pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from cleaner import queue, rescoring
from cleaner.learning.scoring import Examples, out_of_fold
from cleaner.predictions import Evidence
from cleaner.project import Project
from cleaner.rescoring import Kept, Opening
from cleaner.settings import ScoreSettings
from cleaner.store import rounds
from tests.ui.samples import make_images

_INPUTS = 2560  # as many features as the default networks have together
_SETTINGS = ScoreSettings(views=2, folds=2)


def project_with_evidence(folder: Path, *, each: int = 12, wrong: int = 8) -> Project:
    """Return a project with one round in which `wrong` labels look like another class."""
    project = Project(make_images(folder / "shapes", each=each))
    project.scan()
    items, names = project.dataset().items, project.class_names()
    labels = np.array([names.index(item.current_label) for item in items])
    examples = Examples(
        item_ids=np.array([item.item_id for item in items]),
        view_features=(_features(labels, wrong),),
        labels=labels,
        class_names=names,
        groups=np.array([item.group_id for item in items]),
        sealed=np.zeros(len(items), bool),
    )
    _open(project, examples)
    return project


def _features(labels: np.ndarray, wrong: int) -> np.ndarray:
    """Return (view, item, feature): classes apart, some images among those of the next one."""
    rng = np.random.default_rng(0)
    truth = labels.copy()
    mislabelled = np.arange(0, len(labels), len(labels) // wrong)[:wrong]
    truth[mislabelled] = (truth[mislabelled] + 1) % (labels.max() + 1)
    centres = rng.gamma(1.0, size=(labels.max() + 1, 32))
    plain = np.maximum(centres[truth] + 0.2 * rng.normal(size=(len(labels), 32)), 0)
    seen: np.ndarray = (plain + 0.05 * rng.random((2, *plain.shape))).astype(np.float32)
    return seen


def _open(project: Project, examples: Examples) -> None:
    prediction = out_of_fold(examples, _SETTINGS)
    evidence = Evidence(
        examples.labels,
        prediction.pred_probs,
        prediction.view_probs,
        prediction.committee_probs,
        member_names=prediction.member_names,
    )
    standard = replace(queue.fitting(evidence), signal="balanced_confidence", cut=0.5)
    verdict = queue.judged(evidence, standard)
    kept = rescoring.kept_of(
        prediction,
        verdict,
        groups=examples.groups,
        sealed=examples.sealed,
        opening=Opening("2026-01-01T00:00:00.000+00:00", 0),
    )
    assert kept is not None
    written = rescoring.write(project.state, _seen_by_the_default_networks(kept))
    ranking = queue.ranked(examples.item_ids, verdict, examples.class_names)
    values = {
        "model_id": "made-up",
        "images": len(examples.labels),
        "flagged": sum(row["flagged"] for row in ranking),
        "accuracy": 0.8,
        "seconds": {},
        "settings": ScoreSettings().as_json(),
        "started_at": kept.opening.started_at,
    }
    with project.store.write() as connection:
        number = rounds.open_round(connection, values, ranking)
    rescoring.publish(written, project.state, number)


def _seen_by_the_default_networks(kept: Kept) -> Kept:
    """Give the ridge as many inputs as these networks have features; what it sees is made up."""
    testimony = kept.testimony
    assert testimony is not None
    rng = np.random.default_rng(0)
    shape = (_INPUTS + 1, len(testimony.taught))
    basis = rng.standard_normal(shape, dtype=np.float32)
    means = rng.random(_INPUTS, dtype=np.float32)
    return replace(kept, testimony=replace(testimony, basis=basis, means=means))
