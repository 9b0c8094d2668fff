from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.rounds import Review, Stand
from benchmarks.scored import Scored, score
from cleaner.arrays import Labels
from cleaner.learning.scoring import Examples
from cleaner.settings import ScoreSettings
from tests.learning.samples import noisy_classes

SETTINGS = ScoreSettings(folds=2)
WRONG = 10


@pytest.fixture(scope="module")
def judged() -> tuple[Examples, Labels, Scored]:
    data, truth = noisy_classes(80, classes=2, views=1, wrong=WRONG)
    examples = Examples(
        np.arange(80), data.view_features, data.labels, ("a", "b"), data.groups, data.fold == -1
    )
    return examples, truth, score(examples, SETTINGS)


def _course(judged: tuple[Examples, Labels, Scored], *, slip: float = 0.0) -> list[Stand]:
    examples, truth, first = judged
    review = Review(examples, truth, SETTINGS, rounds=2, per_round=8, slip=slip)
    return list(review.course(lambda scored, _labels: np.argsort(scored.position), first))


def test_reviewing_the_queue_removes_wrong_labels(
    judged: tuple[Examples, Labels, Scored],
) -> None:
    left = [stand.wrong_left for stand in _course(judged)]
    assert left[0] == WRONG
    assert left[2] < left[1] < left[0]


def test_nothing_settled_is_asked_again(judged: tuple[Examples, Labels, Scored]) -> None:
    assert [stand.reviewed for stand in _course(judged)] == [0, 8, 16]


def test_a_reviewer_who_always_errs_removes_nothing(
    judged: tuple[Examples, Labels, Scored],
) -> None:
    assert all(stand.wrong_left >= WRONG for stand in _course(judged, slip=1))


def test_accuracy_is_that_on_sealed_photos(judged: tuple[Examples, Labels, Scored]) -> None:
    examples, truth, first = judged
    sealed = examples.sealed
    right = first.judged.pred_probs[sealed].argmax(axis=1) == truth[sealed]
    assert _course(judged)[0].accuracy == pytest.approx(right.mean())


def test_a_review_is_drawn(judged: tuple[Examples, Labels, Scored], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="requirements-benchmarks.txt is not installed")
    from benchmarks import plots

    plots.draw_rounds({"Cleaner": _course(judged)}, tmp_path / "plot.svg")
    assert "wrong labels left" in (tmp_path / "plot.svg").read_text()
