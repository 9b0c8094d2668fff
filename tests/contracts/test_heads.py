"""What every head promises."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cleaner.errors import JobCancelled
from cleaner.learning.folds import SEALED
from cleaner.learning.heads import HEADS, Head
from cleaner.progress import Progress, silent
from tests.learning.samples import here_and_on_disk, noisy_classes


@pytest.fixture(params=sorted(HEADS))
def head(request: pytest.FixtureRequest) -> Head:
    return HEADS[request.param]


def test_every_item_gets_probabilities_that_sum_to_1(head: Head) -> None:
    data, _ = noisy_classes()
    votes = head(data, silent)
    for probs in (votes.pred_probs, votes.view_probs):
        if probs is not None:
            np.testing.assert_allclose(probs.sum(axis=-1), 1, atol=1e-6)


def test_the_truth_is_found_behind_wrong_labels(head: Head) -> None:
    data, truth = noisy_classes(wrong=12)
    assert (head(data, silent).pred_probs.argmax(axis=1) == truth).mean() > 0.9


def test_the_same_seed_gives_the_same_votes(head: Head) -> None:
    data, _ = noisy_classes(items=80)
    first, again = head(data, silent), head(data, silent)
    np.testing.assert_allclose(first.pred_probs, again.pred_probs, atol=1e-6)


def test_no_item_is_judged_by_a_model_that_saw_its_label(head: Head) -> None:
    """Renaming one item's label must not move its own out-of-fold probabilities much.

    A model that had seen the item would swing towards the new label.
    """
    data, truth = noisy_classes(items=80, wrong=0)
    labels = data.labels.copy()
    labels[0] = (truth[0] + 1) % 4
    votes = head(replace(data, labels=labels), silent)
    assert votes.pred_probs[0].argmax() == truth[0]


def test_sealed_items_train_nothing_and_are_judged(head: Head) -> None:
    data, truth = noisy_classes()
    sealed = data.fold == SEALED
    labels = data.labels.copy()
    labels[sealed] = 0
    votes = head(replace(data, labels=labels), silent)
    assert (votes.pred_probs[sealed].argmax(axis=1) == truth[sealed]).mean() > 0.8


def test_features_on_disk_give_the_same_votes(head: Head, tmp_path: Path) -> None:
    data, _ = noisy_classes(items=80)
    here, on_disk = here_and_on_disk(data, tmp_path)
    votes, again = head(here, silent), head(on_disk, silent)
    np.testing.assert_allclose(again.pred_probs, votes.pred_probs, atol=1e-5)


def test_a_cancelled_head_stops(head: Head) -> None:
    def cancel(_progress: Progress) -> None:
        raise JobCancelled("Enough.")

    with pytest.raises(JobCancelled):
        head(noisy_classes()[0], cancel)
