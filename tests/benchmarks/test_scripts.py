"""The scripts of benchmarks/ from their command line to what they print and keep."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import peers, ranking, rounds
from tests.pictures import picture

TINTS = {"red": (255, 0, 0), "blue": (0, 0, 255)}
IMAGES_PER_CLASS = 14
FAST = ["--backbone", "mobilenet_v1_1.0_224", "--views", "1"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("benchmark") / "photos"
    for name, tint in TINTS.items():
        (root / name).mkdir(parents=True)
        for number in range(IMAGES_PER_CLASS):
            seed = number + 100 * len(name)
            tinted = Image.blend(picture(seed), Image.new("RGB", (48, 32), tint), 0.6)
            tinted.save(root / name / f"{name}{number}.png")
    return root


@pytest.fixture(scope="module")
def truth(photos: Path) -> Path:
    """Return a table in which the first two of each class are labelled wrong."""
    table = photos.parent / "truth.csv"
    other = dict(zip(TINTS, reversed(TINTS), strict=True))
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "true_label", "given"])
        for name in TINTS:
            for number in range(IMAGES_PER_CLASS):
                given = other[name] if number < 2 else name
                writer.writerow([f"{name}/{name}{number}.png", name, given])
    return table


@pytest.fixture(scope="module")
def cache(photos: Path) -> list[str]:
    return ["--cache", str(photos.parent / "cache")]


def test_ranking_prints_and_keeps_its_figures(
    photos: Path, truth: Path, cache: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept" / "figures.json"
    words = [str(photos), str(truth), "--given", "given", "--no-peers", *FAST, *cache]
    ranking.main([*words, "--json", str(kept)])
    figures = json.loads(kept.read_text())["labellings"]["given"]
    assert figures["wrong"] == 4
    assert figures["rankings"]["Cleaner"]["average precision"][0] > 0.5
    assert "| average precision |" in capsys.readouterr().out


def test_the_same_command_gives_the_same_figures(
    photos: Path, truth: Path, cache: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(photos), str(truth), "--given", "given", "--no-peers", *FAST, *cache]
    ranking.main(words)
    first = capsys.readouterr().out
    ranking.main(words)
    assert capsys.readouterr().out == first


def test_ranking_stands_beside_its_peers(
    photos: Path, truth: Path, cache: list[str], tmp_path: Path
) -> None:
    pytest.importorskip("cleanlab", reason="requirements-benchmarks.txt is not installed")
    pytest.importorskip("matplotlib", reason="requirements-benchmarks.txt is not installed")
    kept, plot = tmp_path / "figures.json", tmp_path / "plot.svg"
    words = [str(photos), str(truth), "--given", "given", *FAST, *cache]
    ranking.main([*words, "--json", str(kept), "--plot", str(plot)])
    rankings = json.loads(kept.read_text())["labellings"]["given"]["rankings"]
    for name in ("cleanlab, self-confidence", "tuned cleanlab, self-confidence"):
        assert "F1 at the cut-off" in rankings[f"{name} (mobilenet_v1_1.0_224)"]
    assert "wrong labels found" in plot.read_text()


def test_cleanlab_scores_a_label_by_its_plain_probability(tmp_path: Path) -> None:
    pytest.importorskip("cleanlab", reason="requirements-benchmarks.txt is not installed")
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    features = (labels[:, None] + rng.normal(size=(60, 4))).astype(np.float32)
    regression = peers.Regression(features, labels, 2, seed=0, cache_folder=tmp_path)
    own = regression.pred_probs(1.0)[np.arange(60), labels]
    by_cleanlab, *_ = peers.rankings(features, labels, 2, seed=0, cache_folder=tmp_path)
    np.testing.assert_allclose(by_cleanlab.suspicion, 1 - own)


def test_disputed_labels_are_those_of_the_folders(
    photos: Path, cache: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "disputed.csv"
    table.write_text("image\nred0\nblue3\n")
    ranking.main([str(photos), str(table), "--no-peers", *FAST, *cache])
    assert "folder: 2 of 28 known to be disputed" in capsys.readouterr().out


def test_rounds_print_and_keep_where_the_review_stands(
    photos: Path, truth: Path, cache: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "rounds.json"
    words = [str(photos), str(truth), "--given", "given", *FAST, *cache]
    rounds.main([*words, "--rounds", "1", "--share", "0.2", "--no-peers", "--json", str(kept)])
    courses = json.loads(kept.read_text())
    assert [stand["reviewed"] for stand in courses["Cleaner"]] == [0, 6]
    assert courses["random"][0]["wrong_left"] == 4
    assert "| Cleaner: reviewed |" in capsys.readouterr().out


def test_a_column_that_is_not_there_is_named(photos: Path, truth: Path) -> None:
    with pytest.raises(SystemExit, match=r"no column 'gven'.*path, true_label, given"):
        ranking.main([str(photos), str(truth), "--given", "gven"])


def test_a_photo_that_is_not_there_is_named(photos: Path, tmp_path: Path) -> None:
    table = tmp_path / "truth.csv"
    table.write_text("path,true_label,given\nred/gone.png,red,blue\n")
    with pytest.raises(SystemExit, match=r"gone\.png: No such file"):
        ranking.main([str(photos), str(table), "--given", "given"])
