from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cleaner import memory
from cleaner.learning import inputs, ridge_in_parts
from cleaner.learning.heads import TrainingData
from cleaner.learning.heads.ridge import ridge
from cleaner.learning.ridge_in_parts import RidgeInParts
from cleaner.learning.scoring import Examples, out_of_fold
from cleaner.progress import silent
from cleaner.settings import ScoreSettings
from tests.learning.samples import here_and_on_disk, noisy_classes

PENALTY = 1e-3


@pytest.fixture(autouse=True)
def _many_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read so few rows at once that groups lie across parts."""
    monkeypatch.setattr(inputs, "_ROWS_AT_ONCE", 7)


def _with_duplicates(items: int) -> TrainingData:
    """Return data with a pair and a triple of duplicates far apart, one of them sealed."""
    data, _ = noisy_classes(items=items)
    features, groups = np.asarray(data.view_features[0]), data.groups.copy()
    for original, copies in ((1, [items // 2]), (2, [items // 3, items - 1])):
        features[:, copies] = features[:, [original]]
        groups[copies] = original
    return replace(data, groups=groups)


@pytest.mark.parametrize("items", [60, 12], ids=["tall", "wide"])
@pytest.mark.parametrize(("exact_bytes", "tolerance"), [(2**26, 1e-6), (0, 1e-3)])
def test_votes_are_those_of_rows_in_memory(
    items: int,
    exact_bytes: int,
    tolerance: float,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here, on_disk = here_and_on_disk(_with_duplicates(items), tmp_path)
    votes = ridge(here, silent)
    monkeypatch.setattr(ridge_in_parts, "_EXACT_BYTES", exact_bytes)
    again = ridge(on_disk, silent)
    np.testing.assert_allclose(again.pred_probs, votes.pred_probs, atol=tolerance)
    for fit, head in ((votes.refit, here), (again.refit, on_disk)):
        assert fit is not None
        np.testing.assert_allclose(fit.rows @ fit.taught, fit.fitted, atol=tolerance)
        found = head.geometry.joined.rows @ fit.basis
        np.testing.assert_allclose(found, fit.rows, atol=max(tolerance, 1e-5))


def test_rows_that_the_memory_has_no_room_for_are_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _, data = here_and_on_disk(_with_duplicates(60), tmp_path)
    monkeypatch.setattr(memory, "available_bytes", lambda: 1_000)
    assert ridge(data, silent).refit is None
    assert "followed in the next round" in caplog.text


def test_a_group_is_predicted_by_a_model_trained_without_it(tmp_path: Path) -> None:
    _, data = here_and_on_disk(_with_duplicates(60), tmp_path)
    geometry = data.geometry
    solver = RidgeInParts(
        geometry.rows, geometry.spectrum, data.labels, data.class_count, data.trains, data.groups
    )
    (fast,) = solver.left_out([PENALTY])
    rows, targets = geometry.joined.rows.astype(np.float64), np.eye(data.class_count)[data.labels]
    penalty = PENALTY * data.trains.sum() * np.eye(rows.shape[1])
    for item in (0, 1, 2):
        kept = data.trains & (data.groups != data.groups[item])
        solved = np.linalg.solve(rows[kept].T @ rows[kept] + penalty, rows[kept].T @ targets[kept])
        group = data.trains & (data.groups == data.groups[item])
        np.testing.assert_allclose(fast[group], rows[group] @ solved, atol=1e-6)


def test_a_round_judges_alike_and_leaves_no_file_behind(tmp_path: Path) -> None:
    here, on_disk = here_and_on_disk(_with_duplicates(80), tmp_path)
    settings = ScoreSettings(views=2, folds=2)
    one, other = (
        out_of_fold(
            Examples(
                np.arange(80),
                data.view_features,
                data.labels,
                ("a", "b", "c", "d"),
                data.groups,
                ~data.trains,
            ),
            settings,
            kept_in=data.kept_in,
        )
        for data in (here, on_disk)
    )
    np.testing.assert_allclose(other.pred_probs, one.pred_probs, atol=1e-4)
    left = {path.name.split("-")[0] for path in (tmp_path / "kept").iterdir()}
    assert left == {"reduced", "spectrum", "nearest"}
