from __future__ import annotations

from pathlib import Path

from benchmarks import growth


def test_a_later_round_reads_what_the_first_one_kept(tmp_path: Path) -> None:
    growth.fill_cache(240, tmp_path / "cache")
    first, later = (growth.round_of(240, number, tmp_path) for number in range(2))
    assert "Training the small network" in first["stages"]
    assert first["stages"].keys() == later["stages"].keys()
    assert first["features_mb"] == 240 * growth.SETTINGS.views * 2 * 1280 * 4 / 2**20
    assert later["peak_mb"] > later["features_mb"]


def test_what_was_reviewed_is_right_in_the_later_round() -> None:
    before, after = growth.labels_of(2_000), growth.labels_of(2_000, changed=growth.CHANGED)
    truth = growth.true_labels(2_000)
    assert 0 < (after != truth).sum() < (before != truth).sum()
