"""Export a project: the cleaned data, or the model that came out of it, in a named format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cleaner import manifests
from cleaner.errors import ExportError, ModelError
from cleaner.exporters import DATASET_EXPORTERS, MODEL_EXPORTERS, Entry, csv_file, export_model
from cleaner.exporters.folder import kept_of
from cleaner.items import shown_path
from cleaner.progress import Report, silent
from cleaner.project import Project

FORMATS: tuple[str, ...] = (*DATASET_EXPORTERS, *MODEL_EXPORTERS)


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        files: the images, the table or the model.
        manifest: what they are and how they came about.
    """

    files: tuple[Path, ...]
    manifest: Path


def export(
    project: Project,
    format_name: str,
    destination: Path,
    *,
    model_id: str | None = None,
    report: Report = silent,
) -> Exported:
    """Write the images, their labels or a model to a place where nothing is yet, with a manifest.

    `manifests.read_into` reads the manifest back.

    Args:
        project: what is exported; its files are only read.
        format_name: one of `FORMATS`.
        destination: a new file or folder, or an empty folder.
        model_id: which trained model, for a model's format; the latest by default.
        report: told how far it is.

    Raises:
        ExportError: the format is unknown, or the destination taken or not writable.
        ModelError: no model was trained yet, or none of that name.
    """
    if format_name not in FORMATS:
        raise ExportError(f"There is no format {format_name!r}. Known: {', '.join(FORMATS)}.")
    manifest = manifests.place(_target(format_name, destination))
    if manifest.exists():
        raise ExportError(
            f"{shown_path(str(manifest))}: there is something already, and nothing is "
            "overwritten. Name another destination."
        )
    contents: Mapping[int, Path] | Sequence[Path]
    if format_name in MODEL_EXPORTERS:
        contents = export_model(_model_folder(project, model_id), format_name, destination)
    else:
        entries = _entries(project)
        contents = DATASET_EXPORTERS[format_name](entries, destination, report)
        if format_name == "folder":
            kept = [entry.item.item_id for entry in kept_of(entries)]
            contents = dict(zip(kept, contents, strict=True))
    manifests.write(project, format_name, contents, manifest)
    files = contents.values() if isinstance(contents, Mapping) else contents
    return Exported(tuple(files), manifest)


def _target(format_name: str, destination: Path) -> Path:
    is_table_in_folder = format_name == "csv" and destination.is_dir()
    return destination / csv_file.FILE_NAME if is_table_in_folder else destination


def _entries(project: Project) -> list[Entry]:
    ranked = {item.item_id: item for item in project.ranking()} if project.rounds() else {}
    return [
        Entry(
            item=item,
            file=project.path_of(item),
            root=project.places.quarantine if item.quarantined else project.root,
            review=ranked.get(item.item_id),
        )
        for item in project.dataset().items
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
