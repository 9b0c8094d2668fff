"""Of images that measure the labels, the server tells nobody what the model says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from cleaner.project import Project
from cleaner.sampling import Sampling
from cleaner.selection import Selection
from cleaner.ui import routes, server
from cleaner.ui.registry import Registry
from tests.ranking import draw_lots


@pytest.fixture
def drawn(project: Project) -> Project:
    """Ten suspects of 24 images; lots are drawn, and the test images sealed."""
    draw_lots(project, flagged=[item.path for item in project.queue()])
    project.set_sampling(Sampling(size=8, share=0.5))
    return project


@pytest.fixture
def client(registry: Registry) -> Iterator[TestClient]:
    app = Starlette(routes=routes.routes(registry), middleware=server.middleware())
    with TestClient(app, base_url="http://127.0.0.1:8501") as client:
        yield client


@pytest.fixture
def api(registry: Registry, drawn: Project) -> str:
    return f"/api/p/{registry.open(drawn.root)}"


def _blind(project: Project) -> set[int]:
    return {item.item_id for item in project.selected(Selection(status="blind")).items}


def _says_nothing(item: dict[str, Any]) -> bool:
    unknown = {"self_confidence": 0, "suggested_confidence": 0, "label_quality": 0, "position": -1}
    says_none = all(item[name] == value for name, value in unknown.items())
    return says_none and item["suggested_label"] == item["current_label"] and not item["reasons"]


def test_blind_images_come_up_among_the_suspects_without_a_word_of_the_model(
    client: TestClient, api: str, drawn: Project
) -> None:
    page = client.get(f"{api}/queue?holder=first-page&limit=50").json()
    blind = _blind(drawn)
    told = {item["item_id"]: item for item in page["items"]}
    assert set(told) & blind
    assert all(_says_nothing(told[one]) and told[one]["is_blind"] for one in set(told) & blind)
    assert not any(_says_nothing(told[one]) for one in set(told) - blind)
    assert page["left"] == page["matching"] == len(told)


def test_the_lane_of_blind_images_says_nothing_either(
    client: TestClient, api: str, drawn: Project
) -> None:
    page = client.get(f"{api}/queue?status=blind&holder=first-page").json()
    assert {item["item_id"] for item in page["items"]} == _blind(drawn)
    assert all(_says_nothing(item) for item in page["items"])
    assert page["matching"] == len(page["items"])


def test_a_lane_of_a_suggestion_holds_no_blind_image(
    client: TestClient, api: str, drawn: Project
) -> None:
    blind = _blind(drawn)
    for pair in client.get(f"{api}/pairs").json():
        query = f"current={pair['current']}&suggested={pair['suggested']}"
        page = client.get(f"{api}/queue?{query}").json()
        assert len(page["items"]) == page["matching"] == pair["count"]
        assert not blind & {item["item_id"] for item in page["items"]}


def test_neither_evidence_nor_a_map_is_sent_for_a_blind_image(
    client: TestClient, api: str, drawn: Project
) -> None:
    for what in ("evidence", "heat"):
        answer = client.get(f"{api}/{what}/{min(_blind(drawn))}")
        assert answer.status_code == 403
        assert "without what the model says" in answer.json()["error"]


def test_a_map_is_told_nothing_of_a_blind_image(drawn: Project) -> None:
    blind = _blind(drawn)
    points = drawn.points([item.item_id for item in drawn.dataset().items])
    assert {number for number, point in points.items() if point.is_blind} == blind
    for number, point in points.items():
        said = (point.suggested_label, point.label_quality, point.flagged)
        assert (said == (None, None, None)) == (number in blind)


def test_who_takes_a_blind_decision_back_is_told_nothing(
    client: TestClient, api: str, drawn: Project
) -> None:
    one = min(_blind(drawn))
    request = {"op_id": "a-decision", "item_id": one, "action": "exclude"}
    assert client.post(f"{api}/decisions", json=[request]).json()["recorded"] == ["a-decision"]
    (entry,) = client.get(f"{api}/history").json()["decisions"]
    assert entry["item"]["is_blind"]
    assert _says_nothing(entry["item"])


@pytest.mark.parametrize("query", ["suggested=star", "reason=torn", "order=entropy"])
def test_blind_images_are_not_chosen_by_what_the_model_says(
    client: TestClient, api: str, query: str
) -> None:
    assert client.get(f"{api}/queue?status=blind&{query}").status_code == 400
