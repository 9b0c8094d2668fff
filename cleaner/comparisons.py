"""The receipt of a project: all its trained models on the same sealed images, on one machine."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import cleaner
from cleaner import arithmetic, processors, receipts, stopwatch
from cleaner.arrays import Labels, PredProbs
from cleaner.classifier import open_classifier
from cleaner.errors import ImageRejected, ModelError
from cleaner.estimates.intervals import paired_difference
from cleaner.exporters import MODEL_FILES, label_line
from cleaner.items import Item, shown_path
from cleaner.learning.evaluation import evaluate
from cleaner.progress import Progress, Report, silent
from cleaner.project import Project
from cleaner.stopwatch import Speed
from cleaner.store.models import FinalModel

Document = dict[str, Any]

FLOAT, INT8 = "tflite", "tflite_int8"
# These are run on every image; of the others it was checked that they answer as the first does.
_RUN = (FLOAT, INT8)
_TURNS = 3
_SECONDS = 0.5


def compare(
    project: Project,
    model_ids: Sequence[str] = (),
    report: Report = silent,
    *,
    seconds: float = _SECONDS,
    turns: int = _TURNS,
) -> Document:
    """Return what the models get right of the sealed images, and what that takes, as plain values.

    The sealed images are those of the test split, with their labels as they are now; no model has
    learnt from them. The model with the most multiply-adds is the reference that the others are
    held against. Speeds are measured turn by turn, so that what else the machine does meets all
    alike; of each file the quickest turn counts.

    Args:
        project: whose models.
        model_ids: which ones; all whose files are there by default.
        report: told how far it is.
        seconds: how long each turn takes.
        turns: how often each file is measured.

    Raises:
        ModelError: there is no model, none of that name, or one whose files are damaged.
    """
    models, notes = _alike(_chosen(project, model_ids))
    exam = _exam(project, models[0].class_names)
    outcomes = {model.model_id: _outcomes(model, exam, report) for model in models}
    unread = {row for kinds in outcomes.values() for one in kinds.values() for row in one.unread}
    exam, outcomes = _without(exam, outcomes, unread)
    speeds = _speeds(models * turns, seconds, report)
    documents = [
        _document(model, exam, outcomes[model.model_id], speeds[model.model_id]) for model in models
    ]
    reference = max(documents, key=lambda one: (one["multiply_adds"], one["parameters"] or 0))
    for document in documents:
        document["is_reference"] = document is reference
        document["beside_reference"] = _beside(document, reference)
    return {
        "dataset": shown_path(project.root.name),
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cleaner": cleaner.__version__,
        "machine": _machine(),
        "classes": [shown_path(name) for name in models[0].class_names],
        "test_images": len(exam.items),
        "reference": reference["model_id"],
        "models": sorted(documents, key=lambda one: -one["multiply_adds"]),
        "notes": [*notes, *_exam_notes(exam, len(unread))],
    }


def keep(project: Project, model_ids: Sequence[str] = (), report: Report = silent) -> Document:
    """Compare as `compare` does, put it in place of the receipt before, and name its files."""
    receipt = compare(project, model_ids, report)
    files = receipts.write(project.state, receipt)
    return {"files": {kind: shown_path(str(path)) for kind, path in files.items()}}


@dataclass(frozen=True, slots=True)
class _Exam:
    """The sealed images with their labels; `foreign` have one that the models do not know."""

    items: tuple[Item, ...]
    paths: tuple[Path, ...]
    labels: Labels
    class_names: tuple[str, ...]
    foreign: int


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a file said of each image, (item, class); rows of images it could not read are 0."""

    probs: PredProbs
    unread: frozenset[int]


# -- what is compared ------------------------------------------------------------------


def _chosen(project: Project, model_ids: Sequence[str]) -> list[FinalModel]:
    models = project.models()
    known = {model.model_id: model for model in models}
    where = shown_path(str(project.root))
    for model_id in model_ids:
        if model_id not in known:
            raise ModelError(
                f"{where}: no model {shown_path(model_id)!r}. Known: {', '.join(known) or 'none'}."
            )
    found = [known[model_id] for model_id in model_ids] or [
        model for model in models if (Path(model.folder) / MODEL_FILES[FLOAT]).is_file()
    ]
    if not found:
        raise ModelError(f"{where}: no model was trained yet. Run `python -m cleaner train` on it.")
    return found


def _alike(models: Sequence[FinalModel]) -> tuple[list[FinalModel], list[str]]:
    """Return those that know the classes of the latest one, and notes about the others."""
    classes = models[0].class_names
    others = [model for model in models if model.class_names != classes]
    notes = [
        f"{model.model_id} knows other classes than {models[0].model_id} and is not compared."
        for model in others
    ]
    return [model for model in models if model.class_names == classes], notes


def _exam(project: Project, class_names: Sequence[str]) -> _Exam:
    number = {name: index for index, name in enumerate(class_names)}
    sealed = [
        item
        for item in project.dataset().items
        if item.split == "test" and item.status != "excluded" and not item.quarantined
    ]
    used = [item for item in sealed if label_line(item.current_label) in number]
    return _Exam(
        items=tuple(used),
        paths=tuple(project.path_of(item) for item in used),
        labels=np.array([number[label_line(item.current_label)] for item in used], np.int64),
        class_names=tuple(class_names),
        foreign=len(sealed) - len(used),
    )


def _exam_notes(exam: _Exam, unread: int) -> list[str]:
    notes = []
    if exam.foreign:
        notes.append(f"{exam.foreign} test images have a label that no model knows; left out.")
    if unread:
        notes.append(f"{unread} test images could not be read and were left out.")
    if not exam.items:
        notes.append("There are no test images, so nobody knows how accurate the models are.")
    return notes


# -- running them ----------------------------------------------------------------------


def _files(model: FinalModel) -> dict[str, Path]:
    folder = Path(model.folder)
    found = {name: folder / file_name for name, file_name in MODEL_FILES.items()}
    return {name: path for name, path in found.items() if path.exists()}


def _outcomes(model: FinalModel, exam: _Exam, report: Report) -> dict[str, _Outcome]:
    files = _files(model)
    return {
        name: _outcome(files[name], exam, f"Testing {model.architecture}, {name}", report)
        for name in _RUN
        if name in files
    }


def _outcome(path: Path, exam: _Exam, stage: str, report: Report) -> _Outcome:
    probs = np.zeros((len(exam.items), len(exam.class_names)), np.float32)
    unread = []
    for row, (_path, found) in enumerate(open_classifier(path).predict_files(exam.paths)):
        report(Progress(stage, row, len(exam.paths)))
        if isinstance(found, ImageRejected):
            unread.append(row)
        else:
            probs[row] = found
    return _Outcome(probs, frozenset(unread))


def _without(
    exam: _Exam, outcomes: dict[str, dict[str, _Outcome]], unread: set[int]
) -> tuple[_Exam, dict[str, dict[str, _Outcome]]]:
    """Return the same less the images that some model could not read."""
    kept = [row for row in range(len(exam.items)) if row not in unread]
    left = _Exam(
        items=tuple(exam.items[row] for row in kept),
        paths=tuple(exam.paths[row] for row in kept),
        labels=exam.labels[kept],
        class_names=exam.class_names,
        foreign=exam.foreign,
    )
    answers = {
        model_id: {name: _Outcome(one.probs[kept], frozenset()) for name, one in kinds.items()}
        for model_id, kinds in outcomes.items()
    }
    return left, answers


def _speeds(
    models: Sequence[FinalModel], seconds: float, report: Report
) -> dict[str, dict[str, Speed]]:
    """Return the quickest of each file's turns; a model that comes more than once has as many."""
    turns = [
        (model.model_id, name, path)
        for model in models
        for name, path in _files(model).items()
        if name in _RUN
    ]
    found: dict[str, dict[str, Speed]] = {model.model_id: {} for model in models}
    for done, (model_id, name, path) in enumerate(turns):
        report(Progress("Measuring the speed", done, len(turns), f"{model_id}, {name}"))
        speed, before = stopwatch.timed(path, seconds=seconds), found[model_id].get(name)
        if before is None or speed.latency_p50_ms < before.latency_p50_ms:
            found[model_id][name] = speed
    return found


# -- what it comes to ------------------------------------------------------------------


def _document(
    model: FinalModel, exam: _Exam, outcomes: dict[str, _Outcome], speeds: dict[str, Speed]
) -> Document:
    receipt, plain = model.receipt, outcomes[FLOAT].probs
    judged = _evaluated(plain, exam)
    return {
        "model_id": model.model_id,
        "architecture": model.architecture,
        "created_at": model.created_at,
        **{name: value for name, value in judged.items() if name != "test_predictions"},
        "parameters": receipt.get("parameters"),
        "multiply_adds": arithmetic.multiply_adds(_files(model)[FLOAT].read_bytes()),
        "formats": {
            name: _format(name, path, receipt, exam, outcomes, speeds)
            for name, path in _files(model).items()
        },
        # What was found out when it was trained; a receipt says it of each model.
        **{name: receipt.get(name) for name in ("cleaning", "joined", "unknown")},
        "epochs": receipt.get("epochs"),
        "seconds": receipt.get("seconds"),
        "notes": receipt.get("notes", []),
        "mistakes": _mistakes(plain, exam),
    }


def _evaluated(probs: PredProbs, exam: _Exam) -> Document:
    paths = [shown_path(item.path) for item in exam.items]
    return evaluate(probs, exam.labels, exam.class_names, paths)


def _format(
    name: str,
    path: Path,
    receipt: Document,
    exam: _Exam,
    outcomes: dict[str, _Outcome],
    speeds: dict[str, Speed],
) -> Document:
    """Return what is known of one file: its size always, the rest where it was run."""
    found: Document = {
        "file": path.name,
        "size_bytes": _bytes_in(path),
        "agreement": receipt.get("agreement", {}).get(name),
    }
    found |= receipt.get("measured", {}).get(name, {})
    if name not in outcomes:
        return found
    judged = _evaluated(outcomes[name].probs, exam)
    is_right, was_right = _is_right(outcomes[name], exam), _is_right(outcomes[FLOAT], exam)
    difference, low, high = paired_difference(was_right, is_right)
    speed = speeds[name]
    return found | {
        "accuracy": judged["accuracy"],
        "accuracy_interval": judged["accuracy_interval"],
        "macro_f1": judged["macro_f1"],
        "beside_float": {"accuracy": difference, "interval": [low, high]},
        "latency_ms": {"p50": speed.latency_p50_ms, "p95": speed.latency_p95_ms},
        "images_per_second": speed.images_per_second,
        "peak_memory_bytes": speed.peak_memory_bytes,
    }


def _bytes_in(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _is_right(outcome: _Outcome, exam: _Exam) -> np.ndarray:
    found: np.ndarray = outcome.probs.argmax(axis=1) == exam.labels
    return found


def _mistakes(probs: PredProbs, exam: _Exam) -> list[Document]:
    """Return the images that were labelled otherwise, the most confident mistakes first."""
    predicted = probs.argmax(axis=1)
    found = [
        {
            "item_id": exam.items[row].item_id,
            "path": shown_path(exam.items[row].path),
            "true": exam.class_names[exam.labels[row]],
            "predicted": exam.class_names[predicted[row]],
            "probability": float(probs[row, predicted[row]]),
        }
        for row in np.flatnonzero(predicted != exam.labels)
    ]
    return sorted(found, key=lambda one: -float(one["probability"]))


def _beside(document: Document, reference: Document) -> Document:
    """Return a model held against the reference: what it loses, and what that saves."""
    wrong, wrong_there = (
        {one["item_id"] for one in each["mistakes"]} for each in (document, reference)
    )
    ids = np.array(sorted(wrong | wrong_there), np.int64)
    right_of_all = document["test_images"] - len(ids)
    always = np.ones(right_of_all, bool)
    is_right = np.concatenate([always, ~np.isin(ids, sorted(wrong))])
    was_right = np.concatenate([always, ~np.isin(ids, sorted(wrong_there))])
    difference, low, high = paired_difference(was_right, is_right)
    own, theirs = document["formats"][FLOAT], reference["formats"][FLOAT]
    return {
        "accuracy": difference,
        "interval": [low, high],
        "times_as_fast": theirs["latency_ms"]["p50"] / own["latency_ms"]["p50"],
        "share_of_size": own["size_bytes"] / theirs["size_bytes"],
        "per_class": _class_differences(document, reference),
        "pairs": _pair_differences(document, reference),
    }


def _class_differences(document: Document, reference: Document) -> list[Document]:
    return [
        {
            "class": name,
            "images": values["images"],
            "recall": values["recall"],
            "difference": values["recall"] - reference["per_class"][name]["recall"],
            "f1_difference": values["f1"] - reference["per_class"][name]["f1"],
        }
        for name, values in document["per_class"].items()
    ]


def _pair_differences(document: Document, reference: Document) -> list[Document]:
    """Return which class is taken for which, and how much oftener; the most frequent first."""
    names = list(document["per_class"])
    counts, others = (
        np.array(each["confusion_matrix"], np.int64) for each in (document, reference)
    )
    found = [
        {
            "true": names[row],
            "predicted": names[column],
            "images": int(counts[row, column]),
            "difference": int(counts[row, column] - others[row, column]),
        }
        for row, column in np.argwhere((counts + others) > 0)
        if row != column
    ]
    return sorted(found, key=lambda pair: (-pair["images"], -pair["difference"], pair["true"]))


def _machine() -> Document:
    return {
        "processor": _processor(),
        "threads": processors.available(),
        "system": f"{platform.system()} {platform.machine()}",
        "runtime": f"LiteRT {version('ai-edge-litert')}",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "an unnamed processor"
