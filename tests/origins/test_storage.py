"""Manifests and pictures in object storage and on the web, served on loopback."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from cleaner import images, objects
from cleaner.addresses import Address
from cleaner.errors import DatasetError, ImageRejected
from cleaner.pixels import Limits
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.ui import thumbnails
from tests.objects import Storage
from tests.origins.conftest import Rows, read, written
from tests.ranking import open_round

Opening = Callable[..., Project]


@pytest.fixture
def bucket(storage: Storage, dataset: Path, rows: Rows) -> Storage:
    """The pictures in a bucket, under ``v1/``, with a manifest of each format beside them."""
    files = {f"v1/{uri}": (dataset.parent / uri).read_bytes() for uri, _label, _note in rows}
    tables = {f"v1/photos{end}": written(rows, end) for end in (".csv", ".parquet")}
    storage.put(files | tables)
    return storage


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_dataset_in_a_bucket_from_scan_to_new_manifest(
    bucket: Storage, tmp_path: Path, opening: Opening, ending: str
) -> None:
    project = opening(Path(f"s3://pets/v1/photos{ending}"), tmp_path / "state")
    assert str(project.root) == f"s3://pets/v1/photos{ending}"
    assert project.scan().added == 12
    open_round(project, flagged={"cat/pets/cat/0.png": "dog", "dog/pets/dog/1.png": "owl"})
    suspect, other = project.queue()
    item = next(i for i in project.dataset().items if i.item_id == suspect.item_id)
    assert thumbnails.thumbnail(project, item, 160).startswith(b"\xff\xd8")
    project.decide([Request(suspect.item_id, "move", "dog"), Request(other.item_id, "exclude")])
    bucket.asked  # noqa: B018 - forgets what was asked until now

    manifest = project.apply().manifest

    assert manifest == tmp_path / "state" / "manifests" / f"photos.cleaned-1{ending}"
    rows = read(manifest)
    assert rows[0] == ("s3://pets/v1/pets/cat/0.png", "dog", "taken 0")
    assert len(rows) == 11
    assert not [line for line in bucket.asked if "PUT" in line or "POST" in line]
    again = opening(manifest)
    assert again.scan().added == 11
    assert again.status()["classes"] == {"cat": 3, "dog": 4, "owl": 4}


def test_objects_that_are_as_before_are_not_read_again(
    bucket: Storage, dataset: Path, tmp_path: Path, opening: Opening
) -> None:
    project = opening(Path("s3://pets/v1/photos.csv"), tmp_path / "state")
    project.scan()
    bucket.put({"v1/pets/cat/0.png": (dataset / "owl" / "3.png").read_bytes()})
    bucket.asked  # noqa: B018
    taken = project.scan()
    assert (taken.added, taken.missing) == (1, 1)
    gotten = [line for line in bucket.asked if "GET" in line and ".png" in line]
    assert len(gotten) == 1


def test_objects_that_are_no_images_are_named(
    bucket: Storage, tmp_path: Path, opening: Opening, rows: list[tuple[str, str, str]]
) -> None:
    bucket.put({"v1/empty.png": b"", "v1/notes.png": b"no picture", "v1/a//b.png": b"x"})
    bad = ["v1/none.png", "v1/empty.png", "v1/notes.png", "v1/pets", "v1/a//b.png"]
    odd = [*(f"s3://pets/{name}" for name in bad), "s3://nobody/1.png", "file:///etc/hostname"]
    table = written(
        [*rows, *((uri, "cat", "") for uri in odd), ("/etc/hostname", "cat", "")], ".csv"
    )
    bucket.put({"v1/odd.csv": table})
    project = opening(Path("s3://pets/v1/odd.csv"), tmp_path / "state")
    assert project.scan().added == 12
    named = {f.paths[0]: f.detail for f in project.findings() if f.kind == "unreadable"}
    assert set(named) == {f"cat/{uri}" for uri in [*odd, "/etc/hostname"]}
    for uri in ("file:///etc/hostname", "/etc/hostname"):
        assert "names no files of this machine" in named[f"cat/{uri}"]
    assert "empty" in named["cat/s3://pets/v1/empty.png"]


def test_files_of_this_machine_stay_out_of_reach_in_the_manifest_that_is_written(
    bucket: Storage, dataset: Path, tmp_path: Path, opening: Opening, rows: Rows
) -> None:
    own = (dataset / "cat" / "0.png").resolve()
    foreign = [(own.as_uri(), "cat", ""), (str(own), "cat", ""), ("", "cat", "")]
    bucket.put({"v1/sly.csv": written([*rows, *foreign], ".csv")})
    project = opening(Path("s3://pets/v1/sly.csv"), tmp_path / "state")
    project.scan()
    project.decide([Request(project.dataset().items[0].item_id, "exclude")])
    manifest = project.apply().manifest
    assert manifest is not None
    again = opening(manifest)
    assert again.scan().added == 11
    assert [uri for uri, *_ in read(manifest)][-1] == ""
    assert len([f for f in again.findings() if f.kind == "unreadable"]) == 2


def test_a_large_object_is_refused_before_it_is_read(storage: Storage) -> None:
    storage.put({"large.png": bytes(5000)})
    large = Address("s3://pets/large.png")
    limits = Limits(max_bytes=4000)
    for ask in (
        lambda: images.stamp(large, limits=limits),
        lambda: images.read_bytes(large, root=large, limits=limits),
    ):
        with pytest.raises(ImageRejected) as refused:
            ask()
        assert refused.value.reason == "too_many_bytes"
    assert len(objects.read(large, most_bytes=100)) == 100


def test_an_address_is_its_text_wherever_it_goes() -> None:
    one, other = Address("s3://pets/a//b.jpg"), Address("s3://pets/a/b.jpg")
    assert one != other
    carried = pickle.loads(pickle.dumps(one))  # noqa: S301
    assert len({one, other, carried}) == 2
    assert str(carried) == "s3://pets/a//b.jpg"
    assert (one.name, str(one.parent), str(one.absolute())) == ("b.jpg", "s3://pets/a/", str(one))


class _Web(BaseHTTPRequestHandler):
    files: dict[str, bytes]
    is_down = False

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        data = self._answer()
        if data is not None:
            self.wfile.write(data)

    def _answer(self) -> bytes | None:
        data = None if self.is_down else self.files.get(self.path)
        self.send_response(503 if self.is_down else 404 if data is None else 200)
        self.send_header("Content-Length", str(len(data or b"")))
        self.send_header("ETag", f'"{hash(data)}"')
        self.end_headers()
        return data

    def log_message(self, *_arguments: object) -> None:
        """Keep quiet."""


@pytest.fixture
def web(dataset: Path, rows: Rows) -> Iterator[str]:
    """The pictures on a web server, with a query behind each, as signed addresses have."""
    files = {f"/{uri}?sig=a//b": (dataset.parent / uri).read_bytes() for uri, *_ in rows}
    signed = [(f"{uri}?sig=a//b", label, note) for uri, label, note in rows]
    files["/photos.csv"] = written([*signed, ("none.png", "cat", "")], ".csv")
    handler = type("Served", (_Web,), {"files": files})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_manifest_on_the_web(web: str, tmp_path: Path, opening: Opening) -> None:
    project = opening(Path(f"{web}/photos.csv"), tmp_path / "state")
    assert project.scan().added == 12
    assert [f.kind for f in project.findings() if f.severity == "error"] == ["unreadable"]
    assert project.scan().added == 0
    item = project.dataset().items[0]
    project.decide([Request(item.item_id, "exclude")])
    manifest = project.apply().manifest
    assert manifest is not None
    assert read(manifest)[0][0] == f"{web}/pets/cat/1.png?sig=a//b"


def test_images_stay_while_their_server_is_down(
    web: str, rows: Rows, tmp_path: Path, opening: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = tmp_path / "listed.csv"
    signed = [(f"{web}/{uri}?sig=a//b", label, note) for uri, label, note in rows]
    listing.write_bytes(written(signed, ".csv"))
    project = opening(listing)
    project.scan()
    before = project.dataset().items
    with monkeypatch.context() as down:
        down.setattr(_Web, "is_down", True)
        project.scan()
        assert project.dataset().items == before
        assert project.finding_counts() == {"unreached": len(before)}
    project.scan()
    assert project.finding_counts() == {}


def test_a_server_that_keeps_failing_is_asked_no_more() -> None:
    patience, page = objects.Patience(), Address("https://pets.example/1.png")
    asked = []

    def ask() -> None:
        with patience.asking(page):
            asked.append(page)
            raise ImageRejected("read_error", "time-out.")

    for _ in range(100):
        with pytest.raises(ImageRejected) as refused:
            ask()
    assert len(asked) == 64
    assert "https://pets.example failed 64 times in a row" in refused.value.detail
    with patience.asking(Address("https://elsewhere.example/1.png")):
        pass


def test_who_has_no_fsspec_packages_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    listing = tmp_path / "photos.csv"
    listing.write_text("uri,label\ngs://pets/1.png,cat\n")
    project = Project(listing)
    with pytest.raises(DatasetError, match=r"needs gcsfs, .* requirements-objects\.txt") as refused:
        project.scan()
    project.store.close()
    assert "\n" not in str(refused.value)


def test_a_manifest_of_files_loads_none_of_it(photos: Path) -> None:
    program = (
        "import sys; from cleaner.cli import main; main(['scan', sys.argv[1], '--json']); "
        "sys.exit(not {'fsspec', 's3fs', 'aiohttp', 'botocore'}.isdisjoint(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program, photos], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
