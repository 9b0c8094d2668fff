"""A model's card: what it is, how good, how it came about and how to run it, in Markdown.

Reference: Mitchell et al., Model Cards for Model Reporting, FAT* (2019).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cleaner.receipts import words
from cleaner.receipts.markdown import as_text, table

CARD_NAME = "model_card.md"
_MOST_CLASSES = 200
_FILES = {
    "tflite": ("model.tflite", "float32 weights; phones, small computers, `predict`"),
    "tflite_float16": ("model_float16.tflite", "float16 weights: half the size"),
    "tflite_int8": ("model_int8.tflite", "whole numbers: a quarter of the size, the quickest"),
    "keras": ("model.keras", "to be trained further; Keras 3"),
    "onnx": ("model.onnx", "ONNX Runtime"),
    "saved_model": ("saved_model/", "TensorFlow; takes the bytes of JPEG, PNG, GIF, BMP and WebP"),
}


def as_card(receipt: dict[str, Any]) -> str:
    """Return the card of one model from its own receipt; names in it are text."""
    parts = [
        f"# {as_text(receipt['architecture'])}",
        _purpose(receipt),
        "## How good it is",
        "\n".join(f"* {line}" for line in _quality(receipt)),
        "## What goes in and what comes out",
        "\n".join(f"* {line}" for line in _ends(receipt)),
        "## Files",
        table(("file", "size", "same label as the network", "what for"), _files(receipt)),
        "## How it came about",
        "\n".join(f"* {line}" for line in _origin(receipt)),
        "## What it cannot do",
        "\n".join(f"* {line}" for line in _limits(receipt)),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _purpose(receipt: dict[str, Any]) -> str:
    return (
        f"Says which of {len(receipt['classes'])} classes a photo shows. Trained with Cleaner "
        f"{receipt['versions']['cleaner']}, finished at {receipt['finished_at']}."
    )


def _quality(receipt: dict[str, Any]) -> Iterator[str]:
    if receipt["accuracy"] is None:
        yield "Not known: there were no test images."
        return
    yield (
        f"Accuracy {words.share(receipt['accuracy'])} (95% interval "
        f"{words.interval(receipt['accuracy_interval'])}) on {receipt['test_images']:,} images "
        "that trained nothing."
    )
    yield f"Macro F1 {receipt['macro_f1']:.3f}."
    calibration = receipt["calibration"]["ece"]
    yield f"Its probabilities and its accuracy lie {words.share(calibration)} apart on average."
    if receipt.get("cleaning"):
        yield f"What cleaning brought: {words.gain_in_words(receipt['cleaning'])}."
    if receipt.get("joined"):
        before = as_text(receipt["joined"]["model"])
        yield f"Beside {before}: {as_text(words.joined_in_words(receipt['joined']))}."
    if receipt.get("unknown"):
        yield f"When to answer unknown: {words.unknown_in_words(receipt['unknown'])}."


def _ends(receipt: dict[str, Any]) -> Iterator[str]:
    side_px = receipt["input_side_px"]
    yield (
        f"In: an RGB photo, resized to {side_px} x {side_px} without keeping its proportions "
        "(bicubic, antialiased), values 0 to 255 as they are. All scaling is part of the model. "
        "The .tflite files take uint8, the .keras file floats of the same values."
    )
    yield "Out: one float32 probability a class, in the order of labels.txt."
    names = receipt["classes"][:_MOST_CLASSES]
    more = ", ..." if len(receipt["classes"]) > len(names) else ""
    yield f"Classes: {', '.join(as_text(name) for name in names)}{more}."


def _files(receipt: dict[str, Any]) -> list[list[str]]:
    return [
        [file, words.size(size_bytes), words.share(receipt["agreement"].get(name)), purpose]
        for name, size_bytes in receipt["size_bytes"].items()
        for file, purpose in [_FILES.get(name, (name, ""))]
    ]


def _origin(receipt: dict[str, Any]) -> Iterator[str]:
    images, sources = receipt["images"], receipt["label_sources"]
    yield (
        f"Images: {images['train']:,} to learn from, {images['validation']:,} to stop by, "
        f"{images['test']:,} to be measured on."
    )
    yield (
        f"Labels: {sources['accepted']:,} accepted and {sources['moved']:,} corrected by a person, "
        f"{sources['as_given']:,} as given."
    )
    epochs = receipt["epochs"]
    yield f"Epochs: {epochs['last_layer']} of the last layer, {epochs['fine_tuning']} of the rest."
    yield f"Seed {receipt['seed']}, {receipt['threads']} threads."
    versions = ", ".join(f"{name} {number}" for name, number in receipt["versions"].items())
    yield f"Versions: {versions}."


def _limits(receipt: dict[str, Any]) -> Iterator[str]:
    yield (
        "It knows these classes alone, and answers one of them whatever it is shown; look at the "
        "probability before acting on the label."
    )
    yield "It was measured on photos from the same folder. Others may be harder."
    yield from (as_text(note) for note in receipt["notes"])
