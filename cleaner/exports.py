"""Export a project: the cleaned data, or the model that came out of it, in a named format."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cleaner import manifests
from cleaner.classifier import Classifier, open_classifier
from cleaner.drafts import Draft
from cleaner.errors import ExportError, ImageRejected, ModelError
from cleaner.exporters import (
    DATASET_EXPORTERS,
    MODEL_EXPORTERS,
    MODEL_FILES,
    Entry,
    csv_file,
    export_model,
)
from cleaner.exporters.base import check_outside, kept_of
from cleaner.items import Dataset, shown_path
from cleaner.progress import Report, silent
from cleaner.project import Project
from cleaner.runtimes import RUNTIMES
from cleaner.selection import Selection

FORMATS: tuple[str, ...] = (*DATASET_EXPORTERS, *MODEL_EXPORTERS)
# As `cleaner.learning.shipping` asks of those that a training writes.
_COMPARED_ON = 100
_TOLERANCE = 1e-3
_ONE_FILE_AN_IMAGE = ("folder", "tree")


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        files: the images, the table or the model.
        manifest: what they are and how they came about.
        compared_on: for a model that was converted, the number of images on which it was held to
            the one it was made from; None for all else.
    """

    files: tuple[Path, ...]
    manifest: Path
    compared_on: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the fields the command line promises, plain values only."""
        compared = {} if self.compared_on is None else {"compared_on": self.compared_on}
        return compared | {
            "written": len(self.files),
            "files": [shown_path(str(path)) for path in self.files],
            "manifest": shown_path(str(self.manifest)),
        }


def export(
    project: Project,
    format_name: str,
    destination: Path,
    *,
    model_id: str | None = None,
    report: Report = silent,
) -> Exported:
    """Write the images, their labels or a model to a place where nothing is yet, with a manifest.

    All of it is made beside the destination, under a name that says that it is unfinished, and
    put in place once it is whole; what a kill has left there goes with the next export to the
    same destination. `manifests.read_into` reads the manifest back.

    Args:
        project: what is exported; its files are only read.
        format_name: one of `FORMATS`.
        destination: a new file or folder, or an empty folder.
        model_id: which trained model, for a model's format; the latest by default.
        report: told how far it is.

    Raises:
        ExportError: the format is unknown, or the destination taken or not writable; or what was
            converted answers otherwise than the model.
        ModelError: no model was trained yet, or none of that name.
    """
    if format_name not in FORMATS:
        raise ExportError(f"There is no format {format_name!r}. Known: {', '.join(FORMATS)}.")
    record = manifests.record(project)
    target = _target(format_name, destination)
    if format_name in DATASET_EXPORTERS and format_name != "csv":
        check_outside(project.root, target)
    contents: Mapping[int, Path] | Sequence[Path]
    compared_on = None
    with Draft(target).made() as draft:
        if format_name in MODEL_EXPORTERS:
            model_folder = _model_folder(project, model_id)
            contents = export_model(model_folder, format_name, draft.path)
            if needs_a_worker(format_name):
                compared_on = _compared(project, model_folder, format_name, draft.path)
        else:
            entries = _entries(project, record.dataset)
            contents = DATASET_EXPORTERS[format_name](entries, draft.path, report)
            if format_name in _ONE_FILE_AN_IMAGE:
                kept = [entry.item.item_id for entry in kept_of(entries)]
                contents = dict(zip(kept, contents, strict=True))
        manifests.write(record, format_name, contents, draft.manifest)
    files = contents.values() if isinstance(contents, Mapping) else contents
    return Exported(
        tuple(draft.placed(file) for file in files), manifests.place(target), compared_on
    )


def needs_a_worker(format_name: str) -> bool:
    """Tell whether a format has to be converted, which loads TensorFlow."""
    return format_name in MODEL_EXPORTERS and format_name not in MODEL_FILES


def _compared(project: Project, model_folder: Path, format_name: str, converted: Path) -> int:
    """Return on how many images a file just made agrees with the model.

    The formats that a training writes were held to the network then.

    Raises:
        ExportError: it labels one of them otherwise.
    """
    items = sorted(kept_of(_entries(project, project.dataset())), key=_sealed_first)
    files = [entry.file for entry in items[:_COMPARED_ON]]
    expected = open_classifier(model_folder)
    found = Classifier(RUNTIMES[format_name](converted), expected.class_names)
    pairs = zip(expected.predict_files(files), found.predict_files(files), strict=True)
    apart = [
        float(abs(one - other).max())
        for (_path, one), (_same, other) in pairs
        if not (isinstance(one, ImageRejected) or isinstance(other, ImageRejected))
    ]
    if max(apart, default=0.0) > _TOLERANCE:
        raise ExportError(
            f"The model as {format_name} disagrees with the model it was made from, by "
            f"{max(apart):.4f} on one of {len(apart)} images. Nothing was kept; install the pinned "
            "version of TensorFlow and export again."
        )
    return len(apart)


def _sealed_first(entry: Entry) -> bool:
    return entry.item.split != "test"


def _target(format_name: str, destination: Path) -> Path:
    whole = Path(os.path.abspath(destination))  # noqa: PTH100 - without following links
    # os.path: a folder that cannot be looked at is told of when it is to be written to.
    is_table_in_folder = format_name == "csv" and os.path.isdir(whole)  # noqa: PTH112
    return whole / csv_file.FILE_NAME if is_table_in_folder else whole


def _entries(project: Project, dataset: Dataset) -> list[Entry]:
    ranked = {item.item_id: item for item in project.ranking()} if project.rounds() else {}
    if ranked:
        for blind in project.selected(Selection(status="blind")).items:
            ranked.pop(blind.item_id, None)
    return [
        Entry(
            item=item,
            file=project.path_of(item),
            root=project.reach_of(item),
            review=ranked.get(item.item_id),
        )
        for item in dataset.items
    ]


def _model_folder(project: Project, model_id: str | None) -> Path:
    models = project.models()
    chosen = [model for model in models if model_id in (None, model.model_id)]
    if chosen:
        return project.state / chosen[0].folder
    where = shown_path(str(project.root))
    if model_id is None or not models:
        raise ModelError(f"{where}: no model was trained yet. Run `python -m cleaner train` on it.")
    known = ", ".join(model.model_id for model in models)
    raise ModelError(f"{where}: no model {model_id!r}. Known: {known}.")
