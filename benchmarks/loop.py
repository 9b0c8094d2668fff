"""The whole loop on a folder with known errors: scan, score, decide, round, train.

    python -m benchmarks.loop PHOTOS TRUTH.csv --given label_5pct

TRUTH.csv has a column `path` (relative to PHOTOS), a column `true_label`, and the column
named by --given with the labels as somebody gave them. A copy of the photos is laid out in
class folders by the given labels; every flagged image is then decided from the truth, as a
reviewer without fault would. Prints one table; each line is a command a user would run.
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
from pathlib import Path
from typing import Any

from sklearn.metrics import average_precision_score

from cleaner.decisions import ReviewItem
from cleaner.project import Project

Document = dict[str, Any]


def main() -> None:
    """Measure, and print one line a step."""
    arguments = _arguments()
    with arguments.truth.open(newline="", encoding="utf-8") as lines:
        truth = {Path(row["path"]).name: row for row in csv.DictReader(lines)}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "photos"
        _lay_out(arguments.photos, truth, arguments.given, root)
        true_labels = {name: row["true_label"] for name, row in truth.items()}
        _loop(root, true_labels)
        if arguments.train:
            trained, seconds = _cleaner("train", str(root), "--model", arguments.train)
            low, high = trained["accuracy_interval"]
            _say(
                "train",
                f"test accuracy {trained['accuracy']:.3f} ({low:.3f} to {high:.3f})",
                seconds,
            )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("photos", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--given", required=True)
    parser.add_argument("--train", metavar="MODEL", help="also train this final model")
    return parser.parse_args()


def _lay_out(photos: Path, truth: dict[str, dict[str, str]], given: str, root: Path) -> None:
    for name, row in truth.items():
        target = root / row[given] / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(photos / row["path"], target)


def _loop(root: Path, true_labels: dict[str, str]) -> None:
    scored, seconds = _cleaner("score", str(root))
    ranked = _ranking(root)
    wrong = [true_labels[Path(item.path).name] != item.current_label for item in ranked]
    suspicion = [1 - item.label_quality for item in ranked]
    precision = average_precision_score(wrong, suspicion)
    caught = sum(w for w, item in zip(wrong, ranked, strict=True) if item.flagged)
    _say(
        "score",
        f"{scored['images']:,} images, {sum(wrong)} wrong; average precision {precision:.4f}; "
        f"{scored['flagged']} flagged, {caught} of them wrong",
        seconds,
    )
    _decide(root, ranked, true_labels)
    moved, seconds = _cleaner("round", str(root))
    left = sum(true_labels[path.name] != path.parent.name for path in root.rglob("*.*"))
    total = len(true_labels)
    _say(
        "round", f"{moved['moved']} moved; {left} of {total:,} wrong ({left / total:.2%})", seconds
    )
    astray = sum(item.path.split("/")[0] != item.current_label for item in _ranking(root))
    _say("folders", f"{astray} images lie elsewhere than the database says", 0.0)


def _ranking(root: Path) -> list[ReviewItem]:
    """Return all images with what the models say, also of those that people are to judge blind."""
    project = Project(root)
    ranked = project.ranking()
    project.store.close()
    return ranked


def _decide(root: Path, items: list[ReviewItem], true_labels: dict[str, str]) -> None:
    table = root.parent / "decisions.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "action", "label"])
        for item in items:
            if item.flagged:
                writer.writerow([item.path, "move", true_labels[Path(item.path).name]])
    recorded, seconds = _cleaner("decide", str(root), "--from", str(table))
    _say("decide", f"{recorded['recorded']} recorded", seconds)


def _cleaner(*words: str) -> tuple[Document, float]:
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "cleaner", *words, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parent.parent,
        check=True,
    )
    return json.loads(done.stdout), time.perf_counter() - began


def _say(step: str, words: str, seconds: float) -> None:
    print(f"{step:<8} {seconds:7.1f} s  {words}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
