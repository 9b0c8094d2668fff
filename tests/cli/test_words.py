"""What people read: short, aligned, and what to do next."""

from __future__ import annotations

from pathlib import Path

import pytest

from cleaner import jobs
from cleaner.cli import rounds
from cleaner.cli.desk import Desk
from cleaner.project import Project
from cleaner.store import jobs as rows
from tests.cli.conftest import Call


@pytest.mark.parametrize(
    ("arguments", "following"),
    [
        (("scan",), "score"),
        (("status",), "review"),
        (("queue",), "review"),
        (("apply",), "round"),
    ],
)
def test_a_verb_ends_with_the_next_step(
    call: Call, ranked: Project, arguments: tuple[str, ...], following: str
) -> None:
    verb, *options = arguments
    said = call(verb, ranked.root, *options).out.splitlines()
    assert said[-1] == f"Next: python -m cleaner {following} {ranked.root}"


def test_the_next_step_names_the_state_folder_too(
    call: Call, dataset: Path, tmp_path: Path
) -> None:
    said = call("scan", dataset, "--state", tmp_path / "state").out
    assert said.endswith(f"score {dataset} --state {tmp_path / 'state'}\n")


def test_scan_tells_findings_by_kind_and_then_one_by_one(call: Call, dataset: Path) -> None:
    for number in range(15):
        (dataset / "owl" / f"broken{number}.jpg").write_bytes(b"")
    said = call("scan", dataset).out
    assert "unreadable     15" in said
    assert "owl/broken0.jpg" in said
    assert "and 3 more" in said


def test_status_of_a_fresh_dataset_points_to_score(call: Call, project: Project) -> None:
    said = call("status", project.root).out
    assert "none yet" in said
    assert "cleaner score" in said


def test_an_empty_queue_points_to_training(call: Call, ranked: Project) -> None:
    call("decide", ranked.root, "cat/0.png", "accept")
    call("decide", ranked.root, "dog/1.png", "move", "owl")
    assert "cleaner train" in call("queue", ranked.root).out
    assert "cleaner round" in call("status", ranked.root).out


def test_a_round_is_told_in_two_lines(ranked: Project) -> None:
    result = {
        "round": 2,
        "images": 1_000,
        "flagged": 0,
        "moved": 12,
        "problems": [{"path": "cat/1.jpg", "reason": "it has changed"}],
        "seconds": {"features": 1.0, "training": 2.0, "total": 3.0},
    }
    said = list(rounds._round_lines(Desk(ranked.root, None, as_json=False), result))
    assert said == [
        "12 files moved.",
        "cat/1.jpg: it has changed",
        "Round 2: 0 of 1,000 images look wrongly labelled.",
        "3.0 s: features 1.0, training 2.0",
        f"Next: python -m cleaner train {ranked.root}",
    ]


def test_jobs_are_listed_with_what_they_said(call: Call, project: Project) -> None:
    assert call("jobs", project.root).out == "No jobs yet.\n"
    with project.store.write() as connection:
        number = rows.create(connection, "score", {}, jobs.now())
        rows.change(connection, number, {"state": "failed", "error": "the disk is full"})
    said = call("jobs", project.root).out
    assert "score  failed" in said
    assert "the disk is full" in said


def test_backbones_that_are_here_come_first(call: Call) -> None:
    said = call("backbones").out.splitlines()
    assert said[0].startswith("name")
    assert said[1].startswith("efficientnet_lite0")
