"""Models that never saw what they judge agree with sealed and other labels alike."""

from __future__ import annotations

import numpy as np
import pytest

from cleaner.estimates.agreement import Agreement, Own, alarm, gain

_NOISE, _IMAGES, _SEALED = 0.2, 2_000, 300


def _labels(rng: np.random.Generator, images: int) -> tuple[np.ndarray, np.ndarray]:
    true = rng.integers(0, 5, images)
    given = np.where(rng.random(images) < _NOISE, rng.integers(0, 5, images), true)
    return true, given


def _own(rng: np.random.Generator, *, memorises: bool, repaired: bool = False) -> Own:
    """Return what a model with an accuracy of 90% makes of noisy labels, or one that knows them."""
    found = []
    for images, trains in ((_IMAGES, True), (_SEALED, False)):
        true, given = _labels(rng, images)
        current = true if repaired else given
        predicted = np.where(rng.random(images) < 0.9, true, rng.integers(0, 5, images))
        if memorises and trains:
            predicted = current
        found.append(
            Agreement(
                images,
                agreeing=int((predicted == current).sum()),
                as_given=int((predicted == given).sum()),
                reviewed=images if repaired else 0,
            )
        )
    return Own(*found)


@pytest.mark.parametrize("repaired", [False, True])
def test_a_model_that_memorises_its_labels_sets_off_the_alarm(*, repaired: bool) -> None:
    for seed in range(20):
        own = _own(np.random.default_rng(seed), memorises=True, repaired=repaired)
        assert "memorised" in (alarm(own) or "")


@pytest.mark.parametrize("repaired", [False, True])
def test_an_honest_model_sets_off_none(*, repaired: bool) -> None:
    for seed in range(100):
        own = _own(np.random.default_rng(seed), memorises=False, repaired=repaired)
        assert alarm(own) is None


def test_suggestions_taken_without_looking_set_it_off() -> None:
    """Every label that trains was changed into what models say; the sealed ones were looked at."""
    own = Own(
        Agreement(1_000, agreeing=960, as_given=640, reviewed=400),
        Agreement(120, agreeing=80, as_given=77, reviewed=50),
    )
    assert alarm(own) is not None


def test_a_sealed_set_that_nobody_has_reviewed_yet_is_no_reason_for_one() -> None:
    own = Own(
        Agreement(1_000, agreeing=970, as_given=740, reviewed=300),
        Agreement(120, agreeing=90, as_given=90, reviewed=0),
    )
    assert alarm(own) is None


def test_few_sealed_images_say_nothing() -> None:
    own = Own(Agreement(1_000, agreeing=990, as_given=990), Agreement(20, agreeing=2, as_given=2))
    assert alarm(own) is None


def test_a_gain_on_few_images_may_be_none() -> None:
    better = gain(gained=3, lost=1, images=40)
    assert better.value == pytest.approx(0.05)
    assert better.low < 0 < better.high
    assert gain(0, 0, 0).value == 0
