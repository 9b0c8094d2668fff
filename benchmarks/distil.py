"""Does the committee teach a small network better than the labels alone do?

    python -m benchmarks.distil imagenette imagenette_noise.csv --given label_25pct

The table is that of `benchmarks.loop`. Some photos are learnt from with the labels named by
--given, by the committee out of fold and then by a MobileNet; the rest are sealed, and the
MobileNet's answers are held to their true labels. Printed is the share of right ones, over all
seeds, and the gain beside the labels alone, with the interval of a paired difference; a photo
counts anew with each seed, so with several seeds that interval is too narrow.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cleaner.backbones import open_backbone
from cleaner.learning import final, scoring
from cleaner.learning.architectures import open_architecture
from cleaner.learning.bottlenecks import Source, committee_features
from cleaner.learning.gain import measured, predicted
from cleaner.learning.scoring import Examples
from cleaner.learning.training_set import Photo, TrainingSet
from cleaner.progress import silent
from cleaner.settings import ScoreSettings, TrainSettings

_VALIDATION = 0.15


def main() -> None:
    """Measure, and print one line a labelling, share and seed, and one for all seeds."""
    arguments = _arguments()
    with arguments.truth.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    order = np.random.default_rng(0).permutation(len(rows))
    rows = [rows[place] for place in order[: arguments.learnt + arguments.tested]]
    with tempfile.TemporaryDirectory() as scratch:
        for given in arguments.given:
            _compare(rows, given, arguments, Path(scratch))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("photos", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--given", action="append", required=True)
    parser.add_argument("--model", default="mobilenet_v2_1.0_128")
    parser.add_argument("--weights", default="auto", help="as for `train`")
    parser.add_argument("--learnt", type=int, default=2_000)
    parser.add_argument("--tested", type=int, default=1_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--share", type=float, action="append", help="[default: 0.5 and 0.9]")
    parser.add_argument("--epochs", type=int, default=TrainSettings().fine_tune_epochs)
    parser.add_argument("--views", type=int, default=ScoreSettings().views)
    return parser.parse_args()


def _compare(
    rows: Sequence[dict[str, str]], given: str, arguments: argparse.Namespace, scratch: Path
) -> None:
    names = sorted({row["true_label"] for row in rows})
    learnt = [_photo(row, row[given], names, arguments.photos) for row in rows[: arguments.learnt]]
    tested = [
        _photo(row, row["true_label"], names, arguments.photos) for row in rows[arguments.learnt :]
    ]
    teacher = _teacher(learnt, names, arguments.views, scratch)
    truth = np.array([names.index(row["true_label"]) for row in rows[: arguments.learnt]])
    said = np.array([teacher[photo.source.content_hash].argmax() for photo in learnt])
    right = np.mean([photo.label for photo in learnt] == truth)
    print(f"{given}: {right:.1%} of the labels right, the teacher {np.mean(said == truth):.1%}")  # noqa: T201
    cut = round(len(learnt) * (1 - _VALIDATION))
    photos = TrainingSet(tuple(names), tuple(learnt[:cut]), tuple(learnt[cut:]), tuple(tested), {})
    answers: dict[float, list[dict[str, Any]]] = {}
    for share in (0.0, *(arguments.share or (0.5, 0.9))):
        answers[share] = []
        for seed in range(arguments.seeds):
            found = _student(photos, share, seed, teacher, arguments, scratch)
            answers[share] += found
            hits = np.mean([one["true"] == one["predicted"] for one in found])
            print(f"  share {share:g}, seed {seed}: {hits:.1%}", flush=True)  # noqa: T201
        before = {one["path"]: one["predicted"] for one in answers[0.0]}
        gain = measured(before, answers[share])
        low, high = (100 * end for end in gain["gain_interval"])
        print(  # noqa: T201
            f"  share {share:g}: {100 * gain['gain']:+.1f} points ({low:+.1f} to {high:+.1f})",
            flush=True,
        )


def _photo(row: dict[str, str], label: str, names: Sequence[str], root: Path) -> Photo:
    path = root / row["path"]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    # The side only decides who shares a decoded picture.
    return Photo(Source(path, root, digest), row["path"], names.index(label), 0, 1)


def _teacher(
    photos: Sequence[Photo], names: Sequence[str], views: int, scratch: Path
) -> dict[str, np.ndarray]:
    settings = ScoreSettings(views=views)
    found = committee_features(
        [photo.source for photo in photos],
        [open_backbone(name, settings.precision) for name in settings.backbones],
        views=views,
        seed=0,
        cache_folder=scratch,
    )
    count = len(photos)
    examples = Examples(
        item_ids=np.arange(count),
        view_features=tuple(each.features for each in found),
        labels=np.array([photo.label for photo in photos]),
        class_names=tuple(names),
        groups=np.arange(count),
        sealed=np.zeros(count, bool),
    )
    probs = scoring.out_of_fold(examples, settings).pred_probs.astype(np.float32)
    return {photo.source.content_hash: row for photo, row in zip(photos, probs, strict=True)}


def _student(
    photos: TrainingSet,
    share: float,
    seed: int,
    teacher: dict[str, np.ndarray],
    arguments: argparse.Namespace,
    scratch: Path,
) -> list[dict[str, Any]]:
    backbone = open_architecture(arguments.model, scratch, weights=arguments.weights)
    settings = TrainSettings(
        arguments.model,
        distil=share,
        seed=seed,
        fine_tune_epochs=arguments.epochs,
        weights=arguments.weights,
    )
    with tempfile.TemporaryDirectory() as snapshots:
        snapshot = Path(snapshots) / "fine_tune.npz"
        task = final._Task(backbone, settings, snapshot, scratch, teacher, silent)
        trained = final._train(task, replace(photos, notes=()))
    found = predicted(trained.network.model, photos.test, photos.class_names, silent)
    return [
        {
            # Of each seed: a photo is as many cases as there are seeds.
            "path": f"{seed}/{photo.path}",
            "true": photos.class_names[photo.label],
            "predicted": found[photo.path],
        }
        for photo in photos.test
        if photo.path in found
    ]


if __name__ == "__main__":
    main()
