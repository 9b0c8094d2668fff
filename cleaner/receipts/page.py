"""A receipt as one HTML file that asks nobody for anything: no script, no font, no picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

from cleaner.receipts import drawings, words
from cleaner.receipts.markdown import accuracy_rows, file_rows, pair_rows

_MOST_CLASSES_IN_MATRIX = 40
_MOST_PAIRS = 20
_MOST_MISTAKES = 100

_STYLE = Path(__file__).with_name("page.css")


def as_page(receipt: dict[str, Any]) -> str:
    """Return the whole document; every name in it is text, whatever it holds."""
    title = f"What the models of {receipt['dataset']} are worth"
    body = "\n".join(
        [
            f"<h1>{escape(title)}</h1>",
            *_head(receipt),
            "<h2>Accuracy</h2>",
            _table(*accuracy_rows(receipt)),
            *_plots(receipt),
            "<h2>Speed and size</h2>",
            _table(*file_rows(receipt)),
            *_sentences(receipt),
            *(line for model in receipt["models"] for line in _model(model, receipt["classes"])),
            *_notes(receipt),
        ]
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        # Should a name get past the escaping after all, nothing it says is fetched or run.
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{escape(title)}</title>\n<style>{_STYLE.read_text('utf-8')}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _head(receipt: dict[str, Any]) -> Iterator[str]:
    machine = words.machine_in_words(receipt["machine"])
    yield (
        f"<p>{receipt['test_images']:,} sealed test images of {len(receipt['classes']):,} classes, "
        "which no model has learnt from.</p>"
    )
    yield (
        '<p class="faint">Latency is of one photo on one thread, images a second of all threads, '
        f"both with photos decoded and resized: {escape(machine)}. Made with Cleaner "
        f"{escape(receipt['cleaner'])} at {escape(receipt['made_at'])}.</p>"
    )


def _plots(receipt: dict[str, Any]) -> Iterator[str]:
    key = (
        '<span class="float">●</span> float32, <span class="int">○</span> int8; the lines are 95% '
        "intervals."
    )
    yield '<div class="plots">'
    for drawing, caption in (
        (drawings.against_speed(receipt), "Accuracy against the time for one photo"),
        (drawings.against_size(receipt), "Accuracy against the size of the file"),
    ):
        yield f"<figure>{drawing}<figcaption>{caption}: {key}</figcaption></figure>"
    yield "</div>"


def _sentences(receipt: dict[str, Any]) -> Iterator[str]:
    for title, sentences in words.told_of_each(receipt):
        yield f"<h2>{title}</h2><ul>"
        yield from (f"<li>{escape(name)}: {escape(said)}</li>" for name, said in sentences)
        yield "</ul>"


def _model(model: dict[str, Any], classes: Sequence[str]) -> Iterator[str]:
    yield f"<h2>{escape(model['architecture'])}</h2>"
    yield f'<p class="faint">{escape(model["model_id"])}</p>'
    if model["accuracy"] is None:
        return
    yield '<div class="plots">'
    yield (
        f"<figure>{drawings.reliability(model)}<figcaption>Calibration: confidence and accuracy "
        f"lie {words.share(model['calibration']['ece'])} apart on average.</figcaption></figure>"
    )
    yield "<div>"
    yield "<h3>Taken for another</h3>"
    pairs = model["beside_reference"]["pairs"]
    yield _table(*pair_rows(pairs[:_MOST_PAIRS])) if pairs else "<p>No class was mistaken.</p>"
    yield "</div></div>"
    yield from _matrix(model["confusion_matrix"], classes)
    yield from _per_class(model)
    yield from _mistakes(model["mistakes"])


def _matrix(matrix: Sequence[Sequence[int]], classes: Sequence[str]) -> Iterator[str]:
    if len(classes) > _MOST_CLASSES_IN_MATRIX:
        return
    yield "<h3>Confusion matrix</h3><p>Rows are true classes, columns predicted ones.</p>"
    yield '<div class="wide"><table><tr><th></th>'
    for name in classes:
        yield f'<th class="turned"><span>{escape(name)}</span></th>'
    yield "</tr>"
    for name, counts in zip(classes, matrix, strict=True):
        total = max(1, sum(counts))
        cells = "".join(
            f'<td class="cell" style="background: rgba(var(--hit), {0.6 * n / total:.2f})">'
            f"{n or ''}</td>"
            for n in counts
        )
        yield f"<tr><td>{escape(name)}</td>{cells}</tr>"
    yield "</table></div>"


def _per_class(model: dict[str, Any]) -> Iterator[str]:
    rows = [
        [
            one["class"],
            f"{one['images']:,}",
            words.share(one["recall"]),
            words.points(one["difference"]),
            f"{100 * one['f1_difference']:+.1f}",
        ]
        for one in model["beside_reference"]["per_class"]
    ]
    columns = ["class", "images", "recall", "points beside the largest", "F1 beside it, points"]
    yield f"<details><summary>Each class</summary>{_table(columns, rows)}</details>"


def _mistakes(mistakes: Sequence[dict[str, Any]]) -> Iterator[str]:
    shown = mistakes[:_MOST_MISTAKES]
    rows = [
        [one["path"], one["true"], one["predicted"], words.share(one["probability"])]
        for one in shown
    ]
    columns = ["file", "true", "predicted", "probability"]
    listed = _table(columns, rows, kind="words") if rows else "<p>There is none.</p>"
    left = len(mistakes) - len(shown)
    more = f"<p>{left:,} more are in the JSON.</p>" if left else ""
    yield (
        f"<details><summary>Misclassified test images: {len(mistakes):,}</summary>"
        f"{listed}{more}</details>"
    )


def _notes(receipt: dict[str, Any]) -> Iterator[str]:
    notes = [*receipt["notes"]]
    for model in receipt["models"]:
        notes += [f"{model['architecture']}: {note}" for note in model["notes"]]
    if notes:
        yield "<h2>Notes</h2><ul>"
        yield from (f"<li>{escape(note)}</li>" for note in notes)
        yield "</ul>"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], kind: str = "") -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return f'<div class="wide"><table class="{kind}"><tr>{head}</tr>{body}</table></div>'
