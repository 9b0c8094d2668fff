"""Frozen settings; a misspelt key fails where it was written."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, TypeVar

from cleaner.errors import SettingsError

# Not typing.Self, which the run-time type checks of the tests cannot see through.
_S = TypeVar("_S", bound="_Settings")

# Two networks see different things: together they find more than either, and in int8 they take
# no longer than one did in float32.
DEFAULT_BACKBONES = ("efficientnet_lite2", "efficientnet_lite0")
DEFAULT_FINAL_MODEL = "mobilenet_v2_1.0_224"
DEFAULT_EXTENDED = "efficientnet_lite2"
DEFAULT_FINE_TUNED = "efficientnet_lite0"
MODES = ("features", "finetune")
PRECISIONS = ("auto", "float32", "int8")
ENGINES = ("local", "ray")
SMALLEST_PART_OF_A_GPU = 0.01
FEATURE_PLACES = ("auto", "memory", "disk")
# What weights a final model begins with; anything else is a file.
PUBLISHED, FROM_NOTHING = "auto", "none"
SCHEDULES = ("cosine", "step")
CLASS_WEIGHTS = ("root", "inverse", "none")
HEAD_OPTIMIZERS = ("adam", "sgd", "momentum")
_OUTPUT_NAME = re.compile("[A-Za-z][A-Za-z0-9_]*")
# Of tensors that an exported graph has besides, in small letters: to TensorFlow they are the same.
_TAKEN_NAMES = ("decodejpeg", "labels", "network", "placeholder")


@dataclass(frozen=True, slots=True)
class _Settings:
    """What the settings of every task share: a plain JSON form that is checked on return."""

    def as_json(self) -> dict[str, Any]:
        return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}

    @classmethod
    def from_json(cls: type[_S], values: dict[str, Any]) -> _S:
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise SettingsError(
                f"Unknown setting {unknown[0]!r}. Known: {', '.join(sorted(known))}."
            )
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


@dataclass(frozen=True, slots=True)
class ScanSettings(_Settings):
    """Where the files of a dataset are read, as in `ScoreSettings`."""

    engine: str = "local"
    address: str = ""
    cores_per_worker: int = 1
    gpus_per_worker: float | None = None

    def __post_init__(self) -> None:
        _check_engine(self)


@dataclass(frozen=True, slots=True)
class ScoreSettings(_Settings):
    """How a round ranks the images.

    Attributes:
        backbones: names of pretrained networks whose features are used.
        views: how many views of each image: plain, mirrored, then heavily augmented ones.
        folds: how many parts the images are held out in.
        seed: makes views, folds and training repeatable.
        mode: ``features`` trains heads on the frozen networks' features; ``finetune`` also trains
            a network on the images themselves, once for each fold.
        fine_tune_backbone: the network that is trained in that mode.
        fine_tune_fraction: how much of it, from the top, is unfrozen, 0..1.
        fine_tune_epochs: at most this many passes over the images for each fold.
        fine_tune_side_px: the side at which it sees them; None goes by the images' own size.
        precision: what the networks compute in, one of `PRECISIONS`; ``auto`` takes int8 for
            the networks whose ranking was measured not to suffer.
        engine: where files are read and features computed, one of `ENGINES`.
        address: of the cluster, if the engine is one elsewhere.
        cores_per_worker: how many processors each worker of a cluster takes.
        gpus_per_worker: how much of a graphics card each takes where networks use one, 0..1;
            None is 1 where the cluster has any.
        features: where the features are while small models learn from them, one of
            `FEATURE_PLACES`; ``auto`` leaves them on disk if they do not fit into memory.
    """

    backbones: tuple[str, ...] = DEFAULT_BACKBONES
    views: int = 4
    folds: int = 5
    seed: int = 0
    mode: str = "features"
    fine_tune_backbone: str = DEFAULT_FINE_TUNED
    fine_tune_fraction: float = 0.6
    fine_tune_epochs: int = 5
    fine_tune_side_px: int | None = None
    precision: str = "auto"
    engine: str = "local"
    address: str = ""
    cores_per_worker: int = 1
    gpus_per_worker: float | None = None
    features: str = "auto"

    def __post_init__(self) -> None:
        if not self.backbones:
            raise SettingsError("Name at least one backbone.")
        _check_one_of("mode", self.mode, MODES)
        _check_one_of("precision", self.precision, PRECISIONS)
        _check_engine(self)
        _check_one_of("features", self.features, FEATURE_PLACES)
        _check_range("views", self.views, 1, 64)
        _check_range("folds", self.folds, 2, 50)
        _check_range("seed", self.seed, 0, 2**31 - 1)
        _check_range("fine_tune_fraction", self.fine_tune_fraction, 0, 1)
        _check_range("fine_tune_epochs", self.fine_tune_epochs, 1, 1_000)
        if self.fine_tune_side_px is not None:
            _check_range("fine_tune_side_px", self.fine_tune_side_px, 32, 1_024)


@dataclass(frozen=True, slots=True)
class Distortions:
    """Random changes of a training image, in the terms of TensorFlow's retrain.py.

    Attributes:
        flip: whether half the views are mirrored.
        crop_percent: the margin about the part that is cut out; 0 keeps the whole picture, 100
            half its width and height.
        scale_percent: at most this much more margin, drawn anew each time.
        brightness_percent: at most this much darker or brighter.
    """

    flip: bool = False
    crop_percent: float = 0.0
    scale_percent: float = 0.0
    brightness_percent: float = 0.0


@dataclass(frozen=True, slots=True)
class TrainSettings(_Settings):
    """How the final model is trained.

    Attributes:
        model: an architecture name such as ``mobilenet_v2_1.0_224``.
        views: views of each training image for the head; the first is plain.
        head_epochs: at most this many passes over the cached views.
        fine_tune_epochs: at most this many passes with the top layers unfrozen; 0 for none.
        fine_tune_fraction: how much of the network, from the top, is unfrozen, 0..1.
        patience: epochs without a better validation loss before stopping.
        batch_size: images a step while fine-tuning.
        seed: makes the run repeatable at the same thread count.
        measure_gain: train once more on the labels as given, to say what cleaning brought.
        weights: what the network begins with: ``auto`` for published weights, ``none`` for
            random ones, or a file.
        fine_tune_from: the name of the lowest layer that is unfrozen, or its number from the input,
            where 0 is the first; None goes by the fraction.
        fine_tune_learning_rate: the highest rate of fine-tuning, before it falls; None is the usual
            one, which is lower than that of the last layer.
        schedule: how the rate of fine-tuning falls, one of `SCHEDULES`.
        label_smoothing: how much of each label is spread over all classes, 0..1.
        class_weights: what rare classes weigh more by, one of `CLASS_WEIGHTS`: one over the root
            of their share, or over the share itself.
        distil: how much of each label is what the latest round's committee, out of fold, says of
            the image, 0..1.
        log_folder: where curves are written for TensorBoard, or None.
        head_steps: exactly so many steps of the last layer in place of epochs and patience.
        check_every_steps: with `head_steps`, how often validation is looked at; None is each
            time every view was seen once on average.
        head_batch_size: views a step of the last layer; None goes by their number.
        head_learning_rate: of the last layer on its own.
        head_optimizer: one of `HEAD_OPTIMIZERS`.
        flip_left_right: this and the next three, unless all are off, are how training images are
            changed, in place of the usual heavy augmentation; see `Distortions`.
        random_crop: percent.
        random_scale: percent.
        random_brightness: percent.
        cache: folder for features, which several datasets may share; None is the state folder's.
        checkpoints: folder where whole models are kept on the way, one each epoch of
            fine-tuning; None for none.
        checkpoint_steps: also one each so many steps of the last layer; 0 for none.
        output_name: what the model's output is called in its files.
        begin_from: the name of a model of this dataset whose network is taken as it is, so that
            only the last layer is learnt; `model` and `weights` are then those it began with.
        every_format: write the model in every format, not in those alone that `predict` and
            another training run.
    """

    model: str = DEFAULT_FINAL_MODEL
    views: int = 3
    head_epochs: int = 40
    fine_tune_epochs: int = 8
    fine_tune_fraction: float = 0.6
    patience: int = 3
    batch_size: int = 32
    seed: int = 0
    measure_gain: bool = False
    weights: str = PUBLISHED
    fine_tune_from: str | None = None
    fine_tune_learning_rate: float | None = None
    schedule: str = "cosine"
    label_smoothing: float = 0.1
    class_weights: str = "root"
    distil: float = 0.0
    log_folder: str | None = None
    head_steps: int | None = None
    check_every_steps: int | None = None
    head_batch_size: int | None = None
    head_learning_rate: float = 1e-3
    head_optimizer: str = "adam"
    flip_left_right: bool = False
    random_crop: float = 0.0
    random_scale: float = 0.0
    random_brightness: float = 0.0
    cache: str | None = None
    checkpoints: str | None = None
    checkpoint_steps: int = 0
    output_name: str = "probabilities"
    begin_from: str | None = None
    every_format: bool = True

    def __post_init__(self) -> None:
        self._check_head()
        self._check_distortions()
        _check_one_of("schedule", self.schedule, SCHEDULES)
        _check_one_of("class_weights", self.class_weights, CLASS_WEIGHTS)
        _check_range("label_smoothing", self.label_smoothing, 0, 1)
        _check_range("distil", self.distil, 0, 1)
        if self.from_nothing and not self.fine_tune_epochs:
            raise SettingsError(
                "A network with random weights learns nothing in 0 epochs of fine-tuning; "
                "give it a hundred or more."
            )
        if self.begin_from is not None and (self.fine_tune_epochs or self.measure_gain):
            raise SettingsError(
                f"The network of {self.begin_from} is taken as it is: it is not fine-tuned, nor "
                "is it known what cleaning brought it. Train anew for that."
            )
        _check_range("views", self.views, 1, 64)
        _check_range("head_epochs", self.head_epochs, 1, 10_000)
        _check_range("fine_tune_epochs", self.fine_tune_epochs, 0, 10_000)
        _check_range("fine_tune_fraction", self.fine_tune_fraction, 0, 1)
        if self.fine_tune_learning_rate is not None:
            _check_range("fine_tune_learning_rate", self.fine_tune_learning_rate, 1e-8, 100)
        _check_range("patience", self.patience, 1, 1_000)
        _check_range("batch_size", self.batch_size, 1, 1_024)
        _check_range("seed", self.seed, 0, 2**31 - 1)

    @property
    def distortions(self) -> Distortions | None:
        """How training images are changed, or None for the usual augmentation."""
        chosen = Distortions(
            self.flip_left_right, self.random_crop, self.random_scale, self.random_brightness
        )
        return None if chosen == Distortions() else chosen

    def _check_head(self) -> None:
        _check_one_of("head_optimizer", self.head_optimizer, HEAD_OPTIMIZERS)
        _check_range("head_learning_rate", self.head_learning_rate, 1e-8, 100)
        _check_range("checkpoint_steps", self.checkpoint_steps, 0, 2**31 - 1)
        for name in ("head_steps", "check_every_steps", "head_batch_size"):
            if getattr(self, name) is not None:
                _check_range(name, getattr(self, name), 1, 10_000_000)
        if not _OUTPUT_NAME.fullmatch(self.output_name):
            raise SettingsError(
                f"output_name is {self.output_name!r}; give letters, digits and underscores, the "
                "first one a letter."
            )
        if self.output_name.lower() in _TAKEN_NAMES:
            raise SettingsError(
                f"output_name is {self.output_name!r}, which an exported graph has for another of "
                "its tensors; give another one, such as final_result."
            )

    def _check_distortions(self) -> None:
        _check_range("random_crop", self.random_crop, 0, 1_000)
        _check_range("random_scale", self.random_scale, 0, 1_000)
        _check_range("random_brightness", self.random_brightness, 0, 100)

    @property
    def from_nothing(self) -> bool:
        """Whether the network begins with random weights, and so is trained as a whole."""
        return self.weights == FROM_NOTHING and self.begin_from is None

    def beginning_from(self, model_id: str) -> TrainSettings:
        """Return how the last layer is learnt anew on the network of a model trained like this.

        Views are drawn as they were, so that the features that are kept serve again.
        """
        return replace(
            self,
            begin_from=model_id,
            every_format=False,
            fine_tune_epochs=0,
            fine_tune_from=None,
            fine_tune_learning_rate=None,
            measure_gain=False,
            distil=0.0,
            log_folder=None,
            checkpoints=None,
            checkpoint_steps=0,
        )


@dataclass(frozen=True, slots=True)
class GridSettings(_Settings):
    """Several final models on the same images, to be compared.

    Attributes:
        models: architecture names.
        weights: what each of them begins with, as in `TrainSettings`.
        recipe: the other fields of `TrainSettings`, alike for all.
    """

    models: tuple[str, ...]
    weights: tuple[str, ...]
    recipe: dict[str, Any]

    def __post_init__(self) -> None:
        if len(self.models) != len(set(self.models)) or len(self.models) < 2:
            raise SettingsError("Name two or more networks to compare, each once.")
        if len(self.weights) != len(self.models):
            raise SettingsError(f"{len(self.weights)} weights for {len(self.models)} networks.")
        self.each()

    def each(self) -> tuple[TrainSettings, ...]:
        """Return the settings of every training, in order; each has a folder of logs to itself."""
        logs = self.recipe.get("log_folder")
        return tuple(
            TrainSettings.from_json(
                self.recipe
                | {"model": model, "weights": weights}
                | {"log_folder": None if logs is None else f"{logs}/{model}"}
            )
            for model, weights in zip(self.models, self.weights, strict=True)
        )


@dataclass(frozen=True, slots=True)
class ExtendSettings(_Settings):
    """How new classes join ImageNet's.

    Attributes:
        destination: where the model's folder is made; an absolute path.
        backbone: a network that ships with Cleaner and knows ImageNet's classes.
        check: a folder of images of things that ImageNet knows, to count changed answers on; an
            absolute path, or None.
        views: views of each training image; the first is plain, the second mirrored.
        seed: makes it repeatable.
    """

    destination: str
    backbone: str = DEFAULT_EXTENDED
    check: str | None = None
    views: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        _check_range("views", self.views, 1, 64)
        _check_range("seed", self.seed, 0, 2**31 - 1)


@dataclass(frozen=True, slots=True)
class ExportSettings(_Settings):
    """What is exported by a job, and where to.

    Attributes:
        format: one of `exports.FORMATS`.
        destination: an absolute path; the worker stands in another folder.
        model: which trained model; None is the latest.
    """

    format: str
    destination: str
    model: str | None = None


def _check_engine(where: ScanSettings | ScoreSettings) -> None:
    _check_one_of("engine", where.engine, ENGINES)
    _check_range("cores_per_worker", where.cores_per_worker, 1, 1_024)
    if where.gpus_per_worker:
        _check_range("gpus_per_worker", where.gpus_per_worker, SMALLEST_PART_OF_A_GPU, 1)


def _check_one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise SettingsError(f"{name} is {value!r}; give one of {', '.join(known)}.")


def _check_range(name: str, value: int | float, low: int | float, high: int | float) -> None:
    if not low <= value <= high:
        raise SettingsError(f"{name} is {value}; give a number from {low} to {high}.")
