"""What the buttons do, apart from drawing them, so that a test can call it too."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cleaner import images
from cleaner.cells import guarded
from cleaner.classifier import open_classifier
from cleaner.errors import SettingsError
from cleaner.health import Concern
from cleaner.items import Finding, shown_path
from cleaner.project import Project
from cleaner.receipts import words
from cleaner.settings import ScoreSettings
from cleaner.store import rounds
from cleaner.store.models import FinalModel

_PREVIEW_SIDE_PX = 320
_FLOWS_SHOWN = 200
_KINDS = {"tflite": "float32", "tflite_int8": "int8", "keras": "Keras"}


def score_settings(project: Project) -> ScoreSettings:
    """Return how the latest round was scored, so that the next one is comparable."""
    with project.store.read() as connection:
        latest = rounds.latest(connection)
        used = rounds.settings_of(connection, latest) if latest is not None else {}
    try:
        return ScoreSettings.from_json(used)
    except SettingsError:
        # Written by another version of this project.
        return ScoreSettings()


def finding_rows(findings: tuple[Finding, ...]) -> list[dict[str, Any]]:
    """Return findings as table rows, errors first, every text as people may see it."""
    order = {"error": 0, "warning": 1, "info": 2}
    ranked = sorted(findings, key=lambda finding: order[finding.severity])
    return [
        {
            "what": finding.kind.replace("_", " "),
            "file": _cell(finding.paths[0]) if finding.paths else "",
            "detail": _cell(finding.detail),
            "others": _cell(", ".join(finding.paths[1:6])),
        }
        for finding in ranked
    ]


def concern_rows(found: Sequence[Concern]) -> list[dict[str, Any]]:
    """Return what is the matter with a dataset as table rows."""
    return [
        {
            "severity": one.severity,
            "what": one.what,
            "count": one.count,
            "detail": _cell(one.detail),
        }
        for one in found
    ]


def flow_rows(
    pairs: Mapping[tuple[str, str], int], titles: tuple[str, str]
) -> list[dict[str, Any]]:
    """Return how many images go from which class to which as table rows, the most first."""
    ranked = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))[:_FLOWS_SHOWN]
    return [
        {titles[0].capitalize(): _cell(start), titles[1].capitalize(): _cell(end), "Images": images}
        for (start, end), images in ranked
    ]


def _cell(text: str) -> str:
    # Every table on a page can be downloaded as CSV, and then opened in a spreadsheet.
    return guarded(shown_path(text))


def all_findings(counts: Mapping[str, int]) -> str:
    """Return one line on findings that are too many to be shown.

    >>> all_findings({"near_duplicate": 1200, "unreadable": 3})
    'The most severe are shown, of all: 1,200 near duplicate, 3 unreadable.'
    """
    ranked = sorted(counts.items(), key=lambda entry: -entry[1])
    words = ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in ranked)
    return f"The most severe are shown, of all: {words}."


def downloads(model: FinalModel) -> dict[str, Path]:
    """Return what of a trained model can be downloaded: words for the button, then the path."""
    folder = Path(model.folder)
    known = {
        "TensorFlow Lite": folder / "model.tflite",
        "int8": folder / "model_int8.tflite",
        "float16": folder / "model_float16.tflite",
        "ONNX": folder / "model.onnx",
        "Keras": folder / "model.keras",
        "SavedModel (zip)": folder / "saved_model",
        "Class names": folder / "labels.txt",
        "Model card": folder / "model_card.md",
        "Receipt": folder / "receipt.json",
    }
    return {words: path for words, path in known.items() if path.exists()}


def packed(path: Path) -> bytes:
    """Return a file's bytes, or a folder as a zip archive."""
    if path.is_file():
        return path.read_bytes()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as packing:
        for file in sorted(path.rglob("*")):
            packing.write(file, Path(path.name) / file.relative_to(path))
    return archive.getvalue()


def class_rows(model: FinalModel) -> list[dict[str, Any]]:
    """Return precision, recall and F1 of each class as table rows, the weakest first."""
    per_class = model.receipt.get("per_class", {})
    rows = [
        {
            "class": _cell(name),
            "images": values["images"],
            "precision": f"{values['precision']:.0%}",
            "recall": f"{values['recall']:.0%}",
            "F1": round(values["f1"], 3),
        }
        for name, values in per_class.items()
    ]
    return sorted(rows, key=lambda row: float(row["F1"]))


def mistakes(model: FinalModel) -> list[dict[str, Any]]:
    """Return the test images that the model labelled otherwise, the most confident first."""
    wrong = [
        one for one in model.receipt.get("test_predictions", []) if one["true"] != one["predicted"]
    ]
    return [
        {
            "file": _cell(one["path"]),
            "true": _cell(one["true"]),
            "predicted": _cell(one["predicted"]),
            "probability": f"{one['probability']:.0%}",
        }
        for one in sorted(wrong, key=lambda one: -one["probability"])
    ]


def mistaken_ids(receipt: Mapping[str, Any] | None, model_id: str) -> list[int]:
    """Return the images that a model got wrong when the models were last compared."""
    models = receipt["models"] if receipt is not None else []
    found = [model["mistakes"] for model in models if model["model_id"] == model_id]
    return [one["item_id"] for mistakes in found for one in mistakes]


def receipt_in_words(receipt: Mapping[str, Any] | None, model_ids: Sequence[str]) -> str:
    """Return what the models were compared on, or that they have yet to be."""
    if receipt is None:
        return "The models have not been measured on the same images yet."
    missing = set(model_ids) - {model["model_id"] for model in receipt["models"]}
    measured = (
        f"{len(receipt['models'])} models on the same {receipt['test_images']:,} sealed test "
        f"images, {receipt['made_at'][:16].replace('T', ' ')}, on "
        f"{words.machine_in_words(receipt['machine'])}."
    )
    return f"{measured} {len(missing)} are not among them." if missing else measured


def compared_rows(receipt: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a line for each file that was run, the largest model first.

    Of the .keras file the time of a single photo and the memory are not known: those are None.
    """
    return [
        _compared_row(model, name, found)
        for model in receipt["models"]
        for name, found in model["formats"].items()
        if "images_per_second" in found
    ]


def _compared_row(model: Mapping[str, Any], name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    beside, latency = model["beside_reference"], found.get("latency_ms")
    memory = found.get("peak_memory_bytes")
    is_plain = name == "tflite" and not model["is_reference"]
    return {
        "model": _cell(model["architecture"]),
        "file": _KINDS[name],
        "accuracy": words.share(found["accuracy"]),
        "95% interval": words.interval(found["accuracy_interval"]),
        "beside the largest": words.points(beside["accuracy"], beside["interval"])
        if is_plain
        else "",
        "size": words.size(found["size_bytes"]),
        "ms a photo": round(latency["p50"], 2) if latency else None,
        "95% within": round(latency["p95"], 2) if latency else None,
        "images a second": round(found["images_per_second"], 1),
        "memory": words.size(memory) if memory else "",
        "multiply-adds": words.count(model["multiply_adds"]),
        "calibration error": words.share(model["calibration"]["ece"]) if name == "tflite" else "",
    }


def class_difference_rows(model: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return each class with what a model of a receipt gets of it, the most lost first."""
    rows = [
        {
            "class": _cell(one["class"]),
            "images": one["images"],
            "recall": words.share(one["recall"]),
            "beside the largest": round(100 * one["difference"], 1),
            "F1 beside it": round(100 * one["f1_difference"], 1),
        }
        for one in model["beside_reference"]["per_class"]
    ]
    return sorted(rows, key=lambda row: float(row["beside the largest"]))


def pair_difference_rows(model: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return which class a model of a receipt takes for which, and how much oftener."""
    return [
        {
            "true": _cell(pair["true"]),
            "predicted": _cell(pair["predicted"]),
            "images": pair["images"],
            "more than the largest": pair["difference"],
        }
        for pair in model["beside_reference"]["pairs"]
    ]


def plotted_rows(receipt: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return accuracy, time and size of each file that was run, for a plot."""
    return [
        {
            "model": shown_path(model["architecture"]),
            "file": _KINDS[name],
            "accuracy": found["accuracy"],
            "low": found["accuracy_interval"][0],
            "high": found["accuracy_interval"][1],
            "milliseconds": found["latency_ms"]["p50"],
            "megabytes": found["size_bytes"] / 1e6,
        }
        for model in receipt["models"]
        for name, found in model["formats"].items()
        if found.get("accuracy") is not None and "latency_ms" in found
    ]


def shown_receipt(model: FinalModel) -> dict[str, Any]:
    """Return the receipt without what is shown elsewhere or too long to read."""
    hidden = ("test_predictions", "confusion_matrix", "per_class", "history", "calibration")
    return {name: value for name, value in model.receipt.items() if name not in hidden}


def preview(photo: bytes) -> bytes:
    """Return a small upright JPEG of a photo somebody brought.

    Raises:
        ImageRejected: these bytes are no picture.
    """
    return images.thumbnail(photo, side_px=_PREVIEW_SIDE_PX)


def classify(model: FinalModel, photo: bytes) -> list[tuple[str, float]]:
    """Return the classes of one photo with their probabilities, the likeliest first.

    Raises:
        ImageRejected: these bytes are no picture.
        ModelError: the model's files are damaged or gone.
    """
    classifier = open_classifier(Path(model.folder))
    probs = classifier.predict([images.decode(photo)])[0]
    pairs = zip(classifier.class_names, (float(value) for value in probs), strict=True)
    return sorted(pairs, key=lambda pair: -pair[1])
