"""Several final models on the same images, and the table that compares them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cleaner.learning.final import cache_of, look_ahead, planned, train_final
from cleaner.progress import Progress, Report, silent
from cleaner.project import Project
from cleaner.settings import GridSettings
from cleaner.store.models import FinalModel

_SUFFIX = ".comparison.json"


def train_grid(
    project: Project, settings: GridSettings, report: Report = silent
) -> tuple[list[FinalModel], Path]:
    """Train each model and return them in order, with the file that compares them.

    Each photo is read once for the features of all, and decoded pictures are shared. Whatever
    cannot be had is told before the first training begins. A model that was trained already with
    the same settings on the same labels is not trained again, so that a run that was killed goes
    on where it was.

    Raises:
        CleanerError: as `train_final`.
    """
    each = settings.each()
    plans = [planned(project, one) for one in each]
    done = {model.receipt.get("recipe"): model for model in reversed(project.models())}
    found = [_whole(done.get(plan.key)) for plan in plans]
    missing = [
        plan
        for plan, one, model in zip(plans, each, found, strict=True)
        if model is None and not one.from_nothing
    ]
    if missing:
        look_ahead(missing, each[0], cache_of(project, each[0]), report)
    for number, one in enumerate(each):
        if found[number] is None:
            found[number] = train_final(project, one, _numbered(report, number, len(each)))
    models = [model for model in found if model is not None]
    return models, _kept(project, compared(models))


def compared(models: Sequence[FinalModel]) -> list[dict[str, Any]]:
    """Return a row a model, as plain values; sizes and speeds are those of TensorFlow Lite."""
    names = ("accuracy", "accuracy_interval", "images_per_second", "parameters")
    return [
        {"model": model.folder, "architecture": model.architecture}
        | {name: model.receipt.get(name) for name in names}
        | {"size_bytes": model.receipt["size_bytes"]["tflite"]}
        for model in models
    ]


def _whole(model: FinalModel | None) -> FinalModel | None:
    return model if model is not None and Path(model.folder).is_dir() else None


def _numbered(report: Report, number: int, total: int) -> Report:
    def told(progress: Progress) -> None:
        report(replace(progress, stage=f"Model {number + 1} of {total}: {progress.stage}"))

    return told


def _kept(project: Project, rows: list[dict[str, Any]]) -> Path:
    path = project.state / "models" / f"{datetime.now(UTC):%Y%m%d-%H%M%S}{_SUFFIX}"
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(rows, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    beside.replace(path)
    return path
