"""Verbs about what comes out at the end: train, predict, export; and the networks to begin with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cleaner import mobilenets, settings, small_resnets, unknowns
from cleaner.cli.course import course_options
from cleaner.cli.desk import (
    Desk,
    answer,
    dataset_verb,
    examples,
    hub_cache_option,
    json_option,
    table,
)
from cleaner.cli.engine import engine_options, engine_settings
from cleaner.cli.joining import going_on, joining_options
from cleaner.cli.watching import ProgressLine, run_job
from cleaner.errors import ImageRejected, SettingsError
from cleaner.items import shown_path
from cleaner.receipts import gain_in_words, joined_in_words, unknown_in_words
from cleaner.unknowns import is_unknown

if TYPE_CHECKING:
    from numpy import ndarray

    from cleaner.classifier import Classifier, Outcome
    from cleaner.cli.photos import Answers
    from cleaner.project import Project
    from cleaner.store.models import FinalModel

_DEFAULTS = settings.TrainSettings()
_TOP = 5
_BYTES_A_PARAMETER = 4
# Those of `cleaner.exports`, named here so that --help need not load it.
EXPORT_FORMATS = (
    *("folder", "csv", "tree", "coco", "tfrecord"),
    *("keras", "saved_model", "tflite", "tflite_float16", "tflite_int8", "onnx", "graph"),
)


@click.command(
    epilog=examples(
        "train data/demo",
        "train photos --model mobilenet_v1_1.0_224 --fine-tune-epochs 0",
        "train photos --model mobilenet_v2_1.0_224 --model mobilenet_v2_1.0_128",
        "train photos --model mobilenet_v1_0.25_128 --weights mobilenet_v1_0.25_128.keras",
        "train photos --from mobilenet_v2_1.0_224-20261122-101500",
    )
)
@dataset_verb
@click.option(
    "--model",
    "models",
    multiple=True,
    default=(_DEFAULTS.model,),
    show_default=True,
    help="Architecture; several are compared.",
)
@click.option(
    "--weights",
    multiple=True,
    metavar="[MODEL=]FILE",
    help="Begin with these: a .keras, .weights.h5 or .h5 file, or none for random ones. "
    "[default: those that come with Cleaner, or that Keras fetches]",
)
@joining_options
@click.option(
    "--head-epochs",
    default=_DEFAULTS.head_epochs,
    show_default=True,
    help="At most so many passes for the new top; it stops earlier when nothing is gained.",
)
@click.option(
    "--fine-tune-epochs",
    default=_DEFAULTS.fine_tune_epochs,
    show_default=True,
    help="At most so many passes with the network's own top layers; 0 for none.",
)
@click.option(
    "--fine-tune-from",
    metavar="LAYER",
    help="The lowest layer of the network that is fine-tuned, its name or its number from the "
    "input.  [default: the upper 60%]",
)
@click.option(
    "--fine-tune-learning-rate",
    type=float,
    help="Where the rate of fine-tuning begins to fall.  [default: 0.0003; 0.002 from nothing]",
)
@click.option(
    "--patience",
    default=_DEFAULTS.patience,
    show_default=True,
    help="Epochs without a better validation loss before it stops.",
)
@click.option(
    "--schedule",
    type=click.Choice(settings.SCHEDULES),
    default=_DEFAULTS.schedule,
    show_default=True,
    help="How the learning rate falls.",
)
@click.option(
    "--label-smoothing",
    default=_DEFAULTS.label_smoothing,
    show_default=True,
    help="How much of each label is spread over all classes.",
)
@click.option(
    "--class-weights",
    type=click.Choice(settings.CLASS_WEIGHTS),
    default=_DEFAULTS.class_weights,
    show_default=True,
    help="Rare classes weigh more, by one over their share or over its root.",
)
@click.option(
    "--distil",
    default=_DEFAULTS.distil,
    show_default=True,
    help="How much of each label is what the latest round says of the image, 0 to 1.",
)
@click.option(
    "--tensorboard",
    "log_folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Write the curves there, for TensorBoard.",
)
@click.option("--seed", default=_DEFAULTS.seed, show_default=True, help="Makes it repeatable.")
@click.option(
    "--measure-gain",
    is_flag=True,
    help="Train once more on the labels as given, to say what cleaning brought.",
)
@course_options
@hub_cache_option
@click.option(
    "--print-misclassified", is_flag=True, help="List the test images that it takes for others."
)
def train(
    desk: Desk,
    *,
    models: tuple[str, ...],
    weights: tuple[str, ...],
    begin_from: str | None,
    log_folder: Path | None,
    print_misclassified: bool,
    **recipe: Any,
) -> None:
    """Train the model to ship, on the labels as reviewed.

    Accuracy is measured on the test images, which train nothing, and goes into the receipt
    beside the model. Architecture names are mobilenet_VERSION_WIDTH_SIDE, of the versions v1, v2,
    v3_large and v3_small; any network that `backbones` lists and any module of TF-Hub will do,
    too. Several models are trained one after the other and compared; each photo is read once for
    all. Started again after a kill, it goes on where it was.

    A class folder that has joined is learnt within seconds with --from: the network of an earlier
    model stays as it is, features that are kept serve again, and the receipt counts the answers on
    old classes that are others now.
    """
    # The worker stands in another folder.
    recipe["log_folder"] = None if log_folder is None else str(log_folder.absolute())
    if begin_from is not None:
        with desk.project() as project:
            same_network = going_on(project, begin_from, recipe)
            _train(desk, project, same_network, print_misclassified=print_misclassified)
        return
    recipe["every_format"] = recipe["every_format"] is not False
    models = tuple(_known(name) for name in models)
    begun_with = _weights(models, weights)
    if settings.FROM_NOTHING in begun_with.values():
        click.echo(_WARNING, err=True)
    with desk.project() as project:
        if len(models) > 1:
            wanted = _checked(settings.GridSettings, models=models, recipe=recipe,
                              weights=tuple(begun_with.values()))  # fmt: skip
            result = run_job(project, "grid", wanted.as_json())
            if print_misclassified:
                _add_misclassified(project, result["models"])
            desk.answer(result, _grid_lines(result))
            return
        alone = _checked(
            settings.TrainSettings, model=models[0], weights=begun_with[models[0]], **recipe
        )
        _train(desk, project, alone, print_misclassified=print_misclassified)


def _train(
    desk: Desk, project: Project, wanted: settings.TrainSettings, *, print_misclassified: bool
) -> None:
    result = run_job(project, "train", wanted.as_json())
    if print_misclassified:
        result["misclassified"] = misclassified(project.models()[0])
    desk.answer(result, _train_lines(result))


def misclassified(model: FinalModel) -> list[dict[str, Any]]:
    """Return the test images that a model takes for another class, with both names."""
    listed = model.receipt["test_predictions"]
    return [one for one in listed if one["predicted"] != one["true"]]


def _add_misclassified(project: Project, trained: list[dict[str, Any]]) -> None:
    known = {model.model_id: model for model in project.models()}
    for facts in trained:
        facts["misclassified"] = misclassified(known[Path(facts["model"]).name])


def _known(name: str) -> str:
    """Return a network's name, checked: a misspelt one need not wait for a worker."""
    from cleaner.backbones import open_backbone, with_absolute_path

    if small_resnets.is_name(name):
        small_resnets.side_of(name)
        return name
    if name.startswith("mobilenet_") and "@" not in name:
        mobilenets.parse(name)
        return name
    findable = with_absolute_path(name)
    open_backbone(findable)
    return findable


_WARNING = (
    "Random weights: unless there are many thousand images of each class, a pretrained network "
    "will be far more accurate."
)
_Settings = TypeVar("_Settings", settings.TrainSettings, settings.GridSettings)


def _checked(kind: type[_Settings], **values: Any) -> _Settings:
    try:
        return kind(**values)
    except SettingsError as error:
        raise click.UsageError(str(error)) from error


def _weights(models: tuple[str, ...], words: tuple[str, ...]) -> dict[str, str]:
    """Return what each model begins with; a word without a model's name is for the only one."""
    found = dict.fromkeys(models, settings.PUBLISHED)
    for word in words:
        name, equals, file = word.partition("=")
        if not (equals and name in found):
            name, file = models[0], word
            if len(models) > 1 and word != settings.FROM_NOTHING:
                raise click.UsageError(
                    f"Which model is {word!r} for? Say --weights MODEL={word}, of the models "
                    f"{', '.join(models)}."
                )
        whole = file if file == settings.FROM_NOTHING else str(Path(file).expanduser().absolute())
        found |= dict.fromkeys(models if word == settings.FROM_NOTHING else [name], whole)
    return found


def _grid_lines(result: dict[str, Any]) -> Iterator[str]:
    rows = [
        (
            facts["architecture"],
            *_accuracy(facts),
            f"{facts['size_bytes'] / 1e6:.1f} MB",
            f"{facts['images_per_second']:,.0f}/s",
            facts["model"],
        )
        for facts in result["models"]
    ]
    yield from table(("network", "accuracy", "95% interval", "size", "speed", "model"), rows)
    for facts in result["models"]:
        if facts["cleaning"]:
            yield f"cleaning  {facts['architecture']}: {gain_in_words(facts['cleaning'])}"
    notes = dict.fromkeys(note for facts in result["models"] for note in facts["notes"])
    yield from (f"note      {note}" for note in notes)
    for facts in result["models"]:
        for one in facts.get("misclassified", ()):
            yield f"{facts['architecture']} takes for {one['predicted']}: {one['path']}"
    yield f"kept in   {result['comparison']}"
    if result["receipt"]:
        yield f"receipt   {result['receipt']}"


def _accuracy(facts: dict[str, Any]) -> tuple[str, str]:
    if facts["accuracy"] is None:
        return "not measured", ""
    low, high = facts["accuracy_interval"]
    return f"{facts['accuracy']:.1%}", f"{low:.1%} to {high:.1%}"


def _train_lines(result: dict[str, Any]) -> Iterator[str]:
    low, high = result["accuracy_interval"]
    if result["accuracy"] is None:
        yield "accuracy  not measured: there are no test images"
    else:
        yield f"accuracy  {result['accuracy']:.1%}  (95% interval {low:.1%} to {high:.1%})"
    if result["cleaning"]:
        yield f"cleaning  {gain_in_words(result['cleaning'])}"
    if result["joined"]:
        yield f"joined    {shown_path(joined_in_words(result['joined']))}"
    if result["unknown"]:
        yield f"unknown   {unknown_in_words(result['unknown'])}"
    yield f"size      {result['size_bytes'] / 1e6:.1f} MB"
    yield f"speed     {result['images_per_second']:.0f} images/s"
    yield f"classes   {len(result['classes'])}"
    yield from (f"note      {note}" for note in result["notes"])
    for one in result.get("misclassified", ()):
        yield f"taken for {one['predicted']}: {one['path']}"
    yield f"model     {result['model']}"
    if result["receipt"]:
        yield f"receipt   {result['receipt']}"
    yield f"Next: python -m cleaner predict {result['model']} IMAGE..."


@click.command(
    epilog=examples(
        "predict data/demo.cleaner/models/NAME photo.jpg",
        "predict digits.tflite photos --top 3 --csv labels.csv",
        "predict digits.tflite 'photos/**/*.jpg' --json",
        "predict digits.tflite - < list.txt",
        "predict digits.tflite photos --csv labels.csv --resume labels.parts",
        "predict digits.tflite photos --csv labels.csv --engine ray --address 10.0.0.5:6379",
    )
)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True)
@click.option(
    "--top",
    type=click.IntRange(1, 1000),
    default=_TOP,
    show_default=True,
    help="How many labels a photo, the likeliest first.",
)
@click.option(
    "--csv",
    "sheet",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a table of all labels here.",
)
@click.option(
    "--unknown",
    "may_be_unknown",
    is_flag=True,
    help="Answer unknown below the probability that the model's receipt names.",
)
@click.option(
    "--unknown-below",
    "least",
    type=click.FloatRange(0, 1),
    metavar="P",
    help="Answer unknown below this probability.",
)
@click.option(
    "--resume",
    "kept_in",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Keep what is found in this folder, part by part: after a kill the same command goes on "
    "where it was.",
)
@engine_options("Where the photos are looked at")
@json_option
def predict(
    *,
    model: Path,
    images: tuple[str, ...],
    top: int,
    sheet: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Label photos with a trained model.

    MODEL is the folder that `train` made, or any one file that was exported. IMAGE is a photo, a
    folder with photos in it, a pattern in quotes, or - for paths on standard input, one a line. A
    file that is no readable image is named and passed over; only if none can be read does this
    end with exit code 1.
    """
    from cleaner.classifier import open_classifier
    from cleaner.cli import photos

    least = _least(model, options.pop("least"), may_be_unknown=options.pop("may_be_unknown"))
    where = _Where(engine_settings(options) or settings.ScanSettings(), **options)
    classifier = open_classifier(model)
    paths = photos.named(images)
    names = classifier.class_names
    answers = photos.Answers(keeps=as_json or sheet is None)
    with ExitStack() as open_ones:
        if sheet is not None:
            written = photos.written(sheet, top=min(top, len(names)))
            answers.sheet = open_ones.enter_context(written)
        line = open_ones.enter_context(ProgressLine())
        for path, outcome in where.outcomes(classifier, model, paths, line):
            shown = shown_path(str(path))
            if isinstance(outcome, ImageRejected):
                answers.errors.append({"path": shown, "reason": str(outcome)})
            else:
                found = _prediction(outcome, names, top)
                answers.add({"path": shown} | _or_unknown(found, least))
        answers.end()
    answer(answers.document, _predict_lines(answers, sheet), as_json=as_json)
    answers.check()


@dataclass(frozen=True, slots=True)
class _Where:
    """Where photos are looked at, and what is found kept."""

    settings: settings.ScanSettings
    kept_in: Path | None

    def outcomes(
        self, classifier: Classifier, model: Path, paths: Sequence[Path], line: ProgressLine
    ) -> Iterator[Outcome]:
        if self.settings.engine == "local" and self.kept_in is None:
            yield from classifier.predict_files(paths, line)
            return
        from cleaner import labelling
        from cleaner.engines import deferred_engine

        with deferred_engine(self.settings) as engine:
            yield from labelling.outcomes(model, paths, engine, kept_in=self.kept_in, report=line)


def _predict_lines(answers: Answers, sheet: Path | None) -> Iterator[str]:
    names = ("path", "label", "probability")
    if sheet is not None:
        yield f"{answers.labelled:,} photos labelled in {shown_path(str(sheet))}"
    elif answers.predictions:
        rows = [tuple(found[name] for name in names) for found in answers.predictions]
        yield from table(names, rows)
    yield from (f"Passed over: {found['path']}: {found['reason']}" for found in answers.errors)


def _prediction(probs: ndarray[Any, Any], class_names: tuple[str, ...], top: int) -> dict[str, Any]:
    best = (-probs).argsort(kind="stable")[:top]
    found = [{"label": class_names[i], "probability": float(probs[i])} for i in best]
    return {**found[0], "top": found}


def _least(model: Path, least: float | None, *, may_be_unknown: bool) -> float | None:
    from cleaner.classifier import threshold_of

    return threshold_of(model) if may_be_unknown and least is None else least


def _or_unknown(found: dict[str, Any], least: float | None) -> dict[str, Any]:
    if least is None or not (is_unknown(found["label"]) or found["probability"] < least):
        return found
    return found | {"label": unknowns.NAME}


@click.command(
    epilog=examples(
        "export data/demo cleaned --format folder",
        "export data/demo labels.csv --format csv",
        "export data/demo digits.tflite --format tflite",
    )
)
@dataset_verb
@click.argument("destination", metavar="DEST", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "format_name",
    type=click.Choice(EXPORT_FORMATS),
    required=True,
    help="What to write.",
)
@click.option("--model", "model_id", metavar="NAME", help="Which model.  [default: the latest]")
def export(desk: Desk, *, destination: Path, format_name: str, model_id: str | None) -> None:
    """Write the cleaned images, their labels, or the model.

    folder is a copy of the images in class folders as reviewed, tree one in train, validation
    and test, coco one with COCO's JSON, tfrecord one in TFRecord files, csv a table of all
    labels; the others are formats of the trained model. With each comes a manifest of hashes,
    labels and decisions, which `import` reads back. Nothing is ever overwritten.
    """
    from cleaner import exports

    with desk.project() as project:
        if exports.needs_a_worker(format_name):
            whole = str(destination.absolute())
            wanted = settings.ExportSettings(format_name, whole, model_id)
            document = run_job(project, "export", wanted.as_json())
        else:
            with ProgressLine() as line:
                written = exports.export(
                    project, format_name, destination, model_id=model_id, report=line
                )
            document = written.as_json()
    lines = [f"{document['written']:,} written to {destination}.", *compared_lines(document)]
    desk.answer(document, [*lines, f"manifest  {document['manifest']}"])


def compared_lines(document: dict[str, Any]) -> Iterator[str]:
    """Yield what is to be known of a model's file that was converted; nothing of any other."""
    compared = document.get("compared_on")
    if compared == 0:
        yield "Not compared with the model: no image of the dataset could be read."
    elif compared:
        yield f"Compared with the model on {compared:,} images."


@click.command(epilog=examples("backbones"))
@json_option
def backbones(*, as_json: bool) -> None:
    """List the networks by name: what each reads, weighs and costs, and under what licence.

    `score --backbone` takes each of them. The cost is in millions of multiplications a photo.
    Weights that do not ship with Cleaner are fetched by Keras at first use, or come from a file:
    NAME@FILE. The licence is that of the weights, as Keras or the package they come from states
    it; of many nobody states one here, and it says so.
    """
    from cleaner.backbones import list_backbones

    found = [asdict(info) for info in list_backbones()]
    answer({"backbones": found}, _backbone_lines(found), as_json=as_json)


def _backbone_lines(found: list[dict[str, Any]]) -> Iterator[str]:
    rows = [
        (
            info["name"],
            info["input_side_px"],
            info["feature_count"] or 0,
            max(1, round((info["parameters"] or 0) * _BYTES_A_PARAMETER / 1e6)),
            round((info["multiply_adds"] or 0) / 1e6),
            info["licence"],
            "here" if info["available"] else "fetched",
        )
        for info in found
    ]
    heads = ("name", "side px", "features", "MB", "cost", "licence", "weights")
    yield from table(heads, rows)
    yield (
        "\nAlso: a TF-Hub handle (https://...), a .keras file, a SavedModel's folder or .tar.gz, "
        "and NAME@FILE with a file of weights."
    )
