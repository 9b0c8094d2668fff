"""docs/from-retrain.md keeps its word: each row's old flag does what its command here does."""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest

from cleaner import mobilenets
from cleaner.cli import verbs
from cleaner.cli.retraining import FLAGS, WITHOUT_A_HOME, Errand, _lines, mapped
from cleaner.settings import TrainSettings

_DOC = Path(__file__).resolve().parent.parent / "docs" / "from-retrain.md"
_FIELDS = {field.name for field in dataclasses.fields(TrainSettings)}


@dataclasses.dataclass(frozen=True)
class Row:
    ability: str
    old: str
    here: str
    default: str

    @property
    def flag(self) -> str:
        return shlex.split(self.old)[0].removeprefix("--")

    @property
    def command(self) -> list[str]:
        """The first command in the column, none where it says nothing."""
        found = re.match(r"`([^`]+)`", self.here)
        return shlex.split(found[1]) if found else []

    def value(self, side: str) -> str:
        """The default there or here; text without backticks is empty."""
        found = re.search(rf"\b{side} `([^`]*)`", self.default)
        return found[1] if found else ""


def _table(title: str) -> list[Row]:
    section = _DOC.read_text(encoding="utf-8").split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")][1:]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [Row(ability, old.strip("`"), *rest) for ability, old, *rest in cells]


_ROWS = _table("Each option")
_LABEL_IMAGE = _table("label_image")
_MAKE_IMAGE_CLASSIFIER = _table("make_image_classifier")


def _context(command: list[str]) -> click.Context:
    return verbs.commands[command[0]].make_context(command[0], command[1:])


def _errand(old: str) -> Errand:
    words = [] if "--image_dir" in old else ["--image_dir", "photos"]
    context = _context(["retrain", *words, *shlex.split(old)])
    given = {name: context.params[name] for name in (*FLAGS, "views")}
    named = {word.removeprefix("--") for word in shlex.split(old) if word.startswith("--")}
    return mapped(given, named)


def _settings(command: list[str]) -> dict[str, Any]:
    """What `train` would be told; what is repeatable there is one here."""
    found = _context(command).params
    single = {name: v[0] if isinstance(v, tuple) and v else v for name, v in found.items()}
    single |= {"model": single["models"]}
    # `train` itself makes it absolute, for the worker.
    single |= {"log_folder": single["log_folder"] and str(single["log_folder"].absolute())}
    return {name: value for name, value in single.items() if name in _FIELDS - {"weights"}}


def test_every_flag_of_the_two_scripts_has_a_row() -> None:
    assert sorted(row.flag for row in _ROWS) == sorted(FLAGS)
    taken = {
        "image", "graph", "labels", "input_height", "input_width", "input_mean", "input_std",
        "input_layer", "output_layer",
    }  # fmt: skip
    assert {row.flag for row in _LABEL_IMAGE} == taken


@pytest.mark.parametrize(
    "row", [r for r in _ROWS if r.command[:1] == ["train"]], ids=lambda r: r.flag
)
def test_the_command_of_a_row_sets_what_its_flag_sets(row: Row) -> None:
    plain, wanted = _settings(["train", "photos"]), _settings(row.command)
    changed = {name: value for name, value in wanted.items() if value != plain[name]}
    training = _errand(row.old).training.as_json()

    assert {name: training[name] for name in changed} == changed
    if row.flag not in _ELSEWHERE:
        assert changed


# Rows whose flag is no setting of the training.
_ELSEWHERE = {"image_dir", "output_labels", "print_misclassified_test_images", "model_dir"}


def _row(flag: str) -> Row:
    return next(row for row in _ROWS if row.flag == flag)


def test_rows_of_what_is_no_setting_of_the_training_are_kept_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TFHUB_CACHE_DIR", "as it was")
    assert _errand("--image_dir photos").root == Path("photos")
    assert _errand(_row("output_labels").old).outputs == {"labels": Path("labels.txt").absolute()}
    assert _errand(_row("model_dir").old).networks == Path("networks")
    _context(_row("model_dir").command)
    assert os.environ["TFHUB_CACHE_DIR"] == str(Path("networks").absolute())


def test_misclassified_test_images_are_printed_by_the_old_flag_and_by_the_new_one() -> None:
    row = _row("print_misclassified_test_images")
    assert _context(["retrain", "--image_dir=photos", row.old]).params[row.flag]
    assert _context(row.command).params["print_misclassified"]
    wrong = [{"path": "cat/1.jpg", "true": "cat", "predicted": "dog"}]
    done = {"accuracy": 0.9, "accuracy_interval": [0.8, 0.95], "written": {}, "model": "m"}
    printed = list(_lines(done | {"misclassified": wrong}, shows_mistakes=True))
    assert printed[1:3] == ["=== MISCLASSIFIED TEST IMAGES ===", "cat/1.jpg  dog"]
    assert "cat/1.jpg" not in "".join(_lines(done | {"misclassified": wrong}, shows_mistakes=False))


@pytest.mark.parametrize(
    "row", [r for r in _ROWS if r.command[:1] == ["scan"]], ids=lambda r: r.flag
)
def test_a_share_of_a_row_is_what_is_held_out(row: Row) -> None:
    errand, wanted = _errand(row.old), _context(row.command).params
    name = "validation_percent" if "validation" in row.flag else "test_percent"
    assert getattr(errand, name) == wanted[name] == 20


@pytest.mark.parametrize(
    "row", [r for r in _ROWS if r.command[:1] == ["export"]], ids=lambda r: r.flag
)
def test_an_output_of_a_row_is_an_export(row: Row) -> None:
    wanted = _context(row.command).params
    assert _errand(row.old).outputs == {wanted["format_name"]: wanted["destination"].absolute()}


@pytest.mark.parametrize("row", [r for r in _ROWS if not r.command], ids=lambda r: r.flag)
def test_a_flag_without_a_home_says_why(row: Row) -> None:
    reason = WITHOUT_A_HOME[row.flag]
    assert row.here == f"nothing: {reason}"
    assert _errand(row.old).remarks == (f"--{row.flag} changes nothing: {reason}.",)


@pytest.mark.parametrize("row", _ROWS, ids=lambda r: r.flag)
def test_the_defaults_of_a_row_are_those_of_the_code(row: Row) -> None:
    there = _context(["retrain", "--image_dir", "photos"]).params
    if row.flag not in _NEVER_A_DEFAULT and row.value("there"):
        assert row.value("there") == str(there[row.flag])
    if row.command[:1] != ["train"] or row.flag in _ELSEWHERE:
        return
    plain, wanted = _settings(["train", "photos"]), _settings(row.command)
    changed = [plain[name] for name, value in wanted.items() if value != plain[name]]
    if row.value("here"):
        assert _as_number(row.value("here")) in map(_as_number, changed)
    else:
        assert None in changed or row.flag == "tfhub_module"


# The script wrote to /tmp and fetched Inception V3 unasked; `retrain` does only what is named.
_NEVER_A_DEFAULT = {
    "output_graph", "intermediate_output_graphs_dir", "output_labels", "summaries_dir",
    "model_dir", "bottleneck_dir", "architecture", "checkpoint_path",
}  # fmt: skip


def _as_number(value: object) -> object:
    try:
        return float(str(value))
    except ValueError:
        return str(value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("inception_v3", "InceptionV3"),
        ("mobilenet_1.0_224", "mobilenet_v1_1.0_224"),
        ("mobilenet_0.50_192", "mobilenet_v1_0.5_192"),
        ("mobilenet_0.25_128_quantized", "mobilenet_v1_0.25_128"),
    ],
)
def test_a_name_of_2017_is_a_network_of_today(old: str, new: str) -> None:
    errand = _errand(f"--architecture {old}")
    assert errand.training.model == new
    assert len(errand.remarks) == old.count("quantized")


def test_every_mobilenet_of_2017_is_one_of_today() -> None:
    widths, sides = ("1.0", "0.75", "0.50", "0.25"), (224, 192, 160, 128)
    for width, side, tail in itertools.product(widths, sides, ("", "_quantized")):
        found = mobilenets.parse(
            _errand(f"--architecture mobilenet_{width}_{side}{tail}").training.model
        )
        assert (found.version, found.width, found.side_px) == ("v1", float(width), side)


@pytest.mark.parametrize("row", _LABEL_IMAGE, ids=lambda r: r.flag)
def test_label_image_takes_its_flags(row: Row) -> None:
    words = ["label_image", *shlex.split(row.old)]
    words += [] if "--graph" in row.old else ["--graph", "graph.pb"]
    words += [] if "--image" in row.old else ["--image", "photo.jpg"]
    assert _context(words).params[row.flag] is not None
    if row.command:
        assert _context(row.command).params["images"] == ("photo.jpg",)


# Of tensorflow_hub 0.12's tools/make_image_classifier; what it leaves to itself is None.
_HUB_DEFAULTS = {
    "image_dir": None, "image_size": None, "saved_model_dir": None, "tflite_output_file": None,
    "labels_output_file": None, "summaries_dir": None, "assert_accuracy_at_least": None,
    "tfhub_module": "https://tfhub.dev/google/tf2-preview/mobilenet_v2/feature_vector/4",
    "train_epochs": 5, "do_fine_tuning": False, "batch_size": 32, "learning_rate": 0.005,
    "momentum": 0.9, "dropout_rate": 0.2, "set_memory_growth": False, "l1_regularizer": 0.0,
    "l2_regularizer": 0.0001, "label_smoothing": 0.1, "validation_split": 0.2,
    "do_data_augmentation": False, "rotation_range": 40, "horizontal_flip": True,
    "width_shift_range": 0.2, "height_shift_range": 0.2, "shear_range": 0, "zoom_range": 0.2,
    "distribution_strategy": None, "use_tf_data_input": None,
}  # fmt: skip


def test_every_flag_of_make_image_classifier_has_a_row_with_its_default() -> None:
    there = {row.flag: row.value("there") for row in _MAKE_IMAGE_CLASSIFIER}
    assert there == {
        flag: "" if default is None else str(default) for flag, default in _HUB_DEFAULTS.items()
    }


@pytest.mark.parametrize("row", _MAKE_IMAGE_CLASSIFIER, ids=lambda r: r.flag)
def test_a_flag_of_make_image_classifier_is_a_command_with_its_value_or_has_a_reason(
    row: Row,
) -> None:
    if not row.command:
        assert re.fullmatch("nothing: .+", row.here)
        return
    _context(row.command)
    value = shlex.split(row.old)[1:]
    if value and row.flag not in ("labels_output_file", "momentum"):
        # Shares are percent here.
        same = {value[0], f"{100 * float(value[0]):g}"} if value[0][0].isdigit() else {value[0]}
        assert any(one in word for one in same for word in row.command)


@pytest.mark.parametrize(
    "row",
    [r for r in _MAKE_IMAGE_CLASSIFIER if r.command[:1] == ["train"] and r.value("here")],
    ids=lambda r: r.flag,
)
def test_the_default_of_a_row_of_make_image_classifier_is_that_of_train(row: Row) -> None:
    plain, wanted = _settings(["train", "photos"]), _settings(row.command)
    changed = [plain[name] for name, value in wanted.items() if value != plain[name]]
    if row.flag == "do_fine_tuning":
        changed = [plain["fine_tune_epochs"]]
    assert _as_number(row.value("here")) in map(_as_number, changed)
