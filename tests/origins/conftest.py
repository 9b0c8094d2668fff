"""Manifests of both formats over the same twelve pictures, on the disk and in a bucket."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cleaner.project import Project
from tests.objects import STORAGES, Storage, found

HEADS = ("uri", "label", "note")
Rows = Sequence[tuple[str, str, str]]


def written(rows: Rows, ending: str) -> bytes:
    """Return a table with these rows as a file of that format."""
    if ending == ".csv":
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows((HEADS, *rows))
        return text.getvalue().encode("utf-8", "surrogateescape")
    buffer = io.BytesIO()
    columns = dict(zip(HEADS, zip(*rows, strict=True), strict=True))
    pq.write_table(pa.table({name: list(cells) for name, cells in columns.items()}), buffer)
    return buffer.getvalue()


def read(table: Path) -> list[tuple[str, ...]]:
    """Return the rows of a table, whatever its format."""
    if table.suffix == ".csv":
        with table.open(newline="", encoding="utf-8") as lines:
            return [tuple(line) for line in csv.reader(lines)][1:]
    rows = pq.read_table(table).to_pylist()
    return [tuple(row[name] for name in HEADS) for row in rows]


@pytest.fixture
def rows(dataset: Path) -> list[tuple[str, str, str]]:
    """A row for each picture of `dataset`, relative to the folder above it."""
    return [
        (str(file.relative_to(dataset.parent)), file.parent.name, f"taken {number}")
        for number, file in enumerate(sorted(dataset.rglob("*.png")))
    ]


@pytest.fixture(params=[".csv", ".parquet"])
def listing(request: pytest.FixtureRequest, dataset: Path, rows: Rows) -> Path:
    """A manifest beside the folder of pictures."""
    path = dataset.parent / f"photos{request.param}"
    path.write_bytes(written(rows, request.param))
    return path


@pytest.fixture
def photos(dataset: Path, rows: Rows) -> Path:
    """A manifest in CSV, where its format makes no difference."""
    path = dataset.parent / "photos.csv"
    path.write_bytes(written(rows, ".csv"))
    return path


@pytest.fixture
def opening() -> Iterator[Callable[..., Project]]:
    """Open projects that are closed when the test ends."""
    opened: list[Project] = []

    def open_one(root: Path, state: Path | None = None) -> Project:
        opened.append(Project(root, state))
        return opened[-1]

    yield open_one
    for project in opened:
        project.store.close()


@pytest.fixture(scope="session")
def _storages() -> Iterator[dict[str, Storage]]:
    started: dict[str, Storage] = {}
    yield started
    for storage in started.values():
        storage.stop()


@pytest.fixture(params=STORAGES)
def storage(
    request: pytest.FixtureRequest, _storages: dict[str, Storage], monkeypatch: pytest.MonkeyPatch
) -> Storage:
    """A server of each protocol, found by the environment; started when one is first needed."""
    if request.param not in _storages:
        _storages[request.param] = STORAGES[request.param]()
    storage = _storages[request.param]
    found(storage, monkeypatch)
    storage.refuse(())
    return storage


@pytest.fixture
def bucket(storage: Storage, dataset: Path, rows: Rows) -> Storage:
    """The pictures there, under ``v1/``, with a manifest of each format beside them."""
    files = {f"v1/{uri}": (dataset.parent / uri).read_bytes() for uri, _label, _note in rows}
    tables = {f"v1/photos{end}": written(rows, end) for end in (".csv", ".parquet")}
    storage.put(files | tables)
    storage.asked.clear()
    return storage


@pytest.fixture
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the packages ask a server again at once."""
    sleep = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", lambda *_seconds: sleep(0))
