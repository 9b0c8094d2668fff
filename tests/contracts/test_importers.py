"""What `cleaner.importers.base` promises, for every importer on the shelf."""

from __future__ import annotations

import csv
import json
import pickle
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cleaner import cifar, imports, tfrecords
from cleaner.errors import SourceError
from cleaner.importers import IMPORTERS, PassedOver, Record
from tests.pictures import encoded, picture, write_image

CLASSES = ("airplane", "automobile")
SPLITS = ("train", "test")
Maker = Callable[[Path], Path]


def _pixels(number: int) -> np.ndarray:
    return np.asarray(picture(number, (32, 32)))


def _flat(number: int) -> np.ndarray:
    return _pixels(number).transpose(2, 0, 1).reshape(-1)


def _cifar_binary(folder: Path) -> Path:
    folder.mkdir()
    for name, first in (("data_batch_1.bin", 0), ("test_batch.bin", 2)):
        rows = [bytes([label]) + _flat(first + label).tobytes() for label in (0, 1)]
        (folder / name).write_bytes(b"".join(rows) + b"\x01cut off")
    (folder / "batches.meta.txt").write_text("".join(f"{n}\n" for n in cifar.CLASS_NAMES) + "\n")
    return folder


def _cifar_python(folder: Path) -> Path:
    folder.mkdir()
    for name, first in (("data_batch_1", 0), ("test_batch", 2)):
        rows = np.stack([_flat(first), _flat(first + 1), _flat(9)])
        batch = {b"data": rows, b"labels": [0, 1, 99], b"filenames": [b"a", b"b", b"c"]}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))
    names = {"label_names": list(cifar.CLASS_NAMES)}
    (folder / "batches.meta").write_bytes(pickle.dumps(names, protocol=2))
    return folder


def _files(folder: Path) -> list[tuple[str, str, str]]:
    """Write four pictures and a broken one; return split, class and path of each."""
    rows = []
    for number in range(4):
        split, name = SPLITS[number // 2], CLASSES[number % 2]
        path = write_image(folder / split / name / "same.png", seed=number, size=(32, 32))
        rows.append((split, name, path.relative_to(folder).as_posix()))
    broken = folder / "train" / "airplane" / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    return [*rows, ("train", "airplane", broken.relative_to(folder).as_posix())]


def _csv(folder: Path) -> Path:
    rows = [(path, name, split) for split, name, path in _files(folder)]
    rows.append(("../../etc/passwd.png", "airplane", "train"))
    with (folder / "labels.csv").open("w", newline="") as lines:
        csv.writer(lines).writerows([("path", "label", "split"), *rows])
    return folder / "labels.csv"


def _coco(folder: Path) -> Path:
    rows = _files(folder)
    listed = [{"id": n, "file_name": path, "split": s} for n, (s, _, path) in enumerate(rows)]
    listed += [{"id": 7, "file_name": "/etc/passwd.png"}, {"id": 8, "file_name": "../x.png"}]
    notes = [{"image_id": n, "category_id": CLASSES.index(c)} for n, (_, c, _) in enumerate(rows)]
    notes += [{"image_id": 7, "category_id": 0}, {"image_id": 8, "category_id": 0}]
    categories = [{"id": number, "name": name} for number, name in enumerate(CLASSES)]
    document = {"images": listed, "annotations": notes, "categories": categories}
    (folder / "labels.json").write_text(json.dumps(document))
    return folder / "labels.json"


def _records(folder: Path, name: str, examples: Callable[[int], dict[str, bytes | int]]) -> None:
    folder.mkdir(exist_ok=True)
    for place, split in enumerate(SPLITS):
        with (folder / name.format(split)).open("wb") as file:
            for number in (2 * place, 2 * place + 1):
                tfrecords.write(file, tfrecords.example(examples(number)))
            tfrecords.write(file, tfrecords.example({"image": b"no picture", "label": 0}))
            file.write(b"and so on")


def _tfrecord(folder: Path) -> Path:
    def example(number: int) -> dict[str, bytes | int]:
        data = encoded(picture(number, (32, 32)))
        return {
            "image/encoded": data,
            "image/class/text": CLASSES[number % 2].encode(),
            "image/filename": b"../../../same.png",
        }

    _records(folder, "{}-00000-of-00001.tfrecord", example)
    return folder


def _tfds(folder: Path) -> Path:
    def example(number: int) -> dict[str, bytes | int]:
        return {"image": encoded(picture(number, (32, 32))), "label": number % 2}

    version = folder / "1.0.0"
    version.mkdir(parents=True)
    _records(version, "planes-{}.tfrecord-00000-of-00001", example)
    (version / "dataset_info.json").write_text("{}")
    (version / "label.labels.txt").write_text("".join(f"{name}\n" for name in CLASSES))
    return folder


def _tree(folder: Path) -> Path:
    _files(folder)
    return folder


def _folder(folder: Path) -> Path:
    for number in range(4):
        name = CLASSES[number % 2]
        write_image(folder / name / f"{number}.png", seed=number, size=(32, 32))
    (folder / "airplane" / "broken.png").write_bytes(b"nothing")
    return folder


MAKERS: dict[str, Maker] = {
    "cifar_binary": _cifar_binary,
    "cifar_python": _cifar_python,
    "csv": _csv,
    "coco": _coco,
    "tfds": _tfds,
    "tfrecord": _tfrecord,
    "tree": _tree,
    "folder": _folder,
}
every_format = pytest.mark.parametrize("name", IMPORTERS)


def _in(root: Path) -> dict[str, bytes]:
    """Return the pixels of each picture that was imported, by its path."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {
        path.relative_to(root).as_posix(): np.asarray(Image.open(path)).tobytes() for path in files
    }


def _import(source: Path, root: Path, name: str | None = None) -> imports.Imported:
    return imports.import_into(root, imports.Source(source, name), state=root.with_name("state"))


@every_format
def test_a_source_is_recognised(name: str, tmp_path: Path) -> None:
    assert imports.guessed(MAKERS[name](tmp_path / "source")) == name


@every_format
def test_every_picture_arrives_under_its_label(name: str, tmp_path: Path) -> None:
    _import(MAKERS[name](tmp_path / "source"), tmp_path / "pets", name)
    found = _in(tmp_path / "pets")
    by_class = {c: [p for path, p in found.items() if path.startswith(f"{c}/")] for c in CLASSES}
    assert sorted(by_class["airplane"]) == sorted(_pixels(n).tobytes() for n in (0, 2))
    assert sorted(by_class["automobile"]) == sorted(_pixels(n).tobytes() for n in (1, 3))


@every_format
def test_what_cannot_be_taken_is_named(name: str, tmp_path: Path) -> None:
    done = _import(MAKERS[name](tmp_path / "source"), tmp_path / "pets", name)
    assert done.passed_over
    assert all(one.where and one.reason and "\n" not in one.reason for one in done.passed_over)


@every_format
def test_nothing_lands_outside_the_class_folders(name: str, tmp_path: Path) -> None:
    source = MAKERS[name](tmp_path / "source")
    before = {path for path in tmp_path.rglob("*") if "pets" not in path.parts}
    _import(source, tmp_path / "pets", name)
    after = {path for path in tmp_path.rglob("*") if "pets" not in path.parts}
    new = {path.relative_to(tmp_path).as_posix() for path in after - before}
    assert new <= {"state", "state/splits.csv"}
    assert not list((tmp_path / "pets").rglob(".*"))


@every_format
def test_the_parts_a_source_has_are_kept(name: str, tmp_path: Path) -> None:
    done = _import(MAKERS[name](tmp_path / "source"), tmp_path / "pets", name)
    splits = {split for _class, split in done.counts}
    assert splits == ({None} if name == "folder" else {"train", "test"})


@every_format
def test_importing_again_changes_nothing(name: str, tmp_path: Path) -> None:
    source = MAKERS[name](tmp_path / "source")
    _import(source, tmp_path / "pets", name)
    before = _in(tmp_path / "pets")
    again = _import(source, tmp_path / "pets", name)
    assert again.fates == {"already_there": 4}
    assert _in(tmp_path / "pets") == before


@every_format
def test_an_import_that_was_stopped_goes_on(name: str, tmp_path: Path) -> None:
    source = MAKERS[name](tmp_path / "source")
    with pytest.raises(KeyboardInterrupt):
        imports.import_into(
            tmp_path / "pets",
            imports.Source(source, name),
            state=tmp_path / "state",
            report=_stop,
        )
    assert len(_in(tmp_path / "pets")) == 1
    done = _import(source, tmp_path / "pets", name)
    assert done.fates == {"already_there": 1, "imported": 3}
    assert len(_in(tmp_path / "pets")) == 4


def _stop(_progress: object) -> None:
    raise KeyboardInterrupt


@every_format
def test_what_is_there_is_not_overwritten(name: str, tmp_path: Path) -> None:
    source = MAKERS[name](tmp_path / "source")
    found = IMPORTERS[name].contents(source, None).records
    first = next(each for each in found if isinstance(each, Record))
    mine = tmp_path / "pets" / first.class_name / first.file_name
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    assert _import(source, tmp_path / "pets", name).fates == {"imported": 4}
    assert mine.read_bytes() == b"mine"


@every_format
def test_a_source_of_another_kind_is_one_line(name: str, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("hello")
    (tmp_path / "other" / "notes.csv").write_text("hello\n")
    source = tmp_path / "other" / ("notes.csv" if name in ("csv", "coco") else "")
    with pytest.raises(SourceError) as caught:
        _import(source, tmp_path / "pets", name)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "pets").exists()


def test_records_name_where_they_stand(tmp_path: Path) -> None:
    found = list(IMPORTERS["tree"].contents(_tree(tmp_path / "source"), None).records)
    assert "train/airplane/same.png" in [each.where for each in found]
    assert not any(isinstance(each, PassedOver) for each in found)


@pytest.mark.parametrize("name", ["cifar_binary", "cifar_python"])
def test_cifar_is_read_from_the_archive_as_it_is_downloaded(name: str, tmp_path: Path) -> None:
    folder = MAKERS[name](tmp_path / "batches")
    with tarfile.open(tmp_path / "cifar.tar.gz", "w:gz") as archive:
        archive.add(folder, "../../cifar-10-batches")
    done = _import(tmp_path / "cifar.tar.gz", tmp_path / "pets")
    assert (done.format_name, done.fates["imported"]) == (name, 4)
    assert any("Not there: data_batch_2" in note for note in done.notes)
    assert any("CIFAR-10 as published" in note for note in done.notes)
    assert len(list((tmp_path / "pets").iterdir())) == 10


def test_a_pickle_that_calls_something_is_refused_and_calls_nothing(tmp_path: Path) -> None:
    folder = _cifar_python(tmp_path / "batches")
    hostile = b"cbuiltins\nexec\n(Vopen('%s','w')\ntR." % str(tmp_path / "run").encode()
    (folder / "data_batch_1").write_bytes(hostile)
    with pytest.raises(SourceError, match=r"asks for builtins\.exec.*Nothing in it was run"):
        _import(folder, tmp_path / "pets")
    assert not (tmp_path / "run").exists()


def test_a_damaged_record_costs_no_other(tmp_path: Path) -> None:
    folder = _tfrecord(tmp_path / "source")
    path = folder / "train-00000-of-00001.tfrecord"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    done = _import(folder, tmp_path / "pets")
    reasons = [one.reason for one in done.passed_over]
    assert "its checksum is wrong" in reasons
    assert done.fates["imported"] == 3


def test_an_image_of_two_categories_is_passed_over(tmp_path: Path) -> None:
    source = _coco(tmp_path / "source")
    document = json.loads(source.read_text())
    document["annotations"].append({"image_id": 0, "category_id": 1})
    source.write_text(json.dumps(document))
    done = _import(source, tmp_path / "pets")
    assert any("2 categories (airplane, automobile)" in one.reason for one in done.passed_over)


def test_a_link_out_of_the_source_is_not_followed(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "source")
    secret = write_image(tmp_path / "elsewhere.png", seed=77)
    (folder / "airplane" / "link.png").symlink_to(secret)
    done = _import(folder, tmp_path / "pets")
    assert any("leads out" in one.reason for one in done.passed_over)


@pytest.mark.parametrize("label", ["../up", "a/b", ".hidden", ".."])
def test_a_label_that_can_be_no_folder_is_passed_over(label: str, tmp_path: Path) -> None:
    write_image(tmp_path / "1.png")
    write_image(tmp_path / "2.png", seed=2)
    (tmp_path / "labels.csv").write_text(f"path,label\n1.png,{label}\n2.png,cat\n")
    done = _import(tmp_path / "labels.csv", tmp_path / "pets")
    assert [one.where for one in done.passed_over] == ["row 2, 1.png"]
    assert [path.name for path in (tmp_path / "pets").iterdir()] == ["cat"]


def test_a_dataset_in_its_own_source_is_refused(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "source")
    with pytest.raises(SourceError, match="outside of it"):
        _import(folder, folder / "pets")


def test_opening_the_shelf_loads_no_tensorflow() -> None:
    program = (
        "import sys, cleaner.imports\n"
        "print([name for name in ('tensorflow', 'keras') if name in sys.modules])"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == "[]"


def test_a_whole_cifar_is_not_complained_of() -> None:
    each = {"train": 5_000, "test": 1_000}
    counts = {(name, split): n for name in cifar.CLASS_NAMES for split, n in each.items()}
    assert cifar.shortfall(cifar.CLASS_NAMES, counts) == ""  # type: ignore[arg-type]
    counts["cat", "test"] = 999
    assert "cat 999 of 1,000 for test" in cifar.shortfall(cifar.CLASS_NAMES, counts)  # type: ignore[arg-type]
