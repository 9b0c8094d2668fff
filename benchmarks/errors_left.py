"""How often the interval of the errors left holds the truth, and whether the stop rule is in time.

    python -m benchmarks.errors_left PHOTOS TRUTH.csv --given label_5pct --given label_25pct

The truth table is that of benchmarks/ranking.py, with true labels. The committee scores the photos
anew in each round, after a reviewer has settled all that the queue put up. That is done once for
each column of labels. Each run then draws a sample of its own and reviews sample and queue with
errors of its own (--slip), from the rankings of those rounds, and asks at the start, half-way
through the first queue and after each round what is left; the true number is counted beside it.

The best moment to stop is after the last round that took away at least one wrong label in a
thousand, net of those that the reviewer's own mistakes brought in.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import truth
from benchmarks.scored import score
from cleaner.arrays import ItemMask, LabelQuality, Labels
from cleaner.decisions import Round
from cleaner.estimates import lots, stopping
from cleaner.estimates.errors_left import Cell, Estimate, Reviewing, estimate
from cleaner.estimates.lots import Lots
from cleaner.estimates.stopping import LEAST_SHARE
from cleaner.learning.scoring import Examples
from cleaner.queue import fitting
from cleaner.settings import DEFAULT_BACKBONES, ScoreSettings


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """What one round said of the photos.

    Attributes:
        wrong: (item,), the chance that each label is wrong.
        position: (item,), place in the queue.
        flagged: (item,), whether it is put up for review.
    """

    wrong: LabelQuality
    position: np.ndarray
    flagged: ItemMask


@dataclass(frozen=True, slots=True)
class Asked:
    """What was estimated at one moment of one run, and what was true.

    Attributes:
        moment: start, half, or the number of a round.
        covered: whether the interval held the number of errors left.
        classes_covered: in how many classes it did, 0..1.
        true_rate: share of the labels that were wrong.
        rate: what was estimated.
        width: of the interval.
    """

    moment: str
    covered: bool
    classes_covered: float
    true_rate: float
    rate: float
    width: float


def main(words: Sequence[str] | None = None) -> None:
    """Print a table of coverage and one of stops for each column and reviewer."""
    arguments = _arguments(words)
    settings = ScoreSettings(DEFAULT_BACKBONES, seed=arguments.seed)
    known = truth.read(arguments.photos, arguments.truth, arguments.given, arguments.truth_column)
    features = truth.features_of(known.sources, settings, arguments.cache)
    figures: dict[str, Any] = {}
    for labelling in known.labellings:
        if labelling.true_labels is None:
            raise SystemExit(f"{arguments.truth}: the true label of every photo is needed.")
        examples = truth.examples(known.sources, features, labelling, unsealed=False)
        true_labels = labelling.numbered(labelling.true_labels)
        course = list(_course(examples, true_labels, settings, rounds=arguments.rounds))
        for slip in arguments.slip or (0.0, 0.05):
            trial = Trial(examples.labels, true_labels, tuple(course), arguments.size, slip)
            runs = [trial.run(seed) for seed in range(arguments.runs)]
            name = f"{labelling.name}, {slip:.0%} of decisions wrong"
            figures[name] = _summary(runs)
            print(_table(name, figures[name]), flush=True)  # noqa: T201
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--given", required=True, action="append", metavar="COLUMN")
    parser.add_argument("--truth-column", default="true_label", metavar="COLUMN")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--size", type=int, default=200, help="photos drawn at random")
    parser.add_argument("--slip", type=float, action="append", help="default: 0 and 0.05")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", type=Path, default=Path("build/benchmarks"))
    parser.add_argument("--json", type=Path, help="keep all figures here")
    return parser.parse_args(words)


def _course(
    examples: Examples, true_labels: Labels, settings: ScoreSettings, *, rounds: int
) -> Iterator[Ranked]:
    """Yield what each round says, once all that the rounds before put up is settled."""
    labels, settled = examples.labels, np.zeros(examples.labels.shape, bool)
    for _ in range(rounds):
        scored = score(replace(examples, labels=labels), settings)
        evidence = replace(scored.evidence, confirmed=settled)
        standard = fitting(evidence)
        right = standard.noise.posterior(evidence.pred_probs, labels)
        yield Ranked(1 - right, scored.position, scored.flagged & ~settled)
        settled = settled | scored.flagged
        labels = np.where(settled, true_labels, labels)


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """Runs with one noise and one kind of reviewer.

    Attributes:
        labels: (item,), as given.
        true_labels: (item,).
        course: what each round says.
        size: how many photos are drawn at random.
        slip: how often a decision is wrong, 0..1.
    """

    labels: Labels
    true_labels: Labels
    course: tuple[Ranked, ...]
    size: int
    slip: float

    def run(self, seed: int) -> tuple[list[Asked], int, int]:
        """Return what was asked, after which round the rule stops, and after which is best."""
        rng = np.random.default_rng(seed)
        first = self.course[0]
        drawn = lots.draw(first.wrong, self.labels, first.flagged, rng)
        sample = np.zeros(self.labels.shape, bool)
        sample[np.argsort(drawn.place)[: self.size]] = True
        slips = rng.random(self.labels.shape) < self.slip
        review = _Review(self, drawn, sample, slips)
        queue = np.flatnonzero(first.flagged)[np.argsort(first.position[first.flagged])]
        half = np.zeros(self.labels.shape, bool)
        half[queue[: queue.size // 2]] = True
        asked = [review.ask("start", sample), review.ask("half", sample | half)]
        reviewed, lefts, changes = sample, [review.wrong(np.zeros_like(sample))], []
        stopped = len(self.course)
        for number, ranked in enumerate(self.course, 1):
            before = reviewed if number > 1 else np.zeros_like(sample)
            reviewed = reviewed | ranked.flagged
            asked.append(review.ask(str(number), reviewed))
            lefts.append(review.wrong(reviewed))
            changes.append(review.round(number, before, reviewed))
            verdict = stopping.verdict(changes, review.estimate(reviewed).overall, None, awaiting=0)
            if verdict is not None and verdict.advice == "stop":
                stopped = min(stopped, number)
        return asked, stopped, _best(lefts, self.labels.size)


def _best(lefts: Sequence[int], images: int) -> int:
    """Return the last round that took away enough; 1 if none did: somebody has to begin."""
    enough = [
        number
        for number, (before, after) in enumerate(pairwise(lefts), 1)
        if before - after >= LEAST_SHARE * images
    ]
    return max(enough, default=1)


@dataclass(frozen=True, slots=True, eq=False)
class _Review:
    """One reviewer's decisions, whatever has been asked of them yet."""

    trial: Trial
    drawn: Lots
    sample: ItemMask
    slips: ItemMask

    @property
    def _told(self) -> ItemMask:
        """Which labels the reviewer finds wrong."""
        told: ItemMask = (self.trial.labels != self.trial.true_labels) ^ self.slips
        return told

    def _left(self, reviewed: ItemMask) -> ItemMask:
        was_wrong = self.trial.labels != self.trial.true_labels
        left: ItemMask = np.where(reviewed, self.slips, was_wrong)
        return left

    def wrong(self, reviewed: ItemMask) -> int:
        return int(self._left(reviewed).sum())

    def round(self, number: int, before: ItemMask, after: ItemMask) -> Round:
        new = after & ~before
        return Round(
            round_id=number,
            model_id="",
            images=new.size,
            flagged=int(self.trial.course[number - 1].flagged.sum()),
            reviewed=int(new.sum()),
            relabelled=int((new & self._told).sum()),
            excluded=0,
            accuracy=0.0,
            seconds={},
            started_at="",
            closed_at=None,
        )

    def estimate(self, reviewed: ItemMask) -> Estimate:
        confirmed = {
            str(label): int((reviewed & (self.trial.labels == label)).sum())
            for label in np.unique(self.trial.labels)
        }
        found = estimate(self._cells(reviewed), confirmed, Reviewing(self.trial.slip))
        if found is None:
            raise SystemExit("The sample is too small for an estimate. Give a larger --size.")
        return found

    def _cells(self, reviewed: ItemMask) -> list[Cell]:
        cells = []
        told, sample = self._told, self.sample
        for band in np.unique(self.drawn.band):
            for label in np.unique(self.trial.labels):
                here = (self.drawn.band == band) & (self.trial.labels == label)
                counted = (here, here & reviewed, here & reviewed & told)
                of_sample = (here & sample, here & sample & told)
                numbers = [int(mask.sum()) for mask in (*counted, *of_sample)]
                cells.append(Cell(int(band), str(label), *numbers))
        return cells

    def ask(self, moment: str, reviewed: ItemMask) -> Asked:
        found, left = self.estimate(reviewed), self._left(reviewed)
        # A class holds what came into it; what left it is counted where it is now.
        covered = [
            one.low <= left[self.trial.labels == int(label)].sum() <= one.high
            for label, one in found.classes.items()
        ]
        low, high = found.overall.interval
        return Asked(
            moment,
            covered=bool(found.overall.low <= left.sum() <= found.overall.high),
            classes_covered=float(np.mean(covered)),
            true_rate=float(left.mean()),
            rate=found.overall.rate,
            width=high - low,
        )


def _summary(runs: Sequence[tuple[list[Asked], int, int]]) -> dict[str, Any]:
    moments: dict[str, list[Asked]] = {}
    for asked, _, _ in runs:
        for one in asked:
            moments.setdefault(one.moment, []).append(one)
    names = ("covered", "classes_covered", "true_rate", "rate", "width")
    late = [stopped - best for _, stopped, best in runs]
    return {
        "runs": len(runs),
        "moments": {
            moment: {name: float(np.mean([getattr(one, name) for one in all_])) for name in names}
            for moment, all_ in moments.items()
        },
        "covered": float(np.mean([one.covered for asked, _, _ in runs for one in asked])),
        "within_one_round": float(np.mean([abs(one) <= 1 for one in late])),
        "mean_rounds_late": float(np.mean(late)),
    }


def _table(name: str, summary: dict[str, Any]) -> str:
    heads = ("interval holds the truth", "of a class", "truly wrong", "estimated", "width")
    lines = [f"| {name}: asked | {' | '.join(heads)} |", "|---" * 6 + "|"]
    for moment, one in summary["moments"].items():
        lines.append(
            f"| {moment} | {one['covered']:.1%} | {one['classes_covered']:.1%} "
            f"| {one['true_rate']:.2%} | {one['rate']:.2%} | {one['width']:.2%} |"
        )
    late = f"{summary['mean_rounds_late']:+.2f} rounds late on average"
    in_time = f"stops within a round of the best moment in {summary['within_one_round']:.1%}"
    lines.append(f"{summary['runs']} runs: all {summary['covered']:.1%}; {in_time}, {late}.")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
