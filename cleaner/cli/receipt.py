"""The verb that says what the trained models are worth: receipt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cleaner import receipts
from cleaner.cli.desk import Desk, dataset_verb, examples, table
from cleaner.cli.watching import run_job
from cleaner.errors import CleanerError, ModelError
from cleaner.items import shown_path
from cleaner.receipts import markdown, words

if TYPE_CHECKING:
    from cleaner.project import Project

_COLUMNS_SHOWN = ("model", "accuracy (95% interval)", "points beside the largest", "macro F1")


@click.command(
    epilog=examples(
        "receipt data/demo",
        "receipt data/demo --html receipt.html --markdown receipt.md",
        "receipt data/demo --kept --send-back mobilenet_v2_1.0_224-20260102-030405",
    )
)
@dataset_verb
@click.option(
    "--model", "model_ids", multiple=True, metavar="NAME", help="Which models.  [default: all]"
)
@click.option("--kept", is_flag=True, help="Show the one made last, without measuring anew.")
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write it here as one HTML file that needs nothing else.",
)
@click.option(
    "--markdown",
    "markdown_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write it here as Markdown.",
)
@click.option(
    "--send-back",
    metavar="NAME",
    help="Pick the test images that this model got wrong, for another look at their labels.",
)
def receipt(
    desk: Desk,
    *,
    model_ids: tuple[str, ...],
    kept: bool,
    html: Path | None,
    markdown_file: Path | None,
    send_back: str | None,
) -> None:
    """Hold the trained models against each other.

    All of them label the same sealed test images; accuracy, calibration, speed, memory and size
    are measured on this machine. `train` does it too when it is done.
    """
    with desk.project() as project:
        if not kept:
            run_job(project, "receipt", {"models": list(model_ids)})
        found = receipts.read(project.state)
        if found is None:
            raise ModelError(
                f"{shown_path(str(project.root))}: there is no receipt yet. Run `receipt` "
                "without --kept."
            )
        document = found | {"files": _files(project)}
        if send_back is not None:
            document["picked"] = _picked(project, found, send_back)
    _write(html, receipts.as_page(found))
    _write(markdown_file, receipts.as_markdown(found))
    desk.answer(document, _lines(desk, document))


def _files(project: Project) -> dict[str, str]:
    folder = receipts.folder_of(project.state)
    names = {"json": "receipt.json", "markdown": "receipt.md", "html": "receipt.html"}
    return {kind: shown_path(str(folder / name)) for kind, name in names.items()}


def _picked(project: Project, found: dict[str, Any], model_id: str) -> dict[str, Any]:
    mistakes = {model["model_id"]: model["mistakes"] for model in found["models"]}
    if model_id not in mistakes:
        raise ModelError(
            f"No model {shown_path(model_id)!r} in the receipt. Known: {', '.join(mistakes)}."
        )
    item_ids = [one["item_id"] for one in mistakes[model_id]]
    return {"name": project.pick(item_ids) if item_ids else None, "images": len(item_ids)}


def _write(file: Path | None, text: str) -> None:
    if file is None:
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CleanerError(
            f"{file}: cannot write it ({error.strerror}). Name a file in a place you can write to."
        ) from error


def _lines(desk: Desk, document: dict[str, Any]) -> Iterator[str]:
    columns, rows = markdown.accuracy_rows(document)
    shown = [columns.index(name) for name in _COLUMNS_SHOWN]
    yield from table(_COLUMNS_SHOWN, [tuple(row[index] for index in shown) for row in rows])
    yield ""
    columns, rows = markdown.file_rows(document)
    yield from table(tuple(columns), [tuple(row) for row in rows])
    yield f"\nMeasured on {words.machine_in_words(document['machine'])}."
    for title, sentences in words.told_of_each(document):
        yield from (f"{title}: {name}: {sentence}" for name, sentence in sentences)
    yield from document["notes"]
    picked = document.get("picked")
    if picked is not None:
        yield f"{picked['images']:,} misclassified test images picked."
    if picked is not None and picked["name"]:
        yield f"{desk.next_step('queue')} --picked {picked['name']} --status any"
    yield f"receipt  {document['files']['html']}"
