"""What the models are worth on photos whose true labels are known: the receipt, from one run.

    python -m benchmarks.models PHOTOS TRUTH.csv --weights mobilenet_v1_0.25_128=FILE.keras
    python -m benchmarks.models PHOTOS TRUTH.csv --given label_25pct --gain-only

TRUTH.csv has a column `path` (relative to PHOTOS), a column `true_label`, and the column named by
--given with the labels as somebody gave them. The photos are laid out in class folders by the
given labels, and whatever is wrong is moved as a reviewer without fault would; so the models learn
from a cleaned copy, and their sealed test images have true labels. The large model is a network of
the committee with a last layer of its own; the others are trained in full.

Prints the receipt as Markdown, and before it a line for each promise, kept or not.
With --gain-only the first MobileNet alone is trained, once on the labels as given and once on the
cleaned ones, and the line says what cleaning brought.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cleaner import receipts
from cleaner.receipts import words

Document = dict[str, Any]

LARGE = "efficientnet_lite2"
MOBILE = "mobilenet_v2_1.0_224"
SMALL = "mobilenet_v1_0.25_128"


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, measure, and print."""
    asked = _arguments(arguments)
    with tempfile.TemporaryDirectory() as folder:
        root = (asked.work or Path(folder)) / "photos"
        began = time.perf_counter()
        if not root.exists():
            _cleaned_copy(asked, root)
        if asked.gain_only:
            recipe = ["--measure-gain", *_epochs(asked.epochs)]
            trained = _cleaner("train", root, "--model", MOBILE, *recipe)
            _say(f"What cleaning brought to {MOBILE}: {words.gain_in_words(trained['cleaning'])}")
        else:
            _train(asked, root)
            receipt = _cleaner("receipt", root)
            for line in promises(receipt):
                _say(line)
            _say("\n" + receipts.as_markdown(receipt))
        _say(f"{time.perf_counter() - began:.0f} s in all")


def promises(receipt: Document) -> Iterator[str]:
    """Yield what is wanted of the models, what was seen, and whether that is enough."""
    by_name = {model["architecture"]: model for model in receipt["models"]}
    large = by_name[LARGE]
    if MOBILE in by_name:
        beside, int8 = _beside(by_name[MOBILE], large), _int8(by_name[MOBILE])
        yield _line("accuracy beside the large model, points", beside["points"], ">= -1", -1)
        yield _line("times as fast as the large model", beside["times_as_fast"], ">= 2", 2)
        yield _line("size beside the large model, minus", -beside["share_of_size"], ">= -0.5", -0.5)
        yield _line("int8 beside float, points", int8, ">= -1", -1)
    if SMALL in by_name:
        beside = _beside(by_name[SMALL], large)
        yield _line(f"{SMALL}: times as fast", beside["times_as_fast"], ">= 20", 20)
    for model in receipt["models"]:
        yield f"int8 of {model['architecture']} beside float: {_int8(model):+.2f} points"


def _beside(model: Document, large: Document) -> Document:
    found, plain = model["beside_reference"], "tflite"
    fast, slow = (each["formats"][plain]["latency_ms"]["p50"] for each in (model, large))
    small, big = (each["formats"][plain]["size_bytes"] for each in (model, large))
    return {
        "points": 100 * found["accuracy"],
        "times_as_fast": slow / fast,
        "share_of_size": small / big,
    }


def _int8(model: Document) -> float:
    found = model["formats"].get("tflite_int8")
    return 100 * float(found["beside_float"]["accuracy"]) if found else float("nan")


def _line(what: str, seen: float, wanted: str, least: float) -> str:
    return f"{'kept  ' if seen >= least else 'BROKEN'}  {what}: {seen:.2f} (wanted {wanted})"


def _arguments(words_given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--given", default="true_label", metavar="COLUMN")
    parser.add_argument("--weights", action="append", default=[], metavar="MODEL=FILE")
    parser.add_argument("--model", action="append", help=f"default: {MOBILE} and {SMALL}")
    parser.add_argument("--epochs", type=int, help="of fine-tuning; default: that of `train`")
    parser.add_argument("--gain-only", action="store_true")
    parser.add_argument("--work", type=Path, help="keep the copy and the models here, and reuse it")
    return parser.parse_args(words_given)


def _cleaned_copy(asked: argparse.Namespace, root: Path) -> None:
    """Lay the photos out as given, and move what is wrong."""
    with asked.truth.open(newline="", encoding="utf-8") as lines:
        truth = {Path(row["path"]).name: row for row in csv.DictReader(lines)}
    for name, row in truth.items():
        target = root / row[asked.given] / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(asked.photos / row["path"], target)
    _cleaner("scan", root)
    wrong = [row for row in truth.values() if row[asked.given] != row["true_label"]]
    if not wrong:
        return
    _cleaner("score", root)
    table = root.parent / "decisions.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "action", "label"])
        for row in wrong:
            path = f"{row[asked.given]}/{Path(row['path']).name}"
            writer.writerow([path, "move", row["true_label"]])
    _cleaner("decide", root, "--from", str(table))
    _cleaner("apply", root)


def _train(asked: argparse.Namespace, root: Path) -> None:
    _cleaner("train", root, "--model", LARGE, "--fine-tune-epochs", "0")
    names = asked.model or [MOBILE, SMALL]
    known = {word.partition("=")[0]: word.partition("=")[2] for word in asked.weights}
    for name in names:
        weights = ["--weights", known[name]] if name in known else []
        _cleaner("train", root, "--model", name, *weights, *_epochs(asked.epochs))


def _epochs(epochs: int | None) -> list[str]:
    return [] if epochs is None else ["--fine-tune-epochs", str(epochs)]


def _cleaner(verb: str, root: Path, *options: str) -> Document:
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "cleaner", verb, str(root), *options, "--json"],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parent.parent,
        check=True,
    )
    _say(f"# {verb} {' '.join(options)}: {time.perf_counter() - began:.0f} s")
    return dict(json.loads(done.stdout))


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
