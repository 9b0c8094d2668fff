"""The verb label_image: the flags of TensorFlow's old example script, as they were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cleaner.cli.desk import answer, examples, json_option
from cleaner.errors import ImageRejected, ModelError
from cleaner.items import shown_path

if TYPE_CHECKING:
    from numpy import ndarray

_PATH = click.Path(path_type=Path)
_TOP = 5


@click.command(
    "label_image",
    epilog=examples(
        "label_image --graph graph.pb --image photo.jpg",
        "label_image --graph old.pb --labels old.txt --image photo.jpg --input_layer Placeholder "
        "--output_layer final_result --input_height 224 --input_width 224",
    ),
)
@click.option("--graph", type=_PATH, required=True, help="A .pb, or any model `predict` takes.")
@click.option("--image", type=_PATH, required=True, multiple=True, help="May be repeated.")
@click.option("--labels", type=_PATH, help="One a line; needed where none are in the graph.")
@click.option("--input_layer", help="Which tensor takes the photo.")
@click.option("--output_layer", help="Which tensor has the scores.")
@click.option("--input_height", type=click.IntRange(1), help="Pixels.")
@click.option("--input_width", type=click.IntRange(1), help="Pixels.")
@click.option("--input_mean", type=float, default=0, show_default=True)
@click.option("--input_std", type=float, default=255, show_default=True)
@json_option
def label_image(
    *, graph: Path, image: tuple[Path, ...], labels: Path | None, as_json: bool, **feeding: Any
) -> None:
    """Label photos as TensorFlow's label_image.py did, with its own flags.

    A graph that Cleaner wrote knows its labels, its photos' size and range: --graph and --image
    are enough. One that retrain.py wrote needs what was always needed. For everything else
    `predict` does more.
    """
    if graph.suffix == ".pb":
        from cleaner.frozen_graphs import Feeding, open_graph

        opened: Any = open_graph(graph, labels, Feeding(**feeding))
    else:
        from cleaner.classifier import open_classifier

        opened = open_classifier(graph)
    predictions, errors = [], []
    for path, outcome in opened.predict_files(list(image)):
        shown = shown_path(str(path))
        if isinstance(outcome, ImageRejected):
            errors.append({"path": shown, "reason": str(outcome)})
        else:
            predictions.append({"path": shown, "top": _best(outcome, opened.class_names)})
    document = {"predictions": predictions, "errors": errors}
    answer(document, _label_lines(document), as_json=as_json)
    if errors and not predictions:
        raise ModelError(f"{errors[0]['path']}: {errors[0]['reason']}")


def _best(scores: ndarray[Any, Any], class_names: tuple[str, ...]) -> list[dict[str, Any]]:
    order = (-scores).argsort(kind="stable")[:_TOP]
    return [{"label": class_names[i], "probability": float(scores[i])} for i in order]


def _label_lines(document: Mapping[str, Any]) -> Iterator[str]:
    for found in document["predictions"]:
        if len(document["predictions"]) > 1:
            yield found["path"]
        yield from (f"{one['label']} {one['probability']:.5f}" for one in found["top"])
    yield from (f"Passed over: {found['path']}: {found['reason']}" for found in document["errors"])
