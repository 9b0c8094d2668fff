"""What every engine promises."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from cleaner import folder, labelling, settings
from cleaner.backbones import open_backbone
from cleaner.classifier import open_classifier
from cleaner.engines import ENGINES, Engine, Share, chunked, deferred_engine, open_engine
from cleaner.engines.ray import RayEngine, _Actor, _Machine, _Whole
from cleaner.errors import EngineError, ImageRejected, JobCancelled, ModelError
from cleaner.learning.bottlenecks import Source, committee_features
from cleaner.origins import Listing
from cleaner.progress import Progress
from cleaner.settings import ScanSettings
from tests.classifiers import classifier_file
from tests.contracts.engine_work import Broken, Cards, Squares
from tests.pictures import write_dataset, write_image


@pytest.fixture(scope="module", params=settings.ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    if request.param == "ray" and find_spec("ray") is None:
        pytest.skip("requirements-ray.txt is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_OVERRIDE_RESOURCES", '{"CPU": 2, "GPU": 2}')
        with open_engine(request.param) as opened:
            yield opened


@pytest.fixture
def cluster(engine: Engine) -> RayEngine:
    """Two processors and two graphics cards that are only said to be there."""
    if not isinstance(engine, RayEngine):
        pytest.skip("this machine is no cluster")
    return engine


CHUNKS = [[1, 2, 3], [4], [5, 6], [7, 8, 9, 10], [11]]


def test_every_chunk_is_answered_once_and_in_order(engine: Engine, tmp_path: Path) -> None:
    told: list[int] = []

    results = list(engine.run(Squares(tmp_path), CHUNKS, told.append))

    assert results == [[number**2 for number in chunk] for chunk in CHUNKS]
    assert told[-1] == 11
    assert told == sorted(told)
    assert {path.name for path in tmp_path.iterdir()} == {str(n) for n in range(1, 12)}


def test_nothing_to_do_is_done_at_once(engine: Engine, tmp_path: Path) -> None:
    assert list(engine.run(Squares(tmp_path), [], lambda _done: None)) == []


def test_what_a_worker_raises_is_raised_in_its_own_words(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"^5 is not to be squared\.$"):
        list(engine.run(Squares(tmp_path, refused=5), CHUNKS, lambda _done: None))


def test_a_flaw_of_the_work_is_told_as_what_it_is(engine: Engine) -> None:
    with pytest.raises((EngineError, LookupError), match="a flaw") as told:
        list(engine.run(Broken(), CHUNKS, lambda _done: None))
    if isinstance(told.value, EngineError):
        assert str(told.value).startswith("A worker failed (LookupError: a flaw).")


def test_a_worker_that_does_not_see_the_folder_calls_no_file_unreadable(
    engine: Engine, tmp_path: Path
) -> None:
    unmounted = folder._Reading(tmp_path, seen=tmp_path / "cats")
    with pytest.raises(EngineError, match=r"cats: the worker on [^\n]+ does not see this folder"):
        list(engine.run(unmounted, [["cats/1.png"]], lambda _done: None))


def test_a_cancelled_run_ends_and_the_engine_can_be_asked_again(
    engine: Engine, tmp_path: Path
) -> None:
    def cancel(done: int) -> None:
        raise JobCancelled("Enough.")

    with pytest.raises(JobCancelled):
        list(engine.run(Squares(tmp_path), CHUNKS, cancel))
    assert len(list(engine.run(Squares(tmp_path), CHUNKS, lambda _done: None))) == len(CHUNKS)


def test_each_worker_of_a_network_has_a_card_of_its_own(cluster: RayEngine, tmp_path: Path) -> None:
    work = Cards(tmp_path, uses_gpu=True, workers=2)
    assert set(cluster.run(work, CHUNKS, lambda _done: None)) == {"0", "1"}


def test_workers_that_take_half_a_card_share_one(cluster: RayEngine, tmp_path: Path) -> None:
    sharing = RayEngine(cluster.ray, Share(gpus=0.5))
    work = Cards(tmp_path, uses_gpu=True, workers=2)
    assert len(set(sharing.run(work, CHUNKS, lambda _done: None))) == 1


def test_other_work_sees_no_card(cluster: RayEngine, tmp_path: Path) -> None:
    work = Cards(tmp_path, uses_gpu=False, workers=1)
    assert set(cluster.run(work, CHUNKS, lambda _done: None)) == {"-1"}


@pytest.mark.parametrize("share", [Share(cores=3), Share(cores=3, gpus=1.0)])
def test_a_cluster_without_room_for_a_worker_says_so_at_once(
    cluster: RayEngine, share: Share
) -> None:
    with pytest.raises(EngineError, match=r"^[^\n]+ 3 cores [^\n]+: 2 cores, 2 GPUs\. [^\n]+\.$"):
        RayEngine(cluster.ray, share)


@pytest.mark.parametrize(
    ("machine", "cores", "gpus", "workers"),
    [
        (_Machine(16, 4), 1, 0.0, 16),
        (_Machine(16, 4), 5, 0.0, 3),
        (_Machine(16, 4), 1, 1.0, 4),
        (_Machine(16, 4), 1, 0.2, 16),
        (_Machine(64, 4), 1, 0.1, 40),
        (_Machine(16, 2), 1, 0.4, 4),  # no worker has parts of two cards
        (_Machine(16, 0), 1, 0.01, 0),
    ],
)
def test_a_machine_has_room_for_whole_workers(
    machine: _Machine, cores: int, gpus: float, workers: int
) -> None:
    assert machine.room(cores, gpus) == workers


def test_a_card_that_tensorflow_does_not_see_is_named_instead_of_a_slow_answer(
    tmp_path: Path,
) -> None:
    import tensorflow

    if tensorflow.config.list_physical_devices("GPU"):
        pytest.skip("there is a card")
    answer = _Actor(Squares(tmp_path), 1.0)({"number": 0, "chunk": _Whole([1])})["result"].content
    assert isinstance(answer, EngineError)
    assert "--gpus-per-worker 0" in str(answer)


def test_features_are_those_of_this_machine_to_the_last_bit(engine: Engine, tmp_path: Path) -> None:
    paths = [write_image(tmp_path / f"{number}.png", seed=number) for number in range(5)]
    sources = [Source(p, tmp_path, hashlib.sha256(p.read_bytes()).hexdigest()) for p in paths]
    sources[3].path.write_bytes(b"changed")
    backbones = [open_backbone("mobilenet_v2_1.0_224", "int8")]
    here, there = (
        committee_features(
            sources, backbones, views=3, seed=1, cache_folder=tmp_path / name, engine=chosen
        )
        for name, chosen in (("here", None), ("there", engine))
    )
    np.testing.assert_array_equal(there[0].features, here[0].features)
    assert there[0].readable == (0, 1, 2, 4)
    assert [source for source, _ in there[0].rejected] == [sources[3]]


def test_labels_are_those_of_this_machine_to_the_last_bit(engine: Engine, tmp_path: Path) -> None:
    model = classifier_file(tmp_path)
    paths = [write_image(tmp_path / f"{number}.png", seed=number) for number in range(5)]
    paths[3].write_bytes(b"no picture")
    told: list[int] = []

    def report(progress: Progress) -> None:
        told.append(progress.done)

    there = list(labelling.outcomes(model, paths, engine, kept_in=tmp_path / "kept", report=report))

    for (path, outcome), (own_path, own) in zip(
        there, open_classifier(model).predict_files(paths), strict=True
    ):
        assert path == own_path
        assert type(outcome) is type(own)
        if isinstance(outcome, ImageRejected):
            assert str(outcome) == str(own)
        else:
            np.testing.assert_array_equal(outcome, own)
    assert told == sorted(told)
    assert told[-1] == 5


def test_a_scan_says_what_this_machine_says(engine: Engine, tmp_path: Path) -> None:
    write_dataset(tmp_path, {"cats": 3, "dogs": 2})
    (tmp_path / "dogs" / "x.jpg").touch()
    here = folder.scan(tmp_path)
    told: list[int] = []

    def report(done: int, _total: int, _path: str) -> None:
        told.append(done)

    assert folder.scan(tmp_path, engine=engine, report=report) == here
    assert told == [1, 2, 3, 4, 5, 6]
    known = {file.path: file for file in here.files if file.class_name == "cats"}
    assert folder.scan(tmp_path, engine=engine, known=known) == here


def test_a_scan_of_a_manifest_says_what_this_machine_says(engine: Engine, tmp_path: Path) -> None:
    write_dataset(tmp_path, {"cats": 3, "dogs": 2})
    (tmp_path / "dogs" / "x.jpg").touch()
    names = [*sorted(str(f.relative_to(tmp_path)) for f in tmp_path.rglob("*.*")), "ftp://a/1.png"]
    lines = ["uri,label", *(f"{name},{name[:4]}" for name in names), "cats/0.png,dogs"]
    manifest = tmp_path / "photos.csv"
    manifest.write_text("\n".join(lines))
    listing = Listing(manifest, tmp_path / "state")
    told: list[int] = []

    def report(done: int, _total: int, _path: str) -> None:
        told.append(done)

    here = listing.scan({}, report)
    assert listing.scan({}, report, engine) == here
    assert told == [1, 2, 3, 4, 5, 6, 7] * 2
    assert (len(here.files), len(here.findings)) == (5, 3)
    known = {file.path: file for file in here.files if file.class_name == "cats"}
    assert listing.scan(known, report, engine) == here
    with deferred_engine(ScanSettings("local", "10.0.0.1:6379")) as nowhere:
        manifest.write_text("\n".join(lines[:4]))
        assert len(listing.scan(known, report, nowhere).files) == 3


def test_a_scan_without_new_files_asks_no_engine_and_tells_of_each(tmp_path: Path) -> None:
    here = folder.scan(write_dataset(tmp_path, {"cats": 3, "dogs": 2}))
    told: list[int] = []

    def report(done: int, _total: int, _path: str) -> None:
        told.append(done)

    known = {file.path: file for file in here.files}
    with deferred_engine(ScanSettings("local", "10.0.0.1:6379")) as nowhere:
        assert folder.scan(tmp_path, engine=nowhere, known=known, report=report) == here
    assert told == [1, 2, 3, 4, 5]


def test_an_engine_is_opened_once_there_is_something_to_do(tmp_path: Path) -> None:
    with deferred_engine(ScanSettings("local", "10.0.0.1:6379")) as nowhere:
        assert list(nowhere.run(Squares(tmp_path), [], lambda _done: None)) == []
        with pytest.raises(EngineError):
            list(nowhere.run(Squares(tmp_path), CHUNKS, lambda _done: None))
    with deferred_engine(ScanSettings()) as here:
        assert here.workers > 0
        assert len(list(here.run(Squares(tmp_path), CHUNKS, lambda _done: None))) == len(CHUNKS)


def test_engines_have_the_names_that_settings_know() -> None:
    assert tuple(ENGINES) == settings.ENGINES


@pytest.mark.parametrize(
    ("name", "address", "share"),
    [
        ("spark", "", Share()),
        ("local", "10.0.0.1:6379", Share()),
        ("local", "", Share(cores=2)),
        ("local", "", Share(gpus=1.0)),
    ],
)
def test_what_cannot_be_had_is_one_line(name: str, address: str, share: Share) -> None:
    with pytest.raises(EngineError, match=r"^[^\n]+\.$"), open_engine(name, address, share):
        pass


@pytest.mark.parametrize(("items", "workers"), [(0, 2), (5, 2), (300, 2), (10_000, 2), (999, 64)])
def test_chunks_hold_each_item_once_and_become_smaller(items: int, workers: int) -> None:
    chunks = chunked(range(items), workers)
    assert [item for chunk in chunks for item in chunk] == list(range(items))
    sizes = [len(chunk) for chunk in chunks]
    assert sizes == sorted(sizes, reverse=True)
    assert all(0 < size <= 256 for size in sizes)
