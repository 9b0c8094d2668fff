"""TFRecord files of tf.Examples: as written here, by TF-Slim's scripts, or prepared by TFDS."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cleaner import given_splits, tfrecords
from cleaner.errors import SourceError
from cleaner.importers.base import Contents, Found, Importer, PassedOver, bytes_record, plain_name
from cleaner.items import Split, shown_path
from cleaner.tfrecords import Damaged, Value

_IMAGES = ("image/encoded", "image", "image_raw", "encoded")
_TEXTS = ("image/class/text", "class/text", "label_text", "class_name")
_NUMBERS = ("image/class/label", "label", "class", "target")
_NAMES = ("image/filename", "filename", "file_name", "image/source_id")
_LABELS = ("labels.txt", "label.labels.txt")
_INFO = "dataset_info.json"
_WORD = re.compile(r"[A-Za-z]+")
_NUMBERED_LABEL = re.compile(r"\d+\s*:\s*")


def _recognises(source: Path) -> bool:
    return bool(_files(source)) and not _recognises_tfds(source)


def _recognises_tfds(source: Path) -> bool:
    return bool(_versions(source))


def _contents(source: Path, _images: Path | None) -> Contents:
    files = _files(source)
    if not files:
        raise SourceError(
            f"{shown_path(str(source))}: no .tfrecord in it. Give one, or a folder of them."
        )
    names = _label_names(files[0].parent)
    return Contents(_records(files, names), class_names=tuple(names))


def _tfds(source: Path, images: Path | None) -> Contents:
    found = _versions(source)
    if len(found) != 1:
        known = ", ".join(shown_path(str(folder.relative_to(source))) for folder in found)
        raise SourceError(
            f"{shown_path(str(source))}: "
            + (f"there are several versions in it: {known}." if found else f"no {_INFO} in it.")
            + " Give the folder of one version, as TFDS prepared it."
        )
    return _contents(found[0], images)


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source] if ".tfrec" in source.name else []
    return sorted(path for path in source.glob("*.tfrec*") if path.is_file())


def _versions(source: Path) -> list[Path]:
    if not source.is_dir():
        return []
    infos = (*source.glob(_INFO), *source.glob(f"*/{_INFO}"), *source.glob(f"*/*/{_INFO}"))
    return sorted(info.parent for info in infos if _files(info.parent))


def _label_names(folder: Path) -> Sequence[str]:
    """Return the class names in the order of their numbers; none where no file lists them."""
    for name in _LABELS:
        try:
            text = (folder / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        return [_NUMBERED_LABEL.sub("", line, count=1) for line in text.split("\n") if line]
    return []


def _split(path: Path) -> Split | None:
    words = _WORD.findall(path.name.partition(".tfrec")[0])
    named = [split for word in words if (split := given_splits.named(word)) is not None]
    return named[-1] if named else None


def _records(files: Sequence[Path], class_names: Sequence[str]) -> Iterator[Found]:
    for path in files:
        try:
            for number, data in enumerate(tfrecords.read(path), 1):
                where = f"{shown_path(path.name)}, record {number:,}"
                yield _record(data, class_names, where, path)
        except OSError as error:
            yield PassedOver(shown_path(path.name), f"cannot be read ({error.strerror})")


def _record(data: bytes | Damaged, class_names: Sequence[str], where: str, path: Path) -> Found:
    if isinstance(data, Damaged):
        return PassedOver(where, str(data))
    try:
        features = tfrecords.features(data)
    except Damaged as error:
        return PassedOver(where, str(error))
    picture = _first(features, _IMAGES, bytes)
    class_name = _class_name(features, class_names)
    if not isinstance(picture, bytes):
        return PassedOver(where, f"it holds no {_IMAGES[0]}, only: {_named(features)}")
    if class_name is None:
        return PassedOver(where, f"it holds no label among: {_named(features)}")
    split, number = _split(path), where.rpartition(" ")[2].replace(",", "")
    otherwise = f"{split or path.name.partition('.')[0]}-{int(number):06d}"
    written = _first(features, _NAMES, bytes)
    name = written.decode("utf-8", "replace") if isinstance(written, bytes) else otherwise
    return bytes_record(where, class_name, picture, plain_name(name, otherwise), split)


def _class_name(features: Mapping[str, list[Value]], class_names: Sequence[str]) -> str | None:
    text = _first(features, (*_TEXTS, *_NUMBERS), bytes)
    if isinstance(text, bytes):
        return text.decode("utf-8", "replace")
    number = _first(features, _NUMBERS, int)
    if not isinstance(number, int):
        return None
    return class_names[number] if 0 <= number < len(class_names) else str(number)


def _first(
    features: Mapping[str, list[Value]], names: Sequence[str], kind: type[bytes] | type[int]
) -> Value | None:
    for name in names:
        if len(values := features.get(name, [])) == 1 and isinstance(values[0], kind):
            return values[0]
    return None


def _named(features: Mapping[str, list[Value]]) -> str:
    return ", ".join(sorted(features)[:8]) or "nothing"


FORMAT = Importer("TFRecord files of tf.Examples", _recognises, _contents)
TFDS = Importer("a folder that TensorFlow Datasets prepared", _recognises_tfds, _tfds)
