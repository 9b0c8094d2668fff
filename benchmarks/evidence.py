"""How long the evidence beside a suspect takes: images like it, duplicates and votes.

    python -m benchmarks.evidence --images 10000 100000 --classes 2 10 100

Features are made up. "First" opens what the round left; "decided" is the first answer after a
decision; "any" is that for a suspect chosen at random, as the page asks for it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.rescore import made_up_project, made_up_round
from cleaner.exhibits import Showcase
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.rescoring import Kept, Testimony

ANSWERS = 60
DECISIONS = 20
# Reduced features are as wide in a round; the rows that decisions are followed with play no part.
REDUCED, WIDTH = 256, 32
MEMBERS = ("ridge", "mlp", "linear", "neighbours")


def main() -> None:
    """Measure, and print one line for each number of images and classes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--images", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--classes", type=int, nargs="+", default=[2, 10, 100])
    arguments = parser.parse_args()
    _say(f"{'images':>9} {'classes':>8} {'first':>9} {'any':>9} {'95% below':>10} {'decided':>9}")
    for images in arguments.images:
        for classes in arguments.classes:
            with tempfile.TemporaryDirectory() as folder:
                _measure(Path(folder), images, classes)


def _measure(folder: Path, images: int, classes: int) -> None:
    kept, probs = made_up_round(images, classes, WIDTH)
    project = made_up_project(folder, replace(kept, testimony=_testimony(kept, probs)), probs)
    showcase = Showcase(project.store, project.state)
    chosen = np.random.default_rng(1).integers(1, images + 1, ANSWERS).tolist()
    first = _milliseconds(lambda: showcase.exhibits(chosen[0]))
    any_of_them = [_milliseconds(partial(showcase.exhibits, number)) for number in chosen]
    decided = [_decided(project, showcase, number) for number in chosen[:DECISIONS]]
    middle, high = np.percentile(any_of_them, [50, 95])
    _say(
        f"{images:>9,} {classes:>8} {first:>6.1f} ms {middle:>6.1f} ms {high:>7.1f} ms "
        f"{np.median(decided):>6.1f} ms"
    )
    project.store.close()


def _decided(project: Project, showcase: Showcase, number: int) -> float:
    project.decide([Request(number, "accept")])
    return _milliseconds(partial(showcase.exhibits, number))


def _milliseconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return (time.perf_counter() - began) * 1e3


def _testimony(kept: Kept, probs: np.ndarray) -> Testimony:
    """Return features that are alike within a class, and members of one mind."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((len(kept.class_names), REDUCED), dtype=np.float32)
    likeness = centres[kept.labels]
    likeness += rng.standard_normal(likeness.shape, dtype=np.float32)
    likeness /= np.linalg.norm(likeness, axis=1, keepdims=True)
    votes = np.repeat(probs.astype(np.float16)[:, None], len(MEMBERS), axis=1)
    return Testimony(
        likeness=likeness.astype(np.float16),
        votes=votes,
        basis=np.zeros((WIDTH, WIDTH), np.float32),
        taught=np.zeros((WIDTH, len(kept.class_names))),
        means=np.zeros(WIDTH - 1, np.float32),
        sound=rng.random(len(kept.labels)) < 0.5,
        weights=np.full(len(MEMBERS), 1 / len(MEMBERS)),
        member_names=MEMBERS,
    )


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
