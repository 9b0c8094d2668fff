"""What takes a while and needs no network: a worker does these without loading TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cleaner import following, lanes, maps
from cleaner.items import shown_path
from cleaner.progress import Report
from cleaner.project import Project

Errand = Callable[[Project, dict[str, Any], Report], dict[str, Any]]


def undo(project: Project, settings: dict[str, Any], report: Report) -> dict[str, Any]:
    """Take back all that was decided in the round the settings name, or without one everything.

    Settings: ``round``, a number or None; ``reviewer``, a name for the log.
    """
    round_id, reviewer = settings.get("round"), settings.get("reviewer", "")
    if round_id is None:
        undone = project.undo_all(reviewer=reviewer, report=report)
    else:
        undone = project.undo(round_id=round_id, reviewer=reviewer, report=report)
    following.catch_up(project.store, project.state)
    problems = [{"path": path, "reason": reason} for path, reason in undone.problems]
    return {"undone": len(undone.decisions), "problems": problems}


def draw_map(project: Project, _settings: dict[str, Any], report: Report) -> dict[str, Any]:
    """Find a place in the plane for each image."""
    made = maps.make(project, report)
    return {
        "round": made.round_id,
        "images": len(made.item_ids),
        "laid_out": made.laid_out,
        "file": shown_path(str(maps.file_of(project))),
    }


def make_receipt(project: Project, settings: dict[str, Any], report: Report) -> dict[str, Any]:
    """Hold the trained models against each other on the sealed images.

    Settings: ``models``, their ids; all by default.
    """
    from cleaner import comparisons

    return comparisons.keep(project, settings.get("models", ()), report)


def exclude_batch(project: Project, settings: dict[str, Any], report: Report) -> dict[str, Any]:
    """Exclude very many images at once, those of the `lanes.Batch` that the settings are."""
    excluded = lanes.exclude_batch(project, lanes.Batch(**settings), report)
    following.catch_up(project.store, project.state)
    return {"excluded": excluded}


def take_batch_back(project: Project, settings: dict[str, Any], report: Report) -> dict[str, Any]:
    """Take back what `exclude_batch` did with the same settings."""
    undone = lanes.take_batch_back(project, lanes.Batch(**settings), report)
    following.catch_up(project.store, project.state)
    return {"undone": undone}


ERRANDS: dict[str, Errand] = {
    "undo": undo,
    "map": draw_map,
    "receipt": make_receipt,
    "exclude": exclude_batch,
    "include": take_batch_back,
}
