"""How fast a reviewer gets rid of wrong labels: the queue beside cleanlab's order and chance.

    python -m benchmarks.rounds PHOTOS TRUTH.csv --given label_25pct --rounds 5 --share 0.05

The truth table is that of benchmarks/ranking.py, with true labels. In every round a simulated
reviewer settles the first photos of the order by the truth; the models learn from the settled
labels and rank anew. Nothing settled is asked again. With --slip the reviewer errs: that share
of the time a wrong label is accepted, or a right one changed to what is suggested.

Prints a line a round: photos reviewed, wrong labels left, and the committee's accuracy on the
sealed photos (which train nothing) against their true labels.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks import peers, plots, truth
from benchmarks.scored import Scored, score
from cleaner.arrays import Features, ItemMask, Labels
from cleaner.estimates.intervals import wilson_interval
from cleaner.learning.scoring import Examples
from cleaner.settings import DEFAULT_BACKBONES, ScoreSettings

Order = Callable[[Scored, Labels], np.ndarray]


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a review stands after some rounds."""

    reviewed: int
    wrong_left: int
    accuracy: float
    accuracy_interval: tuple[float, float]


def main(words: Sequence[str] | None = None) -> None:
    """Review in each order, print a table, and keep figures and plot where asked for."""
    arguments = _arguments(words)
    settings = ScoreSettings(
        tuple(arguments.backbone or DEFAULT_BACKBONES), arguments.views, seed=arguments.seed
    )
    known = truth.read(arguments.photos, arguments.truth, [arguments.given], arguments.truth_column)
    (labelling,) = known.labellings
    if labelling.true_labels is None:
        raise SystemExit(f"{arguments.truth}: a review needs the true label of every photo.")
    features = truth.features_of(known.sources, settings, arguments.cache)
    examples = truth.examples(known.sources, features, labelling, unsealed=False)
    review = Review(
        examples,
        labelling.numbered(labelling.true_labels),
        settings,
        rounds=arguments.rounds,
        per_round=max(1, round(arguments.share * examples.labels.size)),
        slip=arguments.slip,
    )
    first = score(examples, settings)
    orders = _orders(features[0][0], settings.seed, arguments.cache, peer=arguments.peers)
    courses = {}
    for name, order in orders.items():
        courses[name] = [*review.course(order, first)]
        print(_table(name, courses[name]), flush=True)  # noqa: T201
    if arguments.json:
        plain = {name: [asdict(stand) for stand in course] for name, course in courses.items()}
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
    if arguments.plot:
        plots.draw_rounds(courses, arguments.plot)


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--given", required=True, metavar="COLUMN")
    parser.add_argument("--truth-column", default="true_label", metavar="COLUMN")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--share", type=float, default=0.02, help="reviewed in a round, 0..1")
    parser.add_argument("--slip", type=float, default=0.0, help="how often the reviewer errs, 0..1")
    parser.add_argument(
        "--backbone", action="append", help=f"default: {' and '.join(DEFAULT_BACKBONES)}"
    )
    parser.add_argument("--views", type=int, default=ScoreSettings().views)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--cache", type=Path, default=Path("build/benchmarks"))
    parser.add_argument("--json", type=Path, help="keep all figures here")
    parser.add_argument("--plot", type=Path, help="keep a picture here: .svg or .png")
    return parser.parse_args(words)


@dataclass(frozen=True, slots=True)
class Review:
    """A simulated review.

    Attributes:
        examples: with the labels as given.
        true_labels: (item,).
        settings: of the scoring.
        rounds: how many there are.
        per_round: photos settled in each.
        slip: how often the reviewer errs, 0..1.
    """

    examples: Examples
    true_labels: Labels
    settings: ScoreSettings
    rounds: int
    per_round: int
    slip: float = 0.0

    def course(self, order: Order, first: Scored) -> Iterator[Stand]:
        """Yield where the review stands before the first round and after each.

        `first` is the score of the given labels, which is the same for every order.
        """
        # Every order meets the same reviewer: the same slips at the same places of the review.
        rng = np.random.default_rng(self.settings.seed)
        labels, scored = self.examples.labels, first
        settled = np.zeros(labels.size, bool)
        yield self._stand(labels, settled, scored)
        for _ in range(self.rounds):
            ranked = order(scored, labels)
            asked = ranked[~settled[ranked]][: self.per_round]
            labels = self._settle(asked, labels, scored.suggested, rng)
            settled[asked] = True
            scored = score(replace(self.examples, labels=labels), self.settings)
            yield self._stand(labels, settled, scored)

    def _settle(
        self, asked: np.ndarray, labels: Labels, suggested: Labels, rng: np.random.Generator
    ) -> Labels:
        """Return the labels after the reviewer has seen the photos that are asked for."""
        slips = asked[rng.random(asked.size) < self.slip]
        was_right = slips[labels[slips] == self.true_labels[slips]]
        was_wrong = slips[labels[slips] != self.true_labels[slips]]
        after = labels.copy()
        after[asked] = self.true_labels[asked]
        after[was_right] = suggested[was_right]
        after[was_wrong] = labels[was_wrong]
        return after

    def _stand(self, labels: Labels, settled: ItemMask, scored: Scored) -> Stand:
        sealed = self.examples.sealed
        predicted = scored.judged.pred_probs[sealed].argmax(axis=1)
        hits = int((predicted == self.true_labels[sealed]).sum())
        photos = int(sealed.sum())
        return Stand(
            reviewed=int(settled.sum()),
            wrong_left=int((labels != self.true_labels).sum()),
            accuracy=hits / max(photos, 1),
            accuracy_interval=wilson_interval(hits, photos),
        )


def _orders(plain: Features, seed: int, cache_folder: Path, *, peer: bool) -> dict[str, Order]:
    """Return the orders by name; `plain` are the features that cleanlab's model learns from."""

    def queue(scored: Scored, _labels: Labels) -> np.ndarray:
        return np.argsort(scored.position)

    def self_confidence(scored: Scored, labels: Labels) -> np.ndarray:
        classes = len(scored.judged.class_names)
        pred_probs = peers.Regression(plain, labels, classes, seed, cache_folder).tuned()
        return np.argsort(pred_probs[np.arange(labels.size), labels], kind="stable")

    def chance(_scored: Scored, labels: Labels) -> np.ndarray:
        return np.random.default_rng(seed).permutation(labels.size)

    orders = {"Cleaner": queue, "tuned cleanlab": self_confidence, "random": chance}
    return {name: order for name, order in orders.items() if peer or order is not self_confidence}


def _table(name: str, course: list[Stand]) -> str:
    lines = [f"| {name}: reviewed | wrong left | accuracy on sealed photos |", "|---|---|---|"]
    for stand in course:
        low, high = stand.accuracy_interval
        lines.append(
            f"| {stand.reviewed:,} | {stand.wrong_left:,} "
            f"| {stand.accuracy:.1%} ({low:.1%} to {high:.1%}) |"
        )
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
