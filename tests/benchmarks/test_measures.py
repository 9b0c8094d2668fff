from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from benchmarks import measures
from benchmarks.measures import Interval, Ranking, measured
from benchmarks.truth import Labelling


def _labelling(wrong: np.ndarray, *, is_complete: bool = True) -> Labelling:
    labels = tuple("a" if is_wrong else "b" for is_wrong in wrong)
    return Labelling("given", labels, ("b",) * wrong.size if is_complete else None, wrong)


def _figures(ranking: Ranking, wrong: np.ndarray) -> dict[str, Interval]:
    return measured([ranking], _labelling(wrong), seed=0)[0]


@pytest.fixture
def noisy() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    wrong = rng.random(400) < 0.2
    # Rounded, so that many share a place.
    return wrong, np.round(wrong + rng.normal(size=400), 1)


def test_average_precision_and_auroc_are_those_of_scikit_learn(
    noisy: tuple[np.ndarray, np.ndarray],
) -> None:
    wrong, suspicion = noisy
    figures = _figures(Ranking("ours", suspicion), wrong)
    expected = average_precision_score(wrong, suspicion)
    assert figures[measures.AVERAGE_PRECISION].value == pytest.approx(expected)
    assert figures["AUROC"].value == pytest.approx(roc_auc_score(wrong, suspicion))


def test_best_f1_is_that_of_the_best_of_all_cuts(noisy: tuple[np.ndarray, np.ndarray]) -> None:
    wrong, suspicion = noisy
    best = max(f1_score(wrong, suspicion >= cut) for cut in suspicion)
    assert _figures(Ranking("ours", suspicion), wrong)[measures.BEST_F1].value == pytest.approx(
        best
    )


def test_f1_at_the_cut_off_is_that_of_the_flagged(noisy: tuple[np.ndarray, np.ndarray]) -> None:
    wrong, suspicion = noisy
    figures = _figures(Ranking("ours", suspicion, suspicion > 1), wrong)
    assert figures[measures.F1_AT_CUT].value == pytest.approx(f1_score(wrong, suspicion > 1))


def test_a_perfect_ranking_is_perfect_in_every_figure() -> None:
    wrong = np.arange(100) < 10
    figures = _figures(Ranking("ours", -np.arange(100.0), wrong), wrong)
    assert figures["recall after 5%"].value == 0.5
    assert figures["recall after 10%"].value == 1
    assert figures["precision at the noise rate"].value == 1
    assert figures[measures.AVERAGE_PRECISION] == Interval(1, 1, 1)


def test_what_shares_a_place_is_found_evenly() -> None:
    wrong = np.arange(100) < 10
    figures = _figures(Ranking("all alike", np.zeros(100)), wrong)
    assert figures["recall after 20%"].value == pytest.approx(0.2)
    assert figures["precision at 5%"].value == pytest.approx(0.1)
    assert figures["AUROC"].value == pytest.approx(0.5)


def test_an_interval_holds_its_figure(noisy: tuple[np.ndarray, np.ndarray]) -> None:
    wrong, suspicion = noisy
    found = _figures(Ranking("ours", suspicion), wrong)[measures.AVERAGE_PRECISION]
    assert found.low < found.value < found.high
    assert 0.02 < found.high - found.low < 0.3


def test_the_lead_over_the_same_ranking_is_nothing(noisy: tuple[np.ndarray, np.ndarray]) -> None:
    wrong, suspicion = noisy
    rankings = [Ranking("ours", suspicion), Ranking("twin", suspicion * 2)]
    _ours, twin = measured(rankings, _labelling(wrong), seed=0)
    assert twin[measures.LEAD] == Interval(0, 0, 0)


def test_confidence_that_comes_true_is_calibrated() -> None:
    wrong = np.arange(100) < 25
    pred_probs = np.tile([0.25, 0.75], (100, 1))
    figures = _figures(Ranking("ours", np.arange(100.0), None, pred_probs), wrong)
    assert figures[measures.CALIBRATION_ERROR].value == pytest.approx(0)


def test_of_a_list_of_disputed_labels_only_recalls_are_told() -> None:
    wrong = np.arange(100) < 10
    (figures,) = measured(
        [Ranking("ours", -np.arange(100.0), wrong)], _labelling(wrong, is_complete=False), seed=0
    )
    assert {name.partition(" ")[0] for name in figures} == {"recall"}


def test_labels_without_any_error_are_refused() -> None:
    with pytest.raises(SystemExit, match="every label is right"):
        _figures(Ranking("ours", np.zeros(5)), np.zeros(5, bool))
