from __future__ import annotations

from typing import Any

from cleaner.ui import charts


def test_the_switch_to_fine_tuning_is_marked_between_two_steps() -> None:
    history = {"loss": [3.0, 2.0, 1.0], "phase": [0.0, 0.0, 1.0]}

    drawn: dict[str, Any] = charts.curves(
        {"loss": history["loss"]}, step="epoch", switches=charts.switches(history)
    ).to_dict()

    rows = [row for rows in drawn["datasets"].values() for row in rows]
    assert {"what": "fine-tuning", "step": 2.5} in rows


def test_curves_of_one_phase_have_no_mark_and_the_phase_is_no_curve() -> None:
    history = {"loss": [3.0, 2.0], "phase": [0.0, 0.0]}
    assert charts.switches(history) == {}
    assert charts.switches({"loss": [1.0]}) == {}
    assert charts.split_curves(history) == {"loss": {"loss": [3.0, 2.0]}}
