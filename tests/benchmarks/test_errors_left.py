"""The simulation of reviews that says how often the interval holds the truth."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.errors_left import Ranked, Trial

_IMAGES, _CLASSES = 1_500, 4


def _course(wrong: np.ndarray, rng: np.random.Generator) -> tuple[Ranked, ...]:
    """Return three rounds: the first sees most errors, the second some, the third none."""
    score = rng.normal(np.where(wrong, 2.5, -3.0), 1.2)
    chance = 1 / (1 + np.exp(-2 * score))
    position = np.argsort(np.argsort(-chance))
    first = chance > 0.5
    second = ~first & (score > -1)
    return tuple(
        Ranked(chance, position, flagged) for flagged in (first, second, np.zeros_like(first))
    )


@pytest.mark.parametrize("slip", [0.0, 0.05])
def test_intervals_hold_the_truth_and_the_rule_stops_in_time(slip: float) -> None:
    rng = np.random.default_rng(1)
    true_labels = rng.integers(0, _CLASSES, _IMAGES)
    wrong = rng.random(_IMAGES) < 0.1
    labels = np.where(wrong, (true_labels + 1) % _CLASSES, true_labels)
    trial = Trial(labels, true_labels, _course(wrong, rng), 200, slip)
    runs = [trial.run(seed) for seed in range(15)]
    assert np.mean([one.covered for asked, _, _ in runs for one in asked]) >= 0.88
    assert np.mean([abs(stopped - best) <= 1 for _, stopped, best in runs]) >= 0.9
    assert [one.moment for one in runs[0][0]] == ["start", "half", "1", "2", "3"]
