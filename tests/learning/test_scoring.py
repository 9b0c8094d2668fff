from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cleaner.errors import TooFewImages
from cleaner.learning.scoring import Examples, combined, member_weights, out_of_fold
from cleaner.settings import ScoreSettings
from tests.learning.samples import noisy_classes
from tests.noise import noisy


def _examples(wrong: int = 10) -> Examples:
    data, _ = noisy_classes(items=120, wrong=wrong)
    return Examples(
        item_ids=np.arange(120),
        view_features=data.view_features,
        labels=data.labels,
        class_names=("a", "b", "c", "d"),
        groups=data.groups,
        sealed=data.fold == -1,
    )


def test_the_committee_finds_the_planted_errors_and_its_rows_sum_to_1() -> None:
    examples = _examples(wrong=10)
    judged = out_of_fold(examples, ScoreSettings(views=2))
    own = judged.pred_probs[np.arange(120), examples.labels]
    np.testing.assert_allclose(judged.pred_probs.sum(axis=1), 1)
    assert set(np.argsort(own)[:10]) == set(range(10))
    assert judged.committee_probs.shape == (len(judged.member_names), 120, 4)


def test_one_class_is_refused_in_words() -> None:
    examples = _examples()
    with pytest.raises(TooFewImages, match="Only one class"):
        out_of_fold(replace(examples, labels=np.zeros(120, np.int64)), ScoreSettings())


def test_copies_of_one_picture_are_refused_in_words() -> None:
    examples = _examples()
    with pytest.raises(TooFewImages, match="copies of one picture"):
        out_of_fold(replace(examples, groups=np.zeros(120, np.int64)), ScoreSettings())


def test_a_member_that_knows_nothing_gets_no_share() -> None:
    examples = _examples(wrong=0)
    good = np.full((120, 4), 0.02)
    good[np.arange(120), examples.labels] = 0.94
    useless = np.random.default_rng(0).dirichlet(np.ones(4), size=120)
    everyone = np.ones(120, bool)
    mixed = combined(np.stack([good, useless]), examples.labels, everyone).probs
    assert (mixed.argmax(axis=1) == examples.labels).all()


def test_weights_do_not_reward_hedging_against_wrong_labels() -> None:
    """Of two members that know the classes alike, noise must not favour the timid one."""
    labels, _, probs = noisy(3000, 5, rate=0.25, seed=0)
    rng = np.random.default_rng(0)
    blurred = 0.3 * probs + 0.7 * rng.dirichlet(np.ones(5), size=3000)
    knowing, timid = member_weights(np.stack([probs, blurred]), labels)
    assert knowing > 5 * timid
    assert knowing > 1
