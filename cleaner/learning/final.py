"""The model that is shipped: trained on the reviewed labels, judged on sealed images, exported."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import cleaner
from cleaner import arithmetic, processors
from cleaner.arrays import ImageBatch
from cleaner.backbones import Backbone, NamedByUser, short_name
from cleaner.classifier import Classifier
from cleaner.errors import ImageRejected, SettingsError
from cleaner.estimates.intervals import wilson_interval
from cleaner.exporters import MODEL_FILES
from cleaner.jobs import now
from cleaner.learning import devices, finetune, from_scratch, gain, predecessor, rejection, shipping
from cleaner.learning.architectures import open_architecture
from cleaner.learning.bottlenecks import committee_features, view_features
from cleaner.learning.evaluation import evaluate
from cleaner.learning.event_log import EventLog
from cleaner.learning.final_head import Featured, FinalHead, train_head
from cleaner.learning.finetune import FineTuned, Network
from cleaner.learning.lessons import Teacher, lessons_of
from cleaner.learning.milestones import Milestones
from cleaner.learning.photos import plain_batches
from cleaner.learning.predecessor import Predecessor
from cleaner.learning.shipping import Proofs
from cleaner.learning.small_resnet import SmallResNet
from cleaner.learning.teacher import committee
from cleaner.learning.training_set import (
    Photo,
    TrainingSet,
    as_given,
    gather,
    labels_of,
    unreadable_note,
    without,
)
from cleaner.learning.workshop import Workshop
from cleaner.progress import PHASE, Progress, Report, silent
from cleaner.project import Project
from cleaner.receipts.card import CARD_NAME, as_card
from cleaner.settings import TrainSettings
from cleaner.store.models import FinalModel

_PACKAGES = ("tensorflow", "keras", "ai-edge-litert", "numpy", "pillow")
# Photos whose features for several networks are in memory together.
_PHOTOS_AT_ONCE = 2048
FROM_NOTHING_NOTE = (
    "The network began with random weights: unless there are many thousand images of each class, "
    "one with pretrained weights will be far more accurate."
)
# Those that `predict` and another training run; the others take most of a minute.
_SOON = ("tflite", "keras")
_SOON_NOTE = (
    "Only the .tflite and the .keras file were written, to be done soon; --every-format writes the "
    "others too."
)
# So many photos say whether two files agree, and in which range activations lie.
_PROOFS = 100
_TIMED_PHOTOS = 16


def train_final(project: Project, settings: TrainSettings, report: Report = silent) -> FinalModel:
    """Train, test and export a model, and return it with its receipt.

    The images are those of the catalogue that are not excluded, with their current labels; run
    a scan first. The same settings, labels and number of threads give the same model. A run that
    was killed or cancelled goes on where it was when it is started again with the same settings
    and labels.

    Raises:
        UnknownBackbone: there is no such architecture here.
        WeightsUnavailable: its weights cannot be had here.
        ModelError: there is no model of the name to begin from.
        SettingsError: it has no layer to be unfrozen from as it is asked for, or what is asked for
            would be passed over.
        NotScored: a teacher is asked for, and no round is there.
        TooFewImages: fewer than two classes have training images.
        ExportError: the files of the model disagree, or cannot be written.
    """
    started_at, clock = now(), time.perf_counter()
    plan = planned(project, settings)
    workshop = Workshop(project, plan.key)
    if workshop.finished is not None:
        workshop.close()
        return workshop.finished
    if settings.log_folder is not None:
        report = EventLog(Path(settings.log_folder), report)
    milestones = Milestones.of(settings, plan.backbone, plan.key)
    task = _Task(plan, settings, workshop.snapshot, cache_of(project, settings), report, milestones)
    trained = _train(task, plan.photos)
    seconds = {"training": time.perf_counter() - clock}
    tested = _ship_and_test(trained, workshop.shipped, task)
    if settings.measure_gain:
        snapshot = workshop.snapshot_of_the_given_labels
        before = replace(task, snapshot=snapshot, milestones=None)
        tested |= {"cleaning": _gain(before, project, trained.photos, tested)}
    seconds["total"] = time.perf_counter() - clock
    receipt = tested | _circumstances(trained, task) | {"recipe": plan.key}
    receipt |= {"seconds": seconds, "started_at": started_at, "finished_at": now()}
    (workshop.shipped / CARD_NAME).write_text(as_card(receipt), encoding="utf-8")
    return workshop.place(_model(trained, receipt))


@dataclass(frozen=True, slots=True)
class Plan:
    """A training before it begins.

    Attributes:
        backbone: what it begins with.
        photos: what it learns from and is tested on.
        teacher: who has a say beside the labels; empty where nobody has.
        key: names all that decides what the training leads to.
        predecessor: the model whose network it is, or None.
    """

    backbone: Backbone
    photos: TrainingSet
    teacher: Teacher = field(repr=False)
    key: str
    predecessor: Predecessor | None = None


def planned(project: Project, settings: TrainSettings) -> Plan:
    """Return what `train_final` would do; raises as it does."""
    before, backbone = _network(project, settings)
    is_from_scratch = isinstance(backbone, SmallResNet)
    if is_from_scratch:
        from_scratch.check(settings)
    elif settings.from_nothing and settings.fine_tune_from is not None:
        raise SettingsError(
            "A network that begins with random weights is trained whole: leave out "
            "--fine-tune-from."
        )
    elif settings.fine_tune_from is not None:
        finetune.unfreeze_from(backbone.build(), settings.fine_tune_from)
    # A course of fixed length needs no images to stop by.
    photos = gather(project, seed=settings.seed, borrow=not is_from_scratch)
    teacher = committee(project, photos.class_names) if settings.distil else {}
    return Plan(backbone, photos, teacher, _key(settings, photos, backbone, teacher), before)


def _network(project: Project, settings: TrainSettings) -> tuple[Predecessor | None, Backbone]:
    cache_folder = cache_of(project, settings)
    if settings.begin_from is not None:
        before = predecessor.find(project, settings.begin_from, cache_folder)
        return before, before.backbone
    return None, open_architecture(
        settings.model, cache_folder, weights=settings.weights, seed=settings.seed
    )


def look_ahead(
    plans: Sequence[Plan], settings: TrainSettings, cache_folder: Path, report: Report = silent
) -> None:
    """Compute the features of several trainings on the same photos, reading each photo once."""
    backbones = [plan.backbone for plan in plans]
    photos = plans[0].photos
    for part, views in ((photos.train, settings.views), (photos.validation, 1)):
        for start in range(0, len(part), _PHOTOS_AT_ONCE):
            committee_features(
                [photo.source for photo in part[start : start + _PHOTOS_AT_ONCE]],
                backbones,
                views=views,
                seed=settings.seed,
                cache_folder=cache_folder,
                report=report,
                distortions=settings.distortions,
            )


def cache_of(project: Project, settings: TrainSettings) -> Path:
    """Return where features are kept."""
    return Path(settings.cache) if settings.cache else project.state / "cache"


@dataclass(frozen=True, slots=True)
class _Task:
    plan: Plan
    settings: TrainSettings
    snapshot: Path
    cache_folder: Path
    report: Report
    milestones: Milestones | None = None

    @property
    def backbone(self) -> Backbone:
        return self.plan.backbone

    @property
    def teacher(self) -> Teacher:
        return self.plan.teacher


@dataclass(frozen=True, slots=True)
class _Trained:
    photos: TrainingSet
    head: FinalHead
    network: Network
    tuned: FineTuned


def _train(task: _Task, gathered: TrainingSet) -> _Trained:
    settings = task.settings
    if isinstance(task.backbone, SmallResNet):
        photos, head = _untaught(task, gathered)
        network = finetune.assembled(task.backbone, head)
        tuned = from_scratch.trained(network, photos, settings, task.snapshot, task.report)
        return _Trained(photos, head, network, tuned)
    photos, head = _untaught(task, gathered) if settings.from_nothing else _head(task, gathered)
    network = finetune.assembled(task.backbone, head)
    tuned = FineTuned({}, 0)
    # Without validation images nothing could tell whether fine-tuning helps or spoils.
    helps = bool(photos.validation) or settings.from_nothing
    # A module of TF-Hub has no weights that Keras could reach: there is nothing to unfreeze.
    can = bool(network.base.weights) and settings.fine_tune_epochs and settings.fine_tune_fraction
    if helps and can:
        keep = task.milestones.fine_tuned if task.milestones else None
        tuned = finetune.fine_tune(
            network, photos, settings, task.snapshot, task.report, task.teacher, keep
        )
    return _Trained(photos, head, finetune.shippable(network, task.backbone, head), tuned)


def _untaught(task: _Task, gathered: TrainingSet) -> tuple[TrainingSet, FinalHead]:
    """Return a last layer of random weights: features of a random network teach it nothing."""
    rng = np.random.default_rng(task.settings.seed)
    features, classes = task.backbone.build().output_shape[-1], len(gathered.class_names)
    kernel = rng.normal(0, np.sqrt(2 / (features + classes)), (features, classes))
    zeros = np.zeros(classes, np.float32)
    head = FinalHead(kernel.astype(np.float32), zeros, {"loss": []}, task.settings.output_name)
    return replace(gathered, notes=(*gathered.notes, FROM_NOTHING_NOTE)), head


def _gain(
    task: _Task, project: Project, reviewed: TrainingSet, tested: dict[str, Any]
) -> dict[str, Any]:
    """Return what `gain.measured` says; without a decision nothing was gained nor lost."""
    given = as_given(project, reviewed, seed=task.settings.seed)
    answers = tested["test_predictions"]
    if not gain.differs(given, reviewed):
        return gain.measured({one["path"]: one["predicted"] for one in answers}, answers)

    def report(progress: Progress) -> None:
        # The curves are those of the model that is shipped.
        task.report(replace(progress, stage=f"{progress.stage}, labels as given", curves={}))

    before = _train(replace(task, report=report), given)
    names = reviewed.class_names
    return gain.measured(
        gain.predicted(before.network.model, reviewed.test, names, task.report), answers
    )


def _head(task: _Task, gathered: TrainingSet) -> tuple[TrainingSet, FinalHead]:
    """Return the last layer, and the set without the files that could not be read for it."""
    settings = task.settings
    found = [
        view_features(
            [photo.source for photo in part],
            task.backbone,
            views=views,
            seed=settings.seed,
            cache_folder=task.cache_folder,
            report=task.report,
            distortions=settings.distortions,
        )
        if part
        else None
        for part, views in ((gathered.train, settings.views), (gathered.validation, 1))
    ]
    photos = without(gathered, [pair for part in found if part for pair in part.rejected])
    lessons = lessons_of(photos.train, len(photos.class_names), settings, task.teacher)
    tested = lessons.tested(labels_of(photos.validation))
    train, validation = (
        Featured(
            part.features if part else np.empty((1, 0, 0), np.float32), labels_of(used), wanted
        )
        for part, used, wanted in zip(
            found,
            (photos.train, photos.validation),
            (lessons.wanted(photos.train), tested),
            strict=True,
        )
    )
    before = task.plan.predecessor
    if before is not None:
        task.report(Progress("Learning the new classes"))
        widened = before.widened(train, photos.class_names, settings)
        if widened is not None:
            return photos, widened
    keep = task.milestones.last_layer if task.milestones else None
    begin = before.last_layer(photos.class_names) if before else None
    return photos, train_head(train, validation, settings, task.report, keep, begin)


def _ship_and_test(trained: _Trained, folder: Path, task: _Task) -> dict[str, Any]:
    """Write the model's files and return what they were measured to do."""
    photos, model, report = trained.photos, trained.network.model, task.report
    is_whole, before = task.settings.every_format, task.plan.predecessor
    proofs = _proofs(photos, int(model.input_shape[1]))
    formats = tuple(MODEL_FILES) if is_whole else _SOON
    shipped = shipping.ship(model, photos.class_names, folder, proofs, report, formats)
    classifier = shipped.classifier
    tested = _tested(classifier, photos, report)
    answers = tested["test_predictions"]
    return {
        **tested,
        "notes": [*tested["notes"], *shipped.notes, *([] if is_whole else [_SOON_NOTE])],
        "joined": before.compared(photos, answers, report) if before else None,
        "unknown": rejection.measured(classifier, photos.validation, answers, report),
        "size_bytes": shipping.sizes(folder),
        "agreement": shipped.agreement,
        "images_per_second": shipping.images_per_second(
            shipped.classifier, proofs.unseen[:_TIMED_PHOTOS]
        ),
        "measured": {"keras": _as_keras(trained, proofs.unseen[:_TIMED_PHOTOS], report)},
        "input_side_px": int(model.input_shape[1]),
        "parameters": int(model.count_params()),
        "multiply_adds": arithmetic.multiply_adds((folder / MODEL_FILES["tflite"]).read_bytes()),
    }


def _as_keras(trained: _Trained, samples: ImageBatch, report: Report) -> dict[str, Any]:
    """Return what the network itself gets right, beside the files made from it."""
    photos, model = trained.photos, trained.network.model
    answers = gain.predicted(model, photos.test, photos.class_names, report)
    right = sum(answers.get(p.path) == photos.class_names[p.label] for p in photos.test)
    return {
        "accuracy": right / len(answers) if answers else None,
        "accuracy_interval": list(wilson_interval(right, len(answers))),
        "images_per_second": shipping.keras_images_per_second(model, samples),
    }


def _proofs(photos: TrainingSet, side_px: int) -> Proofs:
    evenly = photos.train[:: max(1, len(photos.train) // _PROOFS)][:_PROOFS]
    unseen = (*photos.test, *photos.validation, *photos.train)[:_PROOFS]
    return Proofs(_opened(evenly, side_px), _opened(unseen, side_px))


def _opened(chosen: Sequence[Photo], side_px: int) -> ImageBatch:
    (batch,) = plain_batches(chosen, side_px=side_px, batch_size=len(chosen))
    return batch.photos[batch.readable] if batch.readable.any() else batch.photos


def _tested(classifier: Classifier, photos: TrainingSet, report: Report) -> dict[str, Any]:
    """Judge the very file that is shipped on the images that nothing has looked at yet."""
    by_path = {photo.source.path: photo for photo in photos.test}
    seen: list[Photo] = []
    probs = np.empty((len(by_path), len(photos.class_names)), np.float32)
    unread: list[str] = []
    for path, outcome in classifier.predict_files(list(by_path), report):
        if isinstance(outcome, ImageRejected):
            unread.append(by_path[path].path)
        else:
            probs[len(seen)] = outcome
            seen.append(by_path[path])
    notes = [*photos.notes]
    if unread:
        notes.append(unreadable_note(unread))
    if not seen:
        notes.append("There are no test images, so nobody knows how accurate the model is.")
    values = evaluate(
        probs[: len(seen)], labels_of(seen), photos.class_names, [photo.path for photo in seen]
    )
    return values | {"notes": notes}


def _circumstances(trained: _Trained, task: _Task) -> dict[str, Any]:
    """Return what the model was made from, and what it takes to make it again."""
    settings, began_with = task.settings, task.backbone.info
    photos, kept_epoch = trained.photos, trained.tuned.kept_epoch
    return {
        "architecture": short_name(began_with.name),
        "weights": {"source": began_with.source, "licence": began_with.licence}
        | _content(task.backbone),
        "classes": list(photos.class_names),
        "images": {
            "train": len(photos.train),
            "validation": len(photos.validation),
            "test": len(photos.test),
        },
        "label_sources": photos.label_sources,
        "epochs": {
            "last_layer": len(trained.head.history["loss"]),
            "fine_tuning": len(trained.tuned.history.get("loss", [])),
            "kept_fine_tuning": kept_epoch,
        },
        "history": _history(trained),
        "settings": settings.as_json(),
        "seed": settings.seed,
        "threads": processors.available(),
        "cards": devices.cards(),
        "versions": {"cleaner": cleaner.__version__} | {name: version(name) for name in _PACKAGES},
    }


def _content(backbone: Backbone) -> dict[str, str]:
    """Return the hash of a network that somebody named by path or handle."""
    return {"sha256": backbone.content_sha256} if isinstance(backbone, NamedByUser) else {}


def _model(trained: _Trained, receipt: dict[str, Any]) -> FinalModel:
    """Return the model's record, which gets its name with its place."""
    return FinalModel(
        model_id="",
        architecture=receipt["architecture"],
        class_names=list(trained.photos.class_names),
        folder="",
        history=receipt["history"],
        receipt=receipt,
        created_at=now(),
    )


def _history(trained: _Trained) -> dict[str, list[float]]:
    """Return the curves of both phases one after the other, and which phase each number is of."""
    parts = (trained.head.history, trained.tuned.history)
    names = dict.fromkeys(name for part in parts for name in part)
    steps = [len(part.get("loss", ())) for part in parts]
    phases = [float(phase) for phase, count in enumerate(steps) for _ in range(count)]
    curves = {name: [value for part in parts for value in part.get(name, ())] for name in names}
    return curves | {PHASE: phases}


def _key(settings: TrainSettings, photos: TrainingSet, backbone: Backbone, teacher: Teacher) -> str:
    """Name all that decides what a training leads to."""
    parts = (photos.train, photos.validation, photos.test)
    said = hashlib.sha256()
    for content_hash, probs in sorted(teacher.items()):
        said.update(content_hash.encode() + np.round(probs, 4).tobytes())
    recipe = [
        replace(settings, log_folder=None).as_json(),
        said.hexdigest(),
        backbone.content_id,
        photos.class_names,
        [[(photo.source.content_hash, photo.label) for photo in part] for part in parts],
    ]
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:16]
