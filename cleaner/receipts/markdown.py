"""A receipt as Markdown: what is pasted into a report or a README."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from cleaner.receipts import words

_MOST_PAIRS = 10
_MOST_CLASSES_IN_MATRIX = 20
_MOST_MISTAKES = 20
# What Markdown, and HTML in it, would take for more than text.
_MARKUP = re.compile(r"([\\`*{}\[\]#|<>~&$]|(?<!\w)_|_(?!\w))")


def as_markdown(receipt: dict[str, Any]) -> str:
    """Return the whole receipt; names in it are text, whatever they hold."""
    parts = [
        f"# What the models of {as_text(receipt['dataset'])} are worth",
        _head(receipt),
        "## Accuracy",
        table(*accuracy_rows(receipt)),
        "## Speed and size",
        table(*file_rows(receipt)),
        *_sentences(receipt),
        *_differences(receipt),
        *_matrices(receipt),
        *_mistakes(receipt),
        *_notes(receipt),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table whose cells are text."""
    lines = [columns, ["---"] * len(columns)]
    escaped = [[as_text(cell) for cell in row] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in [*lines, *escaped])


def accuracy_rows(receipt: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return head and lines of the table of what each model gets right."""
    columns = [
        "model",
        "accuracy (95% interval)",
        "points beside the largest",
        "macro F1",
        "calibration error",
        "multiply-adds",
        "parameters",
    ]
    rows, names = [], words.names_of(receipt)
    for model in receipt["models"]:
        beside = model["beside_reference"]
        rows.append(
            [
                names[model["model_id"]],
                _with_interval(model),
                ""
                if model["is_reference"]
                else words.points(beside["accuracy"], beside["interval"]),
                "not known" if model["macro_f1"] is None else f"{model['macro_f1']:.3f}",
                words.share(model["calibration"]["ece"]),
                words.count(model["multiply_adds"]),
                words.count(model["parameters"]),
            ]
        )
    return columns, rows


def file_rows(receipt: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return head and lines of the table of what each file takes."""
    columns = [
        "model",
        "file",
        "size",
        "accuracy",
        "same label as Keras",
        "latency p50, p95",
        "images a second",
        "times as fast",
        "memory",
    ]
    (reference,) = (model for model in receipt["models"] if model["is_reference"])
    slowest = reference["formats"]["tflite"]["latency_ms"]["p50"]
    names = words.names_of(receipt)
    rows = [
        [names[model["model_id"]], *_file_cells(name, found, slowest)]
        for model in receipt["models"]
        for name, found in model["formats"].items()
    ]
    return columns, rows


def _file_cells(name: str, found: dict[str, Any], slowest_ms: int | float) -> list[str]:
    latency = found.get("latency_ms")
    memory = found.get("peak_memory_bytes")
    return [
        name,
        words.size(found["size_bytes"]),
        words.share(found["accuracy"]) if "accuracy" in found else "",
        "" if found["agreement"] is None else words.share(found["agreement"]),
        f"{latency['p50']:.2f}, {latency['p95']:.2f} ms" if latency else "",
        words.rate(found["images_per_second"]) if "images_per_second" in found else "",
        words.times(slowest_ms / latency["p50"]) if latency else "",
        words.size(memory) if memory else "",
    ]


def _with_interval(model: dict[str, Any]) -> str:
    if model["accuracy"] is None:
        return "not known"
    return f"{words.share(model['accuracy'])} ({words.interval(model['accuracy_interval'])})"


def _head(receipt: dict[str, Any]) -> str:
    return (
        f"{receipt['test_images']:,} sealed test images of {len(receipt['classes']):,} classes, "
        f"which no model has learnt from. Speeds are of one photo at a time on one thread, "
        f"decoded and resized, images a second of all threads: "
        f"{as_text(words.machine_in_words(receipt['machine']))}. "
        f"Made with Cleaner {receipt['cleaner']} at {receipt['made_at']}."
    )


def _sentences(receipt: dict[str, Any]) -> Iterator[str]:
    for title, sentences in words.told_of_each(receipt):
        yield f"## {title}"
        yield "\n".join(f"* {as_text(name)}: {as_text(sentence)}" for name, sentence in sentences)


def _differences(receipt: dict[str, Any]) -> Iterator[str]:
    """Yield the classes in which a model differs from the largest, and whom it takes for whom."""
    yield "## Each class"
    columns = ["class", "images", *(model["architecture"] for model in receipt["models"])]
    rows = []
    for index, name in enumerate(receipt["classes"]):
        per_model = [model["beside_reference"]["per_class"][index] for model in receipt["models"]]
        cells = [
            words.share(one["recall"])
            + (f" ({words.points(one['difference'])})" if one["difference"] else "")
            for one in per_model
        ]
        rows.append([name, f"{per_model[0]['images']:,}", *cells])
    yield "Recall, and the points beside the largest model."
    yield table([as_text(column) for column in columns], rows)
    for model in receipt["models"]:
        pairs = model["beside_reference"]["pairs"][:_MOST_PAIRS]
        if pairs:
            yield f"### Taken for another by {as_text(model['architecture'])}"
            yield table(*pair_rows(pairs))


def pair_rows(pairs: Sequence[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Return head and lines of the table of who is taken for whom."""
    return ["true", "predicted", "images", "more than the largest"], [
        [pair["true"], pair["predicted"], f"{pair['images']:,}", f"{pair['difference']:+,}"]
        for pair in pairs
    ]


def _matrices(receipt: dict[str, Any]) -> Iterator[str]:
    models = [model for model in receipt["models"] if model["accuracy"] is not None]
    if not models or len(receipt["classes"]) > _MOST_CLASSES_IN_MATRIX:
        return
    yield "## Confusion matrix"
    yield "Rows are true classes, columns predicted ones."
    columns = ["", *(as_text(name) for name in receipt["classes"])]
    for model in models:
        yield f"### {as_text(model['architecture'])}"
        rows = zip(receipt["classes"], model["confusion_matrix"], strict=True)
        yield table(columns, [[name, *(f"{n:,}" for n in counts)] for name, counts in rows])


def _mistakes(receipt: dict[str, Any]) -> Iterator[str]:
    yield "## Misclassified test images"
    for model in receipt["models"]:
        found = model["mistakes"]
        yield f"{as_text(model['architecture'])}: {len(found):,}"
        lines = [
            f"* {as_text(one['path'])}: {as_text(one['true'])}, taken for "
            f"{as_text(one['predicted'])} ({words.share(one['probability'])})"
            for one in found[:_MOST_MISTAKES]
        ]
        if len(found) > _MOST_MISTAKES:
            lines.append(f"* and {len(found) - _MOST_MISTAKES:,} more, in the JSON")
        if lines:
            yield "\n".join(lines)


def _notes(receipt: dict[str, Any]) -> Iterator[str]:
    notes = [*receipt["notes"]]
    for model in receipt["models"]:
        notes += [f"{model['architecture']}: {note}" for note in model["notes"]]
    if notes:
        yield "## Notes"
        yield "\n".join(f"* {as_text(note)}" for note in notes)


def as_text(value: str) -> str:
    r"""Return a name as Markdown that shows it and does nothing else.

    >>> print(as_text("a_b _c <i>"))
    a_b \_c \<i\>
    """
    return _MARKUP.sub(r"\\\1", " ".join(value.split("\n")))
