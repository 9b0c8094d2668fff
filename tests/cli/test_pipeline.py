"""The whole loop as a script runs it: score, decide, round, train, predict, export."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cleaner.cli import main
from cleaner.exporters import MODEL_FILES

pytestmark = pytest.mark.slow

_PROJECT = Path(__file__).resolve().parent.parent.parent


class Loop:
    """One dataset that goes through the loop once; every test looks at one step of it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "shapes"
        _write_shapes(self.root)
        quick = ("--views", "1", "--folds", "2", "--backbone", "mobilenet_v1_1.0_224")
        self.scored = self.call("score", *quick)
        self.call("sample", "--size", "0")  # else the planted image may be one to judge blind
        self.queue = self.call("queue")["items"]
        self.decided = self.call("decide", "square/planted.png", "move", "disc")
        self.next_round = self.call("round", *quick)
        self.trained = self.call(
            "train", "--model", "mobilenet_v1_1.0_96", "--head-epochs", "5",
            "--fine-tune-epochs", "0",
        )  # fmt: skip
        self.status = self.call("status")

    def call(self, verb: str, *options: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "cleaner", verb, str(self.root), *options, "--json"],
            capture_output=True,
            text=True,
            cwd=_PROJECT,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        document: dict[str, Any] = json.loads(done.stdout)
        return document


def _write_shapes(root: Path) -> None:
    """Write discs and squares of many colours, and one disc among the squares."""
    rng = np.random.default_rng(0)
    for number in range(12):
        _shape("disc", rng, root / "disc" / f"{number}.png")
        _shape("square", rng, root / "square" / f"{number}.png")
    _shape("disc", rng, root / "square" / "planted.png")


def _shape(kind: str, rng: np.random.Generator, path: Path) -> None:
    down, right = np.mgrid[-32:32, -32:32] + rng.integers(-8, 8, (2, 1, 1))
    radius = rng.integers(12, 22)
    inside = (
        np.hypot(down, right) < radius
        if kind == "disc"
        else np.maximum(abs(down), abs(right)) < radius
    )
    paper, ink = rng.integers(160, 255, 3), rng.integers(0, 100, 3)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.where(inside[..., None], ink, paper).astype(np.uint8)).save(path)


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Loop:
    return Loop(tmp_path_factory.mktemp("loop"))


def test_score_says_what_it_ranked_and_how_long_it_took(loop: Loop) -> None:
    assert loop.scored["round"] == 1
    assert loop.scored["images"] == 25
    assert 1 <= loop.scored["flagged"] <= 25
    assert loop.scored["seconds"].keys() == {"features", "training", "total"}


def test_the_planted_error_is_flagged_with_its_true_class(loop: Loop) -> None:
    found = {item["path"]: item for item in loop.queue}
    assert found["square/planted.png"]["suggested_label"] == "disc"
    assert found["square/planted.png"]["reasons"]


def test_qualities_are_plain_numbers_from_0_to_1(loop: Loop) -> None:
    numbers = [item[name] for item in loop.queue for name in ("label_quality", "self_confidence")]
    assert all(0 <= number <= 1 for number in numbers)


def test_round_moves_the_file_and_ranks_again(loop: Loop) -> None:
    assert loop.decided == {"recorded": 1, "rejected": []}
    assert (loop.next_round["round"], loop.next_round["moved"]) == (2, 1)
    assert (loop.root / "disc" / "planted.png").exists()


def test_features_are_not_computed_again_after_a_move(loop: Loop) -> None:
    assert loop.next_round["seconds"]["features"] < loop.scored["seconds"]["features"]


def test_train_gives_a_model_with_its_receipt(loop: Loop) -> None:
    assert loop.trained["classes"] == ["disc", "square"]
    low, high = loop.trained["accuracy_interval"]
    assert 0 <= low <= loop.trained["accuracy"] <= high <= 1
    assert loop.trained["size_bytes"] > 0
    assert loop.trained["images_per_second"] > 0
    assert Path(loop.trained["model"]).is_dir()


def test_status_names_the_model(loop: Loop) -> None:
    assert loop.status["models"] == [loop.trained["model"]]


def test_the_model_labels_a_photo(loop: Loop, capsys: pytest.CaptureFixture[str]) -> None:
    photo = loop.root / "disc" / "3.png"
    capsys.readouterr()
    assert main(["predict", loop.trained["model"], str(photo), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["predictions"]
    assert {entry["label"] for entry in found["top"]} == {"disc", "square"}
    assert sum(entry["probability"] for entry in found["top"]) == pytest.approx(1, abs=1e-3)


def test_the_model_is_exported(loop: Loop, tmp_path: Path) -> None:
    target = tmp_path / "shapes.tflite"
    assert main(["export", str(loop.root), str(target), "--format", "tflite"]) == 0
    assert main(["predict", str(target), str(loop.root / "disc" / "3.png")]) == 0


_WITHOUT_TENSORFLOW = """
import sys
from cleaner.cli import main
code = main(sys.argv[1:])
sys.exit(code or bool({"tensorflow", "keras"} & set(sys.modules)))
"""


def test_a_model_is_exported_without_tensorflow(loop: Loop, tmp_path: Path) -> None:
    target = tmp_path / "half.tflite"
    words = ["export", str(loop.root), str(target), "--format", "tflite_float16", "--json"]
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_TENSORFLOW, *words],
        capture_output=True,
        text=True,
        cwd=_PROJECT,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["files"] == [str(target)]
    full = Path(loop.trained["model"]) / "model.tflite"
    assert target.stat().st_size < 0.6 * full.stat().st_size


def test_the_receipt_of_the_training_is_shown_and_written(
    loop: Loop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Training ends with it, so that nothing needs to be measured here."""
    name, page = Path(loop.trained["model"]).name, tmp_path / "receipt.html"
    capsys.readouterr()
    words = ["receipt", str(loop.root), "--kept", "--html", str(page), "--send-back", name]
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (model,) = found["models"]
    assert model["model_id"] == name
    assert set(model["formats"]) == set(MODEL_FILES)
    assert found["picked"]["images"] == len(model["mistakes"])
    assert name in page.read_text(encoding="utf-8")
    assert main(words) == 0
    assert "misclassified test images picked" in capsys.readouterr().out


def test_a_receipt_of_no_model_says_what_to_do(
    loop: Loop, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["receipt", str(loop.root), "--kept", "--send-back", "nobody"]) == 1
    assert "No model 'nobody' in the receipt" in capsys.readouterr().err
