from __future__ import annotations

from cleaner import jobs
from cleaner.errands import ERRANDS
from cleaner.progress import silent
from cleaner.project import Project
from cleaner.recording import Request


def test_a_round_is_taken_back_in_a_worker_that_loads_no_network(ranked: Project) -> None:
    ranked.decide([Request(entry.item_id, "exclude") for entry in ranked.queue()])
    job = jobs.start(ranked, "undo", {"round": 1, "reviewer": "Ann"})
    assert jobs.follow(ranked, job, lambda _job: None) == {"undone": 2, "problems": []}
    assert len(ranked.queue()) == 2


def test_without_a_round_everything_is_taken_back(ranked: Project) -> None:
    ranked.decide([Request(ranked.queue()[0].item_id, "accept")])
    assert ERRANDS["undo"](ranked, {}, silent)["undone"] == 1
    assert ERRANDS["undo"](ranked, {}, silent)["undone"] == 0
