"""What every signal promises."""

from __future__ import annotations

import numpy as np
import pytest

from cleaner.predictions import Evidence
from cleaner.signals import SIGNALS, Signal


def _evidence(items: int = 30, classes: int = 4, *, voices: int = 3) -> Evidence:
    rng = np.random.default_rng(items * classes + voices)
    several = rng.dirichlet(np.ones(classes), size=(voices, items))
    return Evidence(
        labels=rng.integers(0, classes, items),
        pred_probs=several.mean(axis=0),
        view_probs=several,
        committee_probs=several,
        member_names=("neighbours", "ridge", "mlp")[:voices],
    )


@pytest.fixture(params=sorted(SIGNALS))
def signal(request: pytest.FixtureRequest) -> Signal:
    return SIGNALS[request.param]


@pytest.mark.parametrize(("items", "classes", "voices"), [(30, 4, 3), (1, 2, 1), (5, 1, 2)])
def test_one_finite_quality_an_item_from_0_to_1(
    signal: Signal, items: int, classes: int, voices: int
) -> None:
    quality = signal(_evidence(items, classes, voices=voices))
    assert quality.shape == (items,)
    assert ((quality >= 0) & (quality <= 1)).all()


def test_no_items_give_no_qualities(signal: Signal) -> None:
    assert signal(_evidence(items=0)).shape == (0,)


def test_the_evidence_is_left_as_it_was(signal: Signal) -> None:
    evidence = _evidence()
    before = evidence.pred_probs.copy(), evidence.labels.copy()
    signal(evidence)
    np.testing.assert_array_equal(evidence.pred_probs, before[0])
    np.testing.assert_array_equal(evidence.labels, before[1])


def test_an_unanimous_certain_label_is_trusted_more_than_a_disputed_one(signal: Signal) -> None:
    certain = np.array([0.98, 0.01, 0.01])
    voices = np.stack([[certain, certain], [certain, certain[::-1]], [certain, certain[[1, 0, 2]]]])
    evidence = Evidence(
        np.zeros(2, np.int64),
        voices.mean(axis=0),
        voices,
        voices,
        member_names=("ridge", "mlp", "neighbours"),
    )
    trusted, disputed = signal(evidence)
    assert trusted > disputed
