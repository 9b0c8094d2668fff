from __future__ import annotations

import ast
from pathlib import Path

import pytest
from PIL import Image

from cleaner import tasks
from cleaner.backbones import NamedByUser, open_backbone
from cleaner.errors import BackboneError
from cleaner.following import Follower
from cleaner.progress import Progress, silent
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.settings import ScoreSettings
from tests.pictures import picture, write_dataset, write_image

SETTINGS = ScoreSettings(("mobilenet_v2_1.0_224",), views=1, folds=2).as_json()


def test_a_file_changed_between_scan_and_features_is_a_finding_and_not_ranked(
    tmp_path: Path,
) -> None:
    project = Project(write_dataset(tmp_path / "pets", {"cat": 6, "dog": 6}))

    def change_one(progress: Progress) -> None:
        if progress.stage == "Looking for duplicates":
            write_image(project.root / "cat" / "0.png", seed=99)

    result = tasks.score(project, SETTINGS, change_one)
    assert result["images"] == 11
    assert [(f.kind, f.paths) for f in project.findings()] == [("unreadable", ("cat/0.png",))]
    assert "changed" in project.findings()[0].detail
    project.store.close()


def _tinted(root: Path, colours: dict[str, str], *, each: int) -> Path:
    """Write different pictures whose classes can be told apart, or no member learns anything."""
    for place, (class_name, colour) in enumerate(colours.items()):
        (root / class_name).mkdir(parents=True)
        for number in range(each):
            plain = picture(place * each + number)
            tinted = Image.blend(plain, Image.new("RGB", plain.size, colour), 0.6)
            tinted.save(root / class_name / f"{number}.png")
    return root


def test_a_round_leaves_what_its_decisions_are_followed_with(tmp_path: Path) -> None:
    root = _tinted(tmp_path / "pets", {"cat": "red", "dog": "blue"}, each=12)
    for name in ("0.png", "1.png"):
        (root / "cat" / name).rename(root / "dog" / f"red {name}")
    project = Project(root)
    tasks.score(project, SETTINGS, silent)
    before = {item.item_id: item.label_quality for item in project.ranking()}
    follower = Follower(project.store, project.state)
    assert follower.look() == 0  # ranked as the round ranked them
    wrong = project.queue()
    assert {Path(item.path).name for item in wrong} == {"red 0.png", "red 1.png"}
    project.decide([Request(item.item_id, "move", "cat") for item in wrong])
    assert follower.look() > len(wrong)
    after = {item.item_id: item.label_quality for item in project.ranking()}
    assert sum(after[item_id] != before[item_id] for item_id in before) > len(wrong)
    # And what its labels are measured with: a sample, and what its models say of sealed images.
    (course,) = project.outlook().courses
    sealed = [item for item in project.dataset().items if item.split == "test"]
    assert 0 < project.outlook().sample_left <= project.sampling().size
    assert course.own is not None
    assert course.own.sealed.images == len(sealed)
    assert 0 < course.own.trained.agreeing <= course.own.trained.images
    project.store.close()


def test_a_round_over_features_on_disk_ranks_as_one_over_features_in_memory(
    tmp_path: Path,
) -> None:
    project = Project(_tinted(tmp_path / "pets", {"cat": "red", "dog": "blue"}, each=8))
    (project.root / "cat" / "0.png").rename(project.root / "dog" / "red 0.png")
    rankings = []
    for place in ("memory", "disk"):
        tasks.score(project, SETTINGS | {"features": place}, silent)
        rankings.append({item.item_id: item.label_quality for item in project.ranking()})
    here, on_disk = rankings
    assert on_disk == pytest.approx(here, abs=1e-3)
    follower = Follower(project.store, project.state)
    follower.look()
    (wrong,) = project.queue(limit=1)
    project.decide([Request(wrong.item_id, "move", "cat")])
    assert follower.look() > 1
    project.store.close()


def test_a_network_that_changed_under_its_name_is_refused_until_it_is_named_anew(
    tmp_path: Path,
) -> None:
    project = Project(write_dataset(tmp_path / "pets", {"cat": 1, "dog": 1}))
    network = tmp_path / "mine.keras"
    network.write_bytes(b"one")
    first = tasks._as_before(project, str(network))
    assert isinstance(first, NamedByUser)
    tasks._as_before(project, str(network))
    network.write_bytes(b"two")
    with pytest.raises(BackboneError, match="changed since") as caught:
        tasks._as_before(project, str(network))
    named = str(caught.value).rpartition(" ")[2]
    assert first.content_sha256 in str(caught.value)
    tasks._as_before(project, named)
    tasks._as_before(project, str(network))
    network.write_bytes(b"three")
    with pytest.raises(BackboneError, match="not the network you meant"):
        tasks._as_before(project, named)
    project.store.close()


def test_no_reader_of_models_unpickles() -> None:
    package = Path(tasks.__file__).parent
    # Reads a data set's pickles without calling anything that is in them; see its own tests.
    apart = package / "importers" / "cifar_python.py"
    for source in set(package.rglob("*.py")) - {apart}:
        for node in ast.walk(ast.parse(source.read_text("utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", "")}
                assert not names & {"pickle", "joblib", "dill", "torch", "shelve"}, source
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                given = {word.arg: ast.unparse(word.value) for word in node.keywords}
                if node.func.attr == "load_model":
                    assert given["safe_mode"] == "True", source
                if ast.unparse(node.func) == "np.load":
                    assert given["allow_pickle"] == "False", source


def test_a_keras_file_with_code_in_it_is_refused(tmp_path: Path) -> None:
    import keras

    inputs = keras.Input((32, 32, 3))
    outputs = keras.layers.GlobalAveragePooling2D()(keras.layers.Lambda(lambda x: x)(inputs))
    keras.Model(inputs, outputs).save(tmp_path / "code.keras")
    with pytest.raises(BackboneError, match=r"code\.keras"):
        open_backbone(str(tmp_path / "code.keras")).build()
