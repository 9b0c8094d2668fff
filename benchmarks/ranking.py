"""How well label errors are ranked: average precision of each signal and each head.

    python benchmarks/ranking.py PHOTOS TRUTH.csv --given aggre --given worse

TRUTH.csv has a column `path` or `file` (relative to PHOTOS), a column `true_label`, and the
columns named by --given with the labels to be doubted. Features are kept in --cache.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score

from cleaner.arrays import PredProbs, ViewFeatures
from cleaner.backbones import open_backbone
from cleaner.learning.bottlenecks import Source, view_features
from cleaner.learning.scoring import Examples, out_of_fold
from cleaner.predictions import Evidence
from cleaner.settings import ScoreSettings
from cleaner.signals import SIGNALS

ORDERS = ("self_confidence", "normalized_margin")


def main() -> None:
    """Measure, and print one table a column of labels."""
    arguments = _arguments()
    settings = ScoreSettings(tuple(arguments.backbone or ["efficientnet_lite2"]), arguments.views)
    with arguments.truth.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    paths = [arguments.photos / (row.get("path") or row["file"]) for row in rows]
    sources = [Source(path, arguments.photos, _content_hash(path)) for path in paths]
    features = tuple(
        view_features(
            sources,
            open_backbone(name),
            views=settings.views,
            seed=settings.seed,
            cache_folder=arguments.cache,
        ).features
        for name in settings.backbones
    )
    for column in arguments.given:
        labels = [row[column] for row in rows]
        wrong = np.array([row[column] != row["true_label"] for row in rows])
        _measure(column, wrong, _examples(sources, features, labels), settings)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("photos", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--given", action="append", required=True)
    parser.add_argument("--backbone", action="append")
    parser.add_argument("--views", type=int, default=4)
    parser.add_argument("--cache", type=Path, default=Path("build/benchmarks"))
    return parser.parse_args()


def _content_hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _examples(
    sources: list[Source], features: tuple[ViewFeatures, ...], labels: list[str]
) -> Examples:
    names = tuple(sorted(set(labels)))
    _, groups = np.unique([source.content_hash for source in sources], return_inverse=True)
    return Examples(
        item_ids=np.arange(len(labels)),
        view_features=features,
        labels=np.array([names.index(label) for label in labels], np.int64),
        class_names=names,
        groups=groups.astype(np.int64),
        # As in a project: one image in ten is sealed for the test and trains nothing.
        sealed=np.array([int(source.content_hash[-4:], 16) % 10 == 0 for source in sources]),
    )


def _measure(column: str, wrong: np.ndarray, examples: Examples, settings: ScoreSettings) -> None:
    judged = out_of_fold(examples, settings)
    voices = {"committee": judged.pred_probs} | dict(
        zip(judged.member_names, judged.committee_probs, strict=True)
    )
    print(f"{column}: {wrong.mean():.1%} of {wrong.size:,} labels wrong")  # noqa: T201
    print(f"  {'':<12}" + "".join(f"{name:>20}" for name in ORDERS))  # noqa: T201
    for name, probs in voices.items():
        print(f"  {name:<12}" + "".join(_columns(examples, probs, wrong)))  # noqa: T201


def _columns(examples: Examples, probs: PredProbs, wrong: np.ndarray) -> list[str]:
    evidence = Evidence(examples.labels, probs)
    found = [average_precision_score(wrong, 1 - SIGNALS[name](evidence)) for name in ORDERS]
    return [f"{precision:>20.4f}" for precision in found]


if __name__ == "__main__":
    main()
