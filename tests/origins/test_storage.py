"""Manifests and pictures in object storage and on the web, served on loopback."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from itertools import repeat
from pathlib import Path

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


# One of each kind that a test has something to do with.
only_s3 = pytest.mark.parametrize("storage", ["s3"], indirect=True)
of_buckets = pytest.mark.parametrize("storage", ["s3", "gs"], indirect=True)


@pytest.mark.parametrize(
    ("storage", "ending"),
    [("s3", ".csv"), ("s3", ".parquet"), ("gs", ".parquet"), ("http", ".csv")],
    indirect=["storage"],
)
def test_a_dataset_elsewhere_from_scan_to_new_manifest(
    bucket: Storage, tmp_path: Path, opening: Opening, ending: str
) -> None:
    table = bucket.address(f"v1/photos{ending}")
    project = opening(Path(table), tmp_path / "state")
    assert str(project.root) == table
    assert project.scan().added == 12
    open_round(project, flagged={"cat/pets/cat/0.png": "dog", "dog/pets/dog/1.png": "owl"})
    suspect, other = project.queue()
    item = next(i for i in project.dataset().items if i.item_id == suspect.item_id)
    assert thumbnails.thumbnail(project, item, 160).startswith(b"\xff\xd8")
    project.decide([Request(suspect.item_id, "move", "dog"), Request(other.item_id, "exclude")])

    manifest = project.apply().manifest

    assert manifest == tmp_path / "state" / "manifests" / f"photos.cleaned-1{ending}"
    rows = read(manifest)
    assert rows[0] == (bucket.address("v1/pets/cat/0.png"), "dog", "taken 0")
    assert len(rows) == 11
    assert bucket.written == []
    again = opening(manifest)
    assert again.scan().added == 11
    assert again.status()["classes"] == {"cat": 3, "dog": 4, "owl": 4}


def test_objects_that_are_as_before_are_not_read_again(
    bucket: Storage, dataset: Path, tmp_path: Path, opening: Opening
) -> None:
    project = opening(Path(bucket.address("v1/photos.csv")), tmp_path / "state")
    project.scan()
    bucket.put({"v1/pets/cat/0.png": (dataset / "owl" / "3.png").read_bytes()})
    bucket.asked.clear()
    taken = project.scan()
    assert (taken.added, taken.missing) == (1, 1)
    assert len([line for line in bucket.fetched if ".png" in line]) == 1


@pytest.mark.parametrize("storage", ["gs", "http"], indirect=True)
def test_what_was_written_over_an_object_is_a_new_image_since_the_next_scan(
    bucket: Storage, dataset: Path, tmp_path: Path, opening: Opening
) -> None:
    project = opening(Path(bucket.address("v1/photos.csv")), tmp_path / "state")
    project.scan()
    first = project.dataset().items[0]
    before = thumbnails.thumbnail(project, first, 160)
    bucket.put({"v1/pets/cat/0.png": (dataset / "owl" / "3.png").read_bytes()})
    with pytest.raises(ImageRejected, match="not the one that was scored"):
        thumbnails.thumbnail(project, first, 320)
    project.scan()
    (now,) = [item for item in project.dataset().items if item.path == first.path]
    assert now.content_hash != first.content_hash
    assert thumbnails.thumbnail(project, now, 160) != before


def test_an_object_that_was_deleted_is_named(
    bucket: Storage, tmp_path: Path, opening: Opening
) -> None:
    project = opening(Path(bucket.address("v1/photos.csv")), tmp_path / "state")
    project.scan()
    bucket.remove("v1/pets/cat/0.png")
    assert project.scan().missing == 1
    (gone,) = [f for f in project.findings() if f.severity == "error"]
    assert (gone.kind, gone.paths) == ("unreadable", ("cat/pets/cat/0.png",))
    assert gone.detail.startswith("The file is gone")


@of_buckets
def test_objects_that_are_no_images_are_named(
    bucket: Storage, tmp_path: Path, opening: Opening, rows: list[tuple[str, str, str]]
) -> None:
    bucket.put({"v1/empty.png": b"", "v1/notes.png": b"no picture", "v1/a//b.png": b"x"})
    bad = ["v1/none.png", "v1/empty.png", "v1/notes.png", "v1/pets", "v1/a//b.png"]
    nobody = f"{bucket.protocol}://nobody/1.png"
    odd = [*(bucket.address(name) for name in bad), nobody, "file:///etc/hostname"]
    table = written(
        [*rows, *((uri, "cat", "") for uri in odd), ("/etc/hostname", "cat", "")], ".csv"
    )
    bucket.put({"v1/odd.csv": table})
    project = opening(Path(bucket.address("v1/odd.csv")), tmp_path / "state")
    assert project.scan().added == 12
    named = {f.paths[0]: f.detail for f in project.findings() if f.kind == "unreadable"}
    assert set(named) == {f"cat/{uri}" for uri in [*odd, "/etc/hostname"]}
    for uri in ("file:///etc/hostname", "/etc/hostname"):
        assert "names no files of this machine" in named[f"cat/{uri}"]
    assert "empty" in named[f"cat/{bucket.address('v1/empty.png')}"]
    assert "a folder" in named[f"cat/{bucket.address('v1/pets')}"]


@pytest.mark.usefixtures("_no_waiting")
def test_images_stay_while_their_server_is_down(
    bucket: Storage, rows: Rows, tmp_path: Path, opening: Opening
) -> None:
    listing = tmp_path / "listed.csv"
    there = [(bucket.address(f"v1/{uri}"), label, note) for uri, label, note in rows]
    listing.write_bytes(written(there, ".csv"))
    project = opening(listing)
    project.scan()
    before = project.dataset().items
    bucket.refuse(repeat(503))
    project.scan()
    assert project.dataset().items == before
    assert project.finding_counts() == {"unreached": len(before)}
    bucket.refuse(())
    project.scan()
    assert project.finding_counts() == {}


@of_buckets
@pytest.mark.usefixtures("_no_waiting")
def test_a_request_that_fails_is_made_again(
    bucket: Storage, tmp_path: Path, opening: Opening
) -> None:
    project = opening(Path(bucket.address("v1/photos.csv")), tmp_path / "state")
    bucket.refuse([503, 503])
    assert project.scan().added == 12
    assert project.finding_counts() == {}


@pytest.mark.parametrize(
    ("storage", "status", "to_do"),
    [
        ("s3", 403, "Set AWS_PROFILE, or "),
        ("gs", 401, "Run `gcloud auth application-default login`, or "),
        ("gs", 403, "Run `gcloud auth application-default login`, or "),
        ("http", 401, "Name it with the signature"),
    ],
    indirect=["storage"],
)
def test_who_may_not_read_is_told_in_one_line(
    bucket: Storage,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    opening: Opening,
    status: int,
    to_do: str,
) -> None:
    project = opening(Path(bucket.address("v1/photos.csv")), tmp_path / "state")
    bucket.refuse(repeat(status))
    with pytest.raises(DatasetError, match=to_do) as refused:
        project.scan()
    assert not {"\n", "<"} & set(str(refused.value))
    assert not [record for record in caplog.records if record.exc_info]


@only_s3
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


@only_s3
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


@pytest.mark.parametrize("storage", ["http"], indirect=True)
def test_an_address_keeps_its_query(
    storage: Storage, dataset: Path, rows: Rows, tmp_path: Path, opening: Opening
) -> None:
    signed = [(f"{uri}?sig=a//b", label, note) for uri, label, note in rows]
    storage.put({f"{uri}?sig=a//b": (dataset.parent / uri).read_bytes() for uri, *_ in rows})
    storage.put({"photos.csv": written(signed, ".csv")})
    project = opening(Path(storage.address("photos.csv")), tmp_path / "state")
    assert project.scan().added == 12
    project.decide([Request(project.dataset().items[0].item_id, "exclude")])
    manifest = project.apply().manifest
    assert manifest is not None
    assert read(manifest)[0][0] == storage.address("pets/cat/1.png?sig=a//b")


def test_a_server_that_keeps_failing_is_asked_no_more() -> None:
    patience, page = objects.Patience(), Address("https://pets.example/1.png")
    asked = []

    def ask() -> None:
        with patience.asking(page):
            asked.append(page)
            raise ImageRejected("no_login", "who is it?")

    for _ in range(100):
        with pytest.raises(ImageRejected) as refused:
            ask()
    assert len(asked) == 64
    assert refused.value.reason == "no_login"
    assert refused.value.detail == "https://pets.example failed 64 times in a row. who is it?"
    with patience.asking(Address("https://elsewhere.example/1.png")):
        pass


def test_who_has_no_fsspec_packages_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "_file_system", objects._file_system.__wrapped__)
    for module in ("gcsfs", "gcsfs.core"):
        monkeypatch.setitem(sys.modules, module, None)
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
