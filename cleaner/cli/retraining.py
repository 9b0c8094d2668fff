"""The verb retrain: the flags of TensorFlow's old example script, as they were.

docs/from-retrain.md says of each flag what it has become; a test holds this file to that table.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cleaner import settings
from cleaner.cli.desk import Desk, examples, json_option
from cleaner.cli.models import compared_lines, misclassified
from cleaner.cli.watching import ProgressLine, run_job
from cleaner.errors import ExportError, SettingsError
from cleaner.items import shown_path

if TYPE_CHECKING:
    from cleaner.project import Project

# retrain.py drew each image anew in every step; here so many of its views are kept.
DISTORTED_VIEWS = 8

WITHOUT_A_HOME: Mapping[str, str] = {
    "validation_batch_size": "all validation images are looked at each time: their features are "
    "kept, so it takes no longer, and a sample would only add chance",
    "test_batch_size": "all test images are used, each once",
    "checkpoint_path": "how far a training has come is kept in the state folder, and it goes on "
    "from there by itself; --intermediate_output_graphs_dir keeps whole models",
    "logging_verbosity": "progress goes to stderr, and the log of each job lies in the state "
    "folder",
}
"""Flags that change nothing, and why; said when one is given with another value than its own."""

_PATH = click.Path(path_type=Path)
_FOLDER = click.Path(path_type=Path, file_okay=False)
_PERCENT = click.IntRange(0, 99)

_FLAGS = (
    click.option("--image_dir", type=_FOLDER, required=True, help="Class folders of images."),
    click.option("--output_graph", type=_PATH, help="Write the frozen graph (.pb) here."),
    click.option(
        "--intermediate_output_graphs_dir",
        type=_FOLDER,
        help="Where models on the way are kept, as .keras files.",
    ),
    click.option(
        "--intermediate_store_frequency",
        type=click.IntRange(0),
        default=0,
        show_default=True,
        help="Keep one each so many steps; 0 for none.",
    ),
    click.option("--output_labels", type=_PATH, help="Write the labels here, one a line."),
    click.option("--summaries_dir", type=_FOLDER, help="Write curves for TensorBoard here."),
    click.option(
        "--how_many_training_steps", type=click.IntRange(1), default=4000, show_default=True
    ),
    click.option("--learning_rate", type=float, default=0.01, show_default=True),
    click.option(
        "--testing_percentage",
        type=_PERCENT,
        default=10,
        show_default=True,
        help="Of new images; those seen before stay in the part they are in.",
    ),
    click.option("--validation_percentage", type=_PERCENT, default=10, show_default=True),
    click.option(
        "--eval_step_interval",
        type=click.IntRange(1),
        default=10,
        show_default=True,
        help="Look at the validation images each so many steps; the best weights are kept.",
    ),
    click.option("--train_batch_size", type=click.IntRange(1), default=100, show_default=True),
    click.option("--test_batch_size", type=int, default=-1, show_default=True),
    click.option("--validation_batch_size", type=int, default=100, show_default=True),
    click.option("--print_misclassified_test_images", is_flag=True),
    click.option("--model_dir", type=_FOLDER, help="Where fetched networks are kept."),
    click.option(
        "--bottleneck_dir",
        type=_FOLDER,
        help="Where features are kept.  [default: in IMAGE_DIR.cleaner]",
    ),
    click.option("--final_tensor_name", default="final_result", show_default=True),
    click.option("--flip_left_right", is_flag=True),
    click.option("--random_crop", type=click.IntRange(0), default=0, show_default=True),
    click.option("--random_scale", type=click.IntRange(0), default=0, show_default=True),
    click.option("--random_brightness", type=click.IntRange(0), default=0, show_default=True),
    click.option(
        "--architecture",
        help="inception_v3, mobilenet_1.0_224, mobilenet_0.25_128_quantized, ..., or any name "
        "that `train --model` takes.",
    ),
    click.option("--tfhub_module", help="A handle, a URL, a folder or a .tar.gz."),
    click.option("--saved_model_dir", type=_PATH, help="Write the SavedModel here."),
    click.option("--logging_verbosity", default="INFO", show_default=True),
    click.option("--checkpoint_path", type=_PATH),
)
FLAGS: tuple[str, ...] = (
    "image_dir", "output_graph", "intermediate_output_graphs_dir", "intermediate_store_frequency",
    "output_labels", "summaries_dir", "how_many_training_steps", "learning_rate",
    "testing_percentage", "validation_percentage", "eval_step_interval", "train_batch_size",
    "test_batch_size", "validation_batch_size", "print_misclassified_test_images", "model_dir",
    "bottleneck_dir", "final_tensor_name", "flip_left_right", "random_crop", "random_scale",
    "random_brightness", "architecture", "tfhub_module", "saved_model_dir", "logging_verbosity",
    "checkpoint_path",
)  # fmt: skip


def _flags(function: Any) -> Any:
    for option in reversed(_FLAGS):
        function = option(function)
    return function


@dataclass(frozen=True, slots=True)
class Errand:
    """What a call of retrain.py asks for, in Cleaner's terms.

    Attributes:
        root: the dataset.
        training: the settings of `train`.
        validation_percent: of the images that are new.
        test_percent: likewise.
        outputs: export format -> where it is to be written; ``labels`` is the labels file.
        networks: where fetched networks are kept, or None.
        remarks: what was asked for and changes nothing, one sentence each.
    """

    root: Path
    training: settings.TrainSettings
    validation_percent: int
    test_percent: int
    outputs: dict[str, Path] = field(default_factory=dict)
    networks: Path | None = None
    remarks: tuple[str, ...] = ()


@click.command(
    epilog=examples(
        "retrain --image_dir photos --output_graph graph.pb --output_labels labels.txt",
        "retrain --image_dir photos --architecture mobilenet_0.5_160 --flip_left_right",
    )
)
@_flags
@click.option(
    "--views",
    type=click.IntRange(1, 64),
    help="How many distorted views of each image are kept.  "
    f"[default: {DISTORTED_VIEWS} with distortions, else 1]",
)
@click.option("--state", type=_PATH, metavar="DIR", help="As in every verb.")
@json_option
@click.pass_context
def retrain(context: click.Context, /, *, state: Path | None, as_json: bool, **given: Any) -> None:
    """Train as TensorFlow's retrain.py did, with its own flags.

    Scans the folder, trains a new last layer on kept features, measures it on test images, and
    writes what is named. The model also lies in IMAGE_DIR.cleaner as every model does.
    docs/from-retrain.md says what each flag has become, and what `train` can do besides.
    """
    is_given = {name for name in FLAGS if context.get_parameter_source(name) is not _BY_DEFAULT}
    try:
        errand = mapped(given, is_given)
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    desk = Desk(errand.root, state, as_json)
    for remark in errand.remarks:
        click.echo(remark, err=True)
    document = _done(desk, errand)
    shows_mistakes = given["print_misclassified_test_images"]
    desk.answer(document, _lines(document, shows_mistakes=shows_mistakes))


_BY_DEFAULT = click.core.ParameterSource.DEFAULT


def mapped(given: Mapping[str, Any], is_given: set[str]) -> Errand:
    """Return what the flags ask for.

    Args:
        given: flag -> value, defaults included.
        is_given: those that somebody typed.

    Raises:
        SettingsError: values that do not go together, or are out of range.
        UnknownBackbone: no such network.
    """
    remarks = [
        f"--{name} changes nothing: {reason}."
        for name, reason in WITHOUT_A_HOME.items()
        if name in is_given
    ]
    model, is_quantized = _model(given["architecture"], given["tfhub_module"])
    if is_quantized:
        remarks.append(_QUANTIZED)
    if given["testing_percentage"] + given["validation_percentage"] > 99:
        raise SettingsError("testing_percentage and validation_percentage leave no training image.")
    outputs = {
        format_name: given[flag].absolute()
        for flag, format_name in _OUTPUTS.items()
        if given[flag] is not None
    }
    return Errand(
        root=given["image_dir"],
        training=_training(given, model),
        validation_percent=given["validation_percentage"],
        test_percent=given["testing_percentage"],
        outputs=outputs,
        networks=given["model_dir"],
        remarks=tuple(remarks),
    )


_OUTPUTS = {"output_graph": "graph", "output_labels": "labels", "saved_model_dir": "saved_model"}
_QUANTIZED = (
    "The network is trained in float; for whole numbers export it afterwards with "
    "`export --format tflite_int8`."
)


def _training(given: Mapping[str, Any], model: str) -> settings.TrainSettings:
    keeps = given["intermediate_store_frequency"] > 0
    folder = given["intermediate_output_graphs_dir"]
    if keeps and folder is None:
        raise SettingsError(
            "intermediate_store_frequency asks for models on the way; say where with "
            "--intermediate_output_graphs_dir."
        )
    is_distorted = given["flip_left_right"] or any(
        given[name] for name in ("random_crop", "random_scale", "random_brightness")
    )
    return settings.TrainSettings(
        model=model,
        views=given["views"] or (DISTORTED_VIEWS if is_distorted else 1),
        fine_tune_epochs=0,
        head_steps=given["how_many_training_steps"],
        check_every_steps=given["eval_step_interval"],
        head_batch_size=given["train_batch_size"],
        head_learning_rate=given["learning_rate"],
        head_optimizer="sgd",
        flip_left_right=given["flip_left_right"],
        random_crop=float(given["random_crop"]),
        random_scale=float(given["random_scale"]),
        random_brightness=float(given["random_brightness"]),
        cache=_absolute(given["bottleneck_dir"]),
        checkpoints=_absolute(folder) if keeps else None,
        checkpoint_steps=given["intermediate_store_frequency"],
        output_name=given["final_tensor_name"],
        log_folder=_absolute(given["summaries_dir"]),
    )


def _absolute(path: Path | None) -> str | None:
    return None if path is None else str(path.expanduser().absolute())


_MOBILENET_2017 = re.compile(r"mobilenet_(0\.25|0\.50?|0\.75|1\.0)_(128|160|192|224)(_quantized)?")


def _model(architecture: str | None, module: str | None) -> tuple[str, bool]:
    """Return Cleaner's name of the network, and whether it was to be quantized."""
    from cleaner.backbones import with_absolute_path

    if architecture is not None and module is not None:
        raise SettingsError("Give --architecture or --tfhub_module, not both.")
    if module is not None:
        return with_absolute_path(module), False
    match = _MOBILENET_2017.fullmatch(architecture or "")
    if match is not None:
        return f"mobilenet_v1_{float(match[1])}_{match[2]}", match[3] is not None
    if architecture == "inception_v3":
        return "InceptionV3", False
    return with_absolute_path(architecture or settings.DEFAULT_FINAL_MODEL), False


def _done(desk: Desk, errand: Errand) -> dict[str, Any]:
    """Scan, train and write; return all there is to tell."""
    _check_free(errand.outputs.values())
    if errand.networks is not None:
        # The worker inherits them; these are the names that TensorFlow Hub and Keras know.
        folder = _absolute(errand.networks)
        os.environ |= {"TFHUB_CACHE_DIR": str(folder), "KERAS_HOME": str(folder)}
    with desk.project() as project:
        project.hold_out(validation=errand.validation_percent / 100, test=errand.test_percent / 100)
        with ProgressLine() as line:
            project.scan(line)
        result = run_job(project, "train", errand.training.as_json())
        written = _written(project, Path(result["model"]), errand.outputs)
        wrong = misclassified(project.models()[0])
    return result | {"written": written, "misclassified": wrong, "remarks": list(errand.remarks)}


def _check_free(destinations: Any) -> None:
    """Raise ExportError before anything is trained, not after."""
    for path in destinations:
        if os.path.lexists(path) and not (path.is_dir() and not any(path.iterdir())):
            raise ExportError(
                f"{shown_path(str(path))}: there is something already, and nothing is "
                "overwritten. Name a new place or an empty folder."
            )


def _written(project: Project, model: Path, outputs: Mapping[str, Path]) -> dict[str, str]:
    from cleaner import exports
    from cleaner.exporters.base import LABELS_NAME, beside

    for format_name, destination in outputs.items():
        if format_name == "labels":
            with beside(destination) as partial:
                partial.write_bytes((model / LABELS_NAME).read_bytes())
        elif exports.needs_a_worker(format_name):
            wanted = settings.ExportSettings(format_name, str(destination))
            document = run_job(project, "export", wanted.as_json())
            for line in compared_lines(document):
                click.echo(line, err=True)
        else:
            exports.export(project, format_name, destination)
    return {name: shown_path(str(path)) for name, path in outputs.items()}


def _lines(document: Mapping[str, Any], *, shows_mistakes: bool) -> Iterator[str]:
    if document["accuracy"] is None:
        yield "Final test accuracy not measured: there are no test images"
    else:
        low, high = document["accuracy_interval"]
        yield f"Final test accuracy = {document['accuracy']:.1%}  (95% {low:.1%} to {high:.1%})"
    if shows_mistakes:
        yield "=== MISCLASSIFIED TEST IMAGES ==="
        yield from (f"{one['path']}  {one['predicted']}" for one in document["misclassified"])
    yield from (f"{name:<12}{path}" for name, path in document["written"].items())
    yield f"{'model':<12}{document['model']}"
    yield f"Next: python -m cleaner predict {document['model']} IMAGE..."
