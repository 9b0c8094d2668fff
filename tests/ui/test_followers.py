from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from cleaner.project import Project
from cleaner.recording import Request
from cleaner.ui import followers, routes
from cleaner.ui.followers import Followers
from cleaner.ui.registry import Registry
from tests.rescoring.projects import followed_project

PATIENCE_SECONDS = 120


@pytest.fixture
def followed(tmp_path: Path) -> Iterator[Project]:
    project = followed_project(tmp_path)
    yield project
    project.store.close()


def _wait_for_another(before: dict[int, float], project: Project) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        now = {item.item_id: item.label_quality for item in project.queue()}
        if any(now[item_id] != before[item_id] for item_id in now.keys() & before.keys()):
            return True
        time.sleep(0.05)
    return False


def test_a_decision_that_was_answered_is_followed_soon(
    registry: Registry, followed: Project
) -> None:
    api = f"/api/p/{registry.open(followed.root)}"
    before = {item.item_id: item.label_quality for item in followed.queue()}
    worst = followed.queue(limit=1)[0]
    sent = {"op_id": str(uuid.uuid4()), "item_id": worst.item_id, "action": "move"}
    with TestClient(Starlette(routes=routes.routes(registry))) as client:
        answer = client.post(f"{api}/decisions", json=[sent | {"label": worst.suggested_label}])
        assert answer.json()["recorded"] == [sent["op_id"]]
        assert _wait_for_another(before, followed)


def test_a_thread_that_was_idle_too_long_is_replaced(
    followed: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followers, "_IDLE_SECONDS", 0.01)
    monkeypatch.setattr(followers, "_PAUSE_SECONDS", 0.01)
    threads = Followers()
    threads.tell("key", followed)
    threads._threads["key"].join(PATIENCE_SECONDS)
    assert not threads._threads["key"].is_alive()
    before = {item.item_id: item.label_quality for item in followed.queue()}
    worst = followed.queue(limit=1)[0]
    followed.decide([Request(worst.item_id, "move", worst.suggested_label)])
    threads.tell("key", followed)
    assert _wait_for_another(before, followed)
