from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cleaner import jobs
from cleaner.project import Project
from cleaner.ui import server
from cleaner.ui.registry import shared

REPOSITORY = Path(__file__).parent.parent.parent


def test_a_review_of_a_new_dataset_starts_scoring_it(
    fresh_project: Project, idle_workers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEANER_DATASET", str(fresh_project.root))
    monkeypatch.setenv("CLEANER_START", "1")
    server.begin()
    assert [job.kind for job in jobs.recent(fresh_project)] == ["score"]


def test_a_dataset_with_a_round_is_left_as_it_is(
    project: Project, idle_workers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEANER_DATASET", str(project.root))
    monkeypatch.setenv("CLEANER_START", "1")
    server.begin()
    assert jobs.recent(project) == []


@pytest.mark.parametrize("settings", [{}, {"CLEANER_DATASET": "/no/such", "CLEANER_START": "1"}])
def test_without_a_usable_dataset_the_server_starts_all_the_same(
    settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    server.begin()
    assert shared().recent() == []


def test_the_page_process_never_loads_tensorflow() -> None:
    code = (
        "import sys; import app; from cleaner.ui.pages import model, overview, review, train, "
        "welcome; print([n for n in sys.modules if n.split('.')[0] in ('tensorflow', 'keras')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
