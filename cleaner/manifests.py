"""What an export holds and how it came about, in a file that reads back.

A manifest lists every image by its content with its labels and all decisions about it. Read into
another project of the same images, wherever their files lie, it makes the labels the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from sqlalchemy import Connection

from cleaner import __version__
from cleaner.decisions import STATUS_AFTER, Action, Decision
from cleaner.errors import ManifestError
from cleaner.exporters.base import beside
from cleaner.items import Dataset, Item, Status, shown_path
from cleaner.project import Project
from cleaner.store import catalogue, decisions

FORMAT = 1
NAME = "manifest.json"
_MOST_BYTES = 2**30
_LOGGED = ("op_id", "action", "label_before", "label_after", "reviewer", "decided_at", "undoes")


@dataclass(frozen=True, slots=True)
class Imported:
    """What a manifest brought.

    Attributes:
        matched: images of the manifest that are here.
        recorded: decisions that are new here.
        unknown: paths in the manifest whose content is not here.
        missing: paths here whose content is not in the manifest; they stay as they were.
    """

    matched: int
    recorded: int
    unknown: tuple[str, ...]
    missing: tuple[str, ...]


# -- out ---------------------------------------------------------------------------------


def place(written: Path) -> Path:
    """Return where the manifest of an exported file or folder lies: beside it.

    Not inside: other tools take all that lies beside class folders for a class, or stumble.

    >>> place(Path("/clean")).as_posix()
    '/clean.manifest.json'
    """
    whole = Path(os.path.abspath(written))  # noqa: PTH100 - a name for "." without following links
    return whole.with_name(f"{whole.name}.{NAME}")


@dataclass(frozen=True, slots=True)
class Record:
    """The images and the log of a project at one moment; the log has the first entry first."""

    dataset: Dataset
    log: tuple[Decision, ...]


def record(project: Project) -> Record:
    """Return what is exported, before it is: others may decide while files are copied."""
    with project.store.read() as connection:
        names, items = catalogue.class_names(connection), catalogue.all_items(connection)
        log = tuple(reversed(decisions.history(connection)))
    return Record(Dataset(project.root, names, items), log)


def write(
    record: Record, format_name: str, written: Mapping[int, Path] | Sequence[Path], file: Path
) -> None:
    """Write the manifest of an export.

    Args:
        record: what was exported.
        format_name: as what.
        written: the file of each item_id, or the files.
        file: where to; see `place`.

    Raises:
        ExportError: it cannot be written.
    """
    by_item = dict(written) if isinstance(written, Mapping) else {}
    files = [] if isinstance(written, Mapping) else list(written)
    log: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for decision in record.log:
        values = asdict(decision)
        log[decision.item_id].append({name: values[name] for name in _LOGGED})
    document = {
        "manifest": FORMAT,
        "cleaner": __version__,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "format": format_name,
        "classes": list(record.dataset.class_names),
        "files": {_beside(path, file): _sha256(path) for path in _all_files(files)},
        "images": [
            _image(item, log[item.item_id])
            | ({"file": _beside(by_item[item.item_id], file)} if item.item_id in by_item else {})
            for item in record.dataset.items
        ],
    }
    # ASCII: names that are not UTF-8 come back byte for byte.
    with beside(file) as partial:
        partial.write_text(json.dumps(document, indent=1) + "\n", encoding="ascii")


def _image(item: Item, log: list[dict[str, Any]]) -> dict[str, Any]:
    names = ("content_hash", "path", "given_label", "current_label", "status", "split")
    return {name: getattr(item, name) for name in names} | {"decisions": log}


def _all_files(paths: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if stat.S_ISDIR(path.stat().st_mode):
            # Not rglob, which passes over a folder that it may not read.
            for folder, _folders, names in os.walk(path, onerror=_raise):
                found += [Path(folder, name) for name in names]
        else:
            found.append(path)
    return sorted(found)


def _raise(error: OSError) -> None:
    raise error


def _beside(path: Path, manifest: Path) -> str:
    return Path(os.path.relpath(path, manifest.parent)).as_posix()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# -- in ----------------------------------------------------------------------------------


def read_into(project: Project, file: Path) -> Imported:
    """Record what the manifest's log holds for the images that are here, each decision once.

    Images are known by content; of several with the same one, the path and then the given label
    tell which is meant. All of it is recorded, or nothing.

    Raises:
        ManifestError: this is no manifest, or not a sound one.
    """
    images = _checked(_document(file), file)
    with project.store.write() as connection:
        here = catalogue.all_items(connection)
        pairs, unknown, missing = _matched(images, here)
        classes = set(catalogue.class_names(connection))
        wanted = {image["current_label"] for image, _ in pairs}
        catalogue.set_classes(connection, sorted(classes | wanted))
        recorded = sum(_replay(connection, image, item) for image, item in pairs)
    return Imported(len(pairs), recorded, unknown, missing)


def _matched(
    images: Sequence[dict[str, Any]], here: Sequence[Item]
) -> tuple[list[tuple[dict[str, Any], Item]], tuple[str, ...], tuple[str, ...]]:
    left: dict[str, list[Item]] = defaultdict(list)
    for item in here:
        left[item.content_hash].append(item)
    pairs: list[tuple[dict[str, Any], Item]] = []
    waiting = list(images)
    # Surest first, over all images, so that no twin takes another's place.
    for is_same in (_same_path, _same_given, _any_twin):
        rest: list[dict[str, Any]] = []
        for image in waiting:
            twins = left[image["content_hash"]]
            found = next((twin for twin in twins if is_same(image, twin)), None)
            if found is None:
                rest.append(image)
            else:
                twins.remove(found)
                pairs.append((image, found))
        waiting = rest
    missing = tuple(item.path for twins in left.values() for item in twins)
    return pairs, tuple(image["path"] for image in waiting), missing


def _same_path(image: Mapping[str, Any], item: Item) -> bool:
    return bool(image["path"] == item.path)


def _same_given(image: Mapping[str, Any], item: Item) -> bool:
    return bool(image["given_label"] == item.given_label)


def _any_twin(_image: Mapping[str, Any], _item: Item) -> bool:
    return True


def _replay(connection: Connection, image: Mapping[str, Any], item: Item) -> int:
    """Record an image's decisions, then whatever is still amiss; return how many were new."""
    log = _standing(image)
    known = decisions.known_ops(connection, [one["op_id"] for one in log])
    fresh = [
        Decision(item_id=item.item_id, **{name: one[name] for name in _LOGGED})
        for one in log
        if one["op_id"] not in known
    ]
    for decision in fresh:
        decisions.record(connection, decision)
    now = catalogue.item(connection, item.item_id)
    amended = [] if now is None else _amendment(image, now)
    for decision in amended:
        decisions.record(connection, decision)
    return len(fresh) + len(amended)


def _standing(image: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the log without skips that a later round made good: they changed no label."""
    log: list[dict[str, Any]] = list(image["decisions"])
    if image["status"] == "skipped":
        return log
    skips = {one["op_id"] for one in log if one["action"] == "skip"}
    return [one for one in log if one["op_id"] not in skips and one["undoes"] not in skips]


def _amendment(image: Mapping[str, Any], now: Item) -> list[Decision]:
    """Return the decision that is missing where this project began with other labels."""
    if now.current_label == image["current_label"]:
        return []
    name = f"{image['content_hash']}/{now.item_id}/{now.current_label}/{image['current_label']}"
    moved = Decision(
        op_id=str(uuid.uuid5(uuid.NAMESPACE_OID, ascii(name))),
        item_id=now.item_id,
        action="move",
        label_before=now.current_label,
        label_after=image["current_label"],
        reviewer="(manifest)",
        decided_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
    )
    return [moved]


def _document(file: Path) -> dict[str, Any]:
    shown = shown_path(str(file))
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise ManifestError(f"{shown}: too large for a manifest. Name a {NAME}.")
        document = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ManifestError(
            f"{shown}: cannot be read ({error.strerror}). Name the {NAME} of an export."
        ) from error
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{shown}: this is not JSON. Name the {NAME} of an export.") from error
    if not isinstance(document, dict) or document.get("manifest") != FORMAT:
        raise ManifestError(
            f"{shown}: this is no manifest of format {FORMAT}. Name the {NAME} of an export."
        )
    return document


def _checked(document: Mapping[str, Any], file: Path) -> list[dict[str, Any]]:
    images = document.get("images")
    for number, image in enumerate(images if isinstance(images, list) else [None], 1):
        if not _is_image(image):
            raise ManifestError(
                f"{shown_path(str(file))}: image {number} is not as an export writes it. "
                "Export again, and import that file."
            )
    return list(images or [])


def _is_image(image: Any) -> bool:
    if not isinstance(image, dict):
        return False
    texts = [image.get(name) for name in ("content_hash", "path", "given_label")]
    return (
        all(isinstance(text, str) for text in texts)
        and is_class_name(image.get("current_label"))
        and image.get("status") in get_args(Status)
        and isinstance(image.get("decisions"), list)
        and all(_is_decision(one) for one in image["decisions"])
    )


def _is_decision(one: Any) -> bool:
    if not isinstance(one, dict) or not set(_LOGGED) <= one.keys():
        return False
    return (
        isinstance(one["op_id"], str)
        and 8 <= len(one["op_id"]) <= 64
        and one["action"] in (*STATUS_AFTER, *get_args(Action))
        and is_class_name(one["label_before"])
        and is_class_name(one["label_after"])
        and isinstance(one["reviewer"], str)
        and _is_time(one["decided_at"])
        and isinstance(one["undoes"], str | None)
    )


def _is_time(text: Any) -> bool:
    return isinstance(text, str) and text.isascii() and text.isprintable() and len(text) <= 40


def is_class_name(name: object) -> bool:
    """Tell whether a class folder could have this name; a label becomes a folder when applied.

    >>> [is_class_name(name) for name in ("cat", "../cat", "..", ".hidden", "", 7)]
    [True, False, False, False, False, False]
    """
    if not isinstance(name, str) or not name or name.startswith(".") or {"/", "\0"} & set(name):
        return False
    try:
        return len(os.fsencode(name)) <= 255
    except UnicodeEncodeError:  # halves of pairs that stand for no byte
        return False
