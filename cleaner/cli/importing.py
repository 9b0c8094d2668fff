"""The verb that brings images or decisions in: import."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cleaner.cli.desk import Desk, dataset_verb, examples, table
from cleaner.cli.watching import ProgressLine
from cleaner.items import shown_path

if TYPE_CHECKING:
    from cleaner import imports

_MANIFEST = "manifest"
# Those of `cleaner.importers`, named here so that --help need not load it.
IMPORT_FORMATS = (
    *("cifar_binary", "cifar_python", "csv", "coco", "tfds", "tfrecord", "tree", "folder"),
    _MANIFEST,
)
_SHOWN = 12


@click.command(
    "import",
    epilog=examples(
        "import cifar-10-binary.tar.gz cifar10",
        "import labels.csv photos --images downloads",
        "import imagenette2 imagenette --format tree",
        "import cleaned.manifest.json photos",
    ),
)
@click.argument("source", type=click.Path(path_type=Path))
@dataset_verb
@click.option(
    "--format",
    "format_name",
    type=click.Choice(IMPORT_FORMATS),
    help="What SOURCE is.  [default: as it looks]",
)
@click.option(
    "--images",
    "images_folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where relative paths in a table start.  [default: where the table lies]",
)
def take_in(
    desk: Desk, *, source: Path, format_name: str | None, images_folder: Path | None
) -> None:
    """Copy the images of SOURCE into the class folders of DATASET.

    SOURCE is a set as others keep it: CIFAR-10 or -100, a CSV table, TFRecord files, a TFDS
    folder, train/val/test folders, COCO's JSON or class folders. It is only read; nothing in
    DATASET is overwritten; what cannot be taken is named. Run it again to go on after a stop.
    The parts a source has (train, validation, test) are kept.

    The manifest of an export brings labels and decisions to images that are there, known by
    their content.
    """
    from cleaner import imports  # here and not at the top: --help is quick

    if format_name == _MANIFEST or (format_name is None and _is_manifest(source, desk.root)):
        _take_over(desk, source)
    else:
        _copy(desk, imports.Source(source, format_name, images_folder))


def _is_manifest(source: Path, dataset: Path) -> bool:
    # The dataset may come first, too: so it was before there were other sources.
    return dataset.suffix == ".json" or source.name.endswith("manifest.json")


def _copy(desk: Desk, source: imports.Source) -> None:
    from cleaner import imports

    with ProgressLine() as line:
        done = imports.import_into(
            desk.root,
            source,
            state=desk.state or _default_state(desk.root),
            known=_known(desk),
            report=line,
        )
    document = done.as_json()
    desk.answer(document, _lines(desk, document))


def _default_state(root: Path) -> Path:
    from cleaner.project import default_state

    return default_state(root.absolute())


def _known(desk: Desk) -> set[str]:
    """Return the content of what is there, so that what was moved since is not brought again."""
    if not desk.root.is_dir() or not (desk.state or _default_state(desk.root)).is_dir():
        return set()
    with desk.project() as project:
        return {item.content_hash for item in project.dataset().items}


def _lines(desk: Desk, document: dict[str, Any]) -> Iterator[str]:
    there = document["already_there"]
    known = f", {there:,} were there already" if there else ""
    yield f"{document['imported']:,} images copied as {document['format']}{known}."
    yield ""
    yield from table(("class", "images"), document["classes"].items())
    if document["splits"]:
        parts = (f"{count:,} {split}" for split, count in document["splits"].items())
        yield f"\nparts     {', '.join(parts)}"
    yield from (f"note      {note}" for note in document["notes"])
    passed_over = document["passed_over"]
    if passed_over:
        yield f"\n{len(passed_over):,} passed over:"
        yield from (f"  {one['where']}: {one['reason']}" for one in passed_over[:_SHOWN])
        if len(passed_over) > _SHOWN:
            yield f"  ... and {len(passed_over) - _SHOWN:,} more; --json lists them all."
    yield ""
    yield desk.next_step("score")


def _take_over(desk: Desk, source: Path) -> None:
    from cleaner import manifests

    if desk.root.suffix == ".json" and source.is_dir():
        desk, source = Desk(source, desk.state, desk.as_json, desk.store), desk.root
    with desk.project() as project:
        if not project.dataset().items:
            project.scan()
        found = manifests.read_into(project, source)
    document = asdict(found) | {
        "unknown": [shown_path(path) for path in found.unknown],
        "missing": [shown_path(path) for path in found.missing],
    }
    lines = [
        f"{found.matched:,} images known, {found.recorded:,} decisions recorded.",
        *(f"  not here: {path}" for path in document["unknown"]),
        *(f"  not in the manifest: {path}" for path in document["missing"]),
    ]
    desk.answer(document, lines)
