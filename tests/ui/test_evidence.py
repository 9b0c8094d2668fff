from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from cleaner.project import Project
from cleaner.ui import routes, server
from cleaner.ui.registry import Registry
from tests.rescoring.projects import followed_project
from tests.ui.evidence import project_with_evidence


@pytest.fixture
def followed(tmp_path: Path) -> Iterator[Project]:
    project = followed_project(tmp_path)
    yield project
    project.store.close()


@pytest.fixture(scope="module")
def pictured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    project = project_with_evidence(tmp_path_factory.mktemp("pictured"))
    yield project
    project.store.close()


@pytest.fixture
def client(registry: Registry) -> Iterator[TestClient]:
    app = Starlette(routes=routes.routes(registry), middleware=server.middleware())
    with TestClient(app, base_url="http://127.0.0.1:8501") as client:
        yield client


def test_evidence_names_images_by_number_and_never_by_path(
    client: TestClient, registry: Registry, followed: Project
) -> None:
    api = f"/api/p/{registry.open(followed.root)}"
    number = followed.queue(limit=1)[0].item_id
    answer = client.get(f"{api}/evidence/{number}")
    assert answer.status_code == 200
    found = answer.json()
    assert found["item_id"] == number
    assert {one["label"] for one in found["like_current"]} == {found["current"]}
    assert {one["label"] for one in found["like_suggested"]} == {found["suggested"]}
    assert set(found["like_current"][0]) == {"item_id", "v", "label", "similarity", "confirmed"}
    assert {vote["member"] for vote in found["votes"]} == {"ridge", "mlp", "linear", "neighbours"}
    assert ".jpg" not in answer.text
    assert str(followed.root) not in answer.text


def test_a_round_that_left_nothing_is_answered_in_one_line(
    client: TestClient, registry: Registry, project: Project
) -> None:
    answer = client.get(f"/api/p/{registry.open(project.root)}/evidence/1")
    assert (answer.status_code, answer.json()) == (
        409,
        {"error": "Evidence comes with the next round."},
    )


def test_where_the_model_looks_is_a_picture_of_the_photos_proportions(
    client: TestClient, registry: Registry, pictured: Project
) -> None:
    api = f"/api/p/{registry.open(pictured.root)}"
    suspect = pictured.queue(limit=1)[0]
    answer = client.get(f"{api}/heat/{suspect.item_id}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    with Image.open(io.BytesIO(answer.content)) as drawn:
        assert drawn.mode == "RGBA"
        assert drawn.width / drawn.height == pytest.approx(suspect.width / suspect.height, rel=0.01)
    assert client.get(f"{api}/heat/{suspect.item_id}").content == answer.content


def test_no_map_is_drawn_where_no_other_label_is_suggested(
    client: TestClient, registry: Registry, pictured: Project
) -> None:
    sure = next(one for one in pictured.ranking() if one.suggested_label == one.current_label)
    answer = client.get(f"/api/p/{registry.open(pictured.root)}/heat/{sure.item_id}")
    assert (answer.status_code, answer.json()) == (
        409,
        {"error": "No other label is suggested for this image."},
    )


def test_a_file_that_is_gone_shows_no_map(
    client: TestClient, registry: Registry, pictured: Project
) -> None:
    suspect = pictured.queue(limit=2)[1]
    file = pictured.root / suspect.path
    file.rename(file.with_suffix(".away"))
    try:
        answer = client.get(f"/api/p/{registry.open(pictured.root)}/heat/{suspect.item_id}")
    finally:
        file.with_suffix(".away").rename(file)
    assert answer.status_code == 410


def test_an_unknown_image_is_not_found(
    client: TestClient, registry: Registry, followed: Project
) -> None:
    answer = client.get(f"/api/p/{registry.open(followed.root)}/evidence/999999")
    assert answer.status_code == 404


@pytest.mark.parametrize("what", ["evidence", "heat"])
def test_other_sites_get_nothing(
    client: TestClient, registry: Registry, followed: Project, what: str
) -> None:
    address = f"/api/p/{registry.open(followed.root)}/{what}/1"
    assert client.get(address, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert client.get(address, headers={"origin": "http://evil.example"}).status_code == 403
