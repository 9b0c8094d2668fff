"""When a model answers "unknown"."""

from __future__ import annotations

import numpy as np
import pytest

from cleaner.learning.rejection import threshold


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
def test_no_more_known_images_are_turned_away_than_asked_for(share: float) -> None:
    rng = np.random.default_rng(0)
    turned_away = []
    for _trial in range(200):
        least = threshold(rng.beta(5, 1, 300), share)
        assert least is not None
        turned_away.append((rng.beta(5, 1, 1000) < least).mean())
    assert share / 2 < np.mean(turned_away) <= 1.05 * share


def test_too_few_images_choose_nothing() -> None:
    assert threshold(np.full(18, 0.9)) is None
    assert threshold(np.linspace(0.1, 0.9, 19)) == pytest.approx(0.1)
