"""How well wrong labels are ranked and flagged, beside cleanlab and a vote of the neighbours.

    python -m benchmarks.ranking PHOTOS TRUTH.csv --given aggre --given worse

TRUTH.csv has a row a photo: its `path` or `file` (relative to PHOTOS) or `content_hash`, its
`true_label` (or another column, by --truth-column), and the columns named by --given with the
labels to be doubted. Or it has a column `image` and no true labels: then it lists the photos of
the class folders in PHOTOS whose label is disputed. Features are kept in --cache.

Prints a line for each labelling, and then all its figures, in percent with 95% intervals.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks import measures, peers, plots, tables, truth
from benchmarks.measures import Outcome, Ranking
from benchmarks.scored import score
from benchmarks.truth import Labelling, Truth
from cleaner.arrays import ViewFeatures
from cleaner.learning.heads import Head
from cleaner.learning.scoring import Examples
from cleaner.predictions import Evidence
from cleaner.settings import DEFAULT_BACKBONES, MODES, PRECISIONS, ScoreSettings
from cleaner.signals import SIGNALS

OURS = "Cleaner"


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print the tables, and keep figures and plot where that was asked for."""
    arguments = _arguments(words)
    settings = ScoreSettings(
        tuple(arguments.backbone or DEFAULT_BACKBONES),
        arguments.views,
        seed=arguments.seed,
        mode=arguments.mode,
        precision=arguments.precision,
    )
    known = truth.read(arguments.photos, arguments.truth, arguments.given, arguments.truth_column)
    features = truth.features_of(known.sources, settings, arguments.cache)
    more_heads = truth.more_heads(known.sources, settings, arguments.cache)
    peer_features = _peer_features(arguments, known, settings) if arguments.peers else {}
    outcomes = []
    for labelling in known.labellings:
        examples = truth.examples(known.sources, features, labelling, unsealed=arguments.unsealed)
        rankings = (
            *own_rankings(examples, settings, more_heads),
            *_best_peers(
                labelling, peer_features, seed=settings.seed, cache_folder=arguments.cache
            ),
        )
        figures = measures.measured(rankings, labelling, seed=settings.seed)
        outcomes.append(Outcome(labelling, rankings, figures))
        print(tables.all_figures(outcomes[-1]), flush=True)  # noqa: T201
    print(tables.summary(outcomes))  # noqa: T201
    if arguments.json:
        tables.write_json(outcomes, settings, arguments.json)
    if arguments.plot:
        plots.draw_rankings(outcomes, arguments.plot)


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--given", action="append", default=[], metavar="COLUMN")
    parser.add_argument("--truth-column", default="true_label", metavar="COLUMN")
    parser.add_argument(
        "--backbone", action="append", help=f"default: {' and '.join(DEFAULT_BACKBONES)}"
    )
    parser.add_argument("--views", type=int, default=ScoreSettings().views)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mode", choices=MODES, default=MODES[0])
    parser.add_argument("--precision", choices=PRECISIONS, default=ScoreSettings().precision)
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument(
        "--peer-backbone",
        action="append",
        help="networks among which the peers get the one that serves them best; default: ours",
    )
    parser.add_argument("--unsealed", action="store_true", help="let every photo train")
    parser.add_argument("--cache", type=Path, default=Path("build/benchmarks"))
    parser.add_argument("--json", type=Path, help="keep all figures here")
    parser.add_argument("--plot", type=Path, help="keep a picture here: .svg or .png")
    return parser.parse_args(words)


def own_rankings(
    examples: Examples, settings: ScoreSettings, more_heads: Mapping[str, Head] | None = None
) -> list[Ranking]:
    """Return the review queue's order, then that of the committee and each member alone."""
    scored = score(examples, settings, more_heads)
    judged, evidence = scored.judged, scored.evidence
    margin = SIGNALS["normalized_margin"](evidence)
    members = zip(judged.member_names, judged.committee_probs, strict=True)
    return [
        Ranking(OURS, -scored.position, scored.flagged, judged.pred_probs),
        Ranking("committee, normalized margin", 1 - margin, None, judged.pred_probs),
        *(
            Ranking(f"{name} alone", 1 - _own(probs, examples.labels), None, probs)
            for name, probs in members
        ),
    ]


def _own(probs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return SIGNALS["self_confidence"](Evidence(labels, probs))


def _peer_features(
    arguments: argparse.Namespace, known: Truth, settings: ScoreSettings
) -> dict[str, ViewFeatures]:
    names = tuple(arguments.peer_backbone or settings.backbones)
    plain = ScoreSettings(names, views=1, seed=settings.seed, precision=settings.precision)
    return dict(zip(names, truth.features_of(known.sources, plain, arguments.cache), strict=True))


def _best_peers(
    labelling: Labelling, features: Mapping[str, ViewFeatures], *, seed: int, cache_folder: Path
) -> Iterator[Ranking]:
    """Yield each peer on the backbone whose features serve it best, to ask the most of us."""
    classes = len(labelling.class_names)
    by_backbone = {
        name: peers.rankings(
            plain, labelling.numbers, classes, seed=seed, cache_folder=cache_folder
        )
        for name, (plain, *_) in features.items()
    }
    for same in zip(*by_backbone.values(), strict=True):
        quality = [measures.found_early(ranking, labelling) for ranking in same]
        best = int(np.argmax(quality))
        ranking = same[best]
        yield Ranking(
            f"{ranking.name} ({[*by_backbone][best]})",
            ranking.suspicion,
            ranking.flagged,
            ranking.pred_probs,
        )


if __name__ == "__main__":
    main()
