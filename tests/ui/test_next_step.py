from __future__ import annotations

from dataclasses import replace

from cleaner.decisions import Round
from cleaner.store.models import FinalModel
from cleaner.ui.next_step import next_step

ROUND = Round(
    round_id=1,
    model_id="m",
    images=100,
    flagged=9,
    reviewed=9,
    relabelled=0,
    excluded=0,
    accuracy=0.9,
    seconds={},
    started_at="2026-01-02T00:00:00",
    closed_at=None,
)
MODEL = FinalModel("id", "mobilenet", ["a"], "", {}, {}, "2026-01-03T00:00:00")


def test_a_new_dataset_is_scored_first() -> None:
    assert next_step([], [], awaiting=0, busy=False).kind == "score"


def test_while_a_job_runs_there_is_only_waiting() -> None:
    step = next_step([], [], awaiting=0, busy=True)
    assert (step.kind, step.button) == ("wait", "")


def test_what_is_queued_is_reviewed() -> None:
    step = next_step([ROUND], [], awaiting=1, busy=False)
    assert step.kind == "review"
    assert step.title == "1 image awaits your decision"


def test_changed_labels_ask_for_another_round() -> None:
    step = next_step([replace(ROUND, relabelled=2, excluded=1)], [], awaiting=0, busy=False)
    assert step.kind == "retrain"
    assert "3 labels" in step.detail


def test_a_round_that_changed_nothing_ends_the_loop() -> None:
    assert next_step([ROUND], [], awaiting=0, busy=False).kind == "train"


def test_a_model_of_the_latest_labels_is_there_to_use() -> None:
    assert next_step([ROUND], [MODEL], awaiting=0, busy=False).kind == "use"
    older = replace(MODEL, created_at="2026-01-01T00:00:00")
    assert next_step([ROUND], [older], awaiting=0, busy=False).kind == "train"
