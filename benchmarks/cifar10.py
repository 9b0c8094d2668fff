"""A network from nothing on CIFAR-10: how accurate it gets, in how many minutes, and its curve.

    python -m benchmarks.cifar10 cifar-10-binary.tar.gz
    python -m benchmarks.cifar10 cifar_human/images --labels cifar_human/labels.csv --epochs 40
    python -m benchmarks.cifar10 --estimate

SOURCE is what `python -m cleaner import` takes: the 50,000 images train, the 10,000 test. With
--labels it is a folder of photos and a table with `file` and `true_label`; every fifth tests. All
goes by the verbs that anybody would use, in a temporary folder. --estimate times a few steps on
made-up pictures and says what an epoch of 50,000 would take.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

CLASSES = 10
MODEL = "small_resnet_32"
_IMAGES = 50_000
_TIMED_STEPS = 20
_COLUMNS = ("loss", "accuracy", "validation_accuracy")


def main() -> None:
    """Measure, and print the curve and one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("source", type=Path, nargs="?")
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--json", type=Path, help="write the curve here")
    parser.add_argument("--estimate", action="store_true")
    arguments = parser.parse_args()
    if arguments.estimate:
        _estimate(arguments.epochs)
    elif arguments.source is None:
        parser.error("name the source, or --estimate")
    else:
        _measure(arguments)


def _measure(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        root, source, options = Path(scratch) / "cifar", arguments.source, []
        if arguments.labels is not None:
            source = _table(arguments.labels, Path(scratch) / "labels.csv")
            options = ["--images", str(arguments.source.absolute())]
        imported = _cleaner("import", str(source), str(root), *options)
        _cleaner("scan", str(root))
        began = time.perf_counter()
        epochs = ("--fine-tune-epochs", str(arguments.epochs))
        made = _cleaner("train", str(root), "--model", MODEL, *epochs)
        minutes = (time.perf_counter() - began) / 60
        curve = _curve(root)
    _print(imported, made, curve, minutes)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps({"minutes": minutes, "curve": curve}, indent=1) + "\n")


def _table(labels: Path, written: Path) -> Path:
    with labels.open(newline="", encoding="utf-8") as lines:
        rows = sorted((row["file"], row["true_label"]) for row in csv.DictReader(lines))
    with written.open("w", newline="", encoding="utf-8") as lines:
        table = csv.writer(lines)
        table.writerow(("path", "label", "split"))
        table.writerows((*row, "train" if place % 5 else "test") for place, row in enumerate(rows))
    return written


def _cleaner(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "cleaner", *arguments, "--json"]
    finished = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    document: dict[str, Any] = json.loads(finished.stdout)
    return document


def _curve(root: Path) -> dict[str, list[float]]:
    from cleaner.project import Project

    project = Project(root)
    history = project.models()[0].history
    project.store.close()
    return history


def _print(
    imported: dict[str, Any], made: dict[str, Any], curve: dict[str, list[float]], minutes: float
) -> None:
    names = [name for name in _COLUMNS if name in curve]
    print(f"| epoch | {' | '.join(name.replace('_', ' ') for name in names)} |")  # noqa: T201
    print(f"|{'---|' * (len(names) + 1)}")  # noqa: T201
    for epoch, values in enumerate(zip(*(curve[name] for name in names), strict=True), 1):
        print(f"| {epoch} | {' | '.join(f'{value:.3f}' for value in values)} |")  # noqa: T201
    low, high = made["accuracy_interval"]
    parts = ", ".join(f"{count:,} {name}" for name, count in imported["splits"].items())
    print(f"{parts}: {made['accuracy']:.1%} ({low:.1%} to {high:.1%}) in {minutes:.1f} minutes")  # noqa: T201


def _estimate(epochs: int) -> None:
    from cleaner.learning import finetune, from_scratch
    from cleaner.learning.final_head import FinalHead
    from cleaner.learning.small_resnet import SmallResNet

    rng = np.random.default_rng(0)
    backbone = SmallResNet(MODEL)
    kernel = rng.normal(0, 0.05, (backbone.info.feature_count or 0, CLASSES)).astype(np.float32)
    network = finetune.assembled(backbone, FinalHead(kernel, np.zeros(CLASSES, np.float32), {}))
    photos = rng.integers(0, 256, (from_scratch.BATCH_SIZE, 32, 32, 3), dtype=np.uint8)
    seconds = from_scratch.seconds_a_step(network, photos, CLASSES, steps=_TIMED_STEPS)
    minutes = seconds * _IMAGES / from_scratch.BATCH_SIZE / 60
    print(  # noqa: T201
        f"{seconds:.3f} s for {from_scratch.BATCH_SIZE} images; {minutes:.1f} minutes for "
        f"{_IMAGES:,}; {minutes * epochs:.0f} for {epochs} epochs"
    )


if __name__ == "__main__":
    main()
