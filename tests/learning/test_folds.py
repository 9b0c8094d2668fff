from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cleaner.learning import folds


@given(
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=80),
    copies=st.integers(1, 4),
    count=st.integers(2, 6),
    seed=st.integers(0, 99),
)
def test_duplicates_share_a_fold_and_sealed_items_have_none(
    labels: list[int], copies: int, count: int, seed: int
) -> None:
    items = np.repeat(np.array(labels, np.int64), copies)
    groups = np.repeat(np.arange(len(labels)), copies)
    sealed = groups % 7 == 3
    fold = folds.stratified(
        items, groups, folds=count, sealed=sealed, rng=np.random.default_rng(seed)
    )
    assert (fold[sealed] == folds.SEALED).all()
    assert ((fold[~sealed] >= 0) & (fold[~sealed] < count)).all()
    for group in np.unique(groups):
        assert len(set(fold[groups == group])) == 1


def test_each_class_is_spread_evenly() -> None:
    labels = np.repeat(np.arange(3), [50, 20, 7])
    fold = folds.stratified(
        labels,
        np.arange(77),
        folds=5,
        sealed=np.zeros(77, bool),
        rng=np.random.default_rng(1),
    )
    for label, most in ((0, 10), (1, 4), (2, 2)):
        assert np.bincount(fold[labels == label], minlength=5).max() == most
