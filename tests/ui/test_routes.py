from __future__ import annotations

import asyncio
import io
import json
import os
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient
from starlette.types import Message

from cleaner import opinions
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.ui import bodies, routes, server
from cleaner.ui.asked import MAX_BODY_BYTES
from cleaner.ui.registry import Registry
from tests.ui.samples import make_images, open_round


@pytest.fixture
def client(registry: Registry) -> Iterator[TestClient]:
    app = Starlette(routes=routes.routes(registry), middleware=server.middleware())
    with TestClient(app, base_url="http://127.0.0.1:8501") as client:
        yield client


@pytest.fixture
def api(registry: Registry, project: Project) -> str:
    return f"/api/p/{registry.open(project.root)}"


def decision(item_id: int, action: str, **more: Any) -> dict[str, Any]:
    return {"op_id": str(uuid.uuid4()), "item_id": item_id, "action": action} | more


# -- the queue -------------------------------------------------------------------------


def test_the_queue_comes_in_pages_worst_first(client: TestClient, api: str) -> None:
    first = client.get(f"{api}/queue?limit=6").json()
    last_position = first["items"][-1]["position"]
    second = client.get(f"{api}/queue?limit=6&after={last_position}").json()
    assert [item["position"] for item in first["items"] + second["items"]] == list(range(10))
    assert first["left"] == 10
    assert [one["name"] for one in first["classes"]] == ["circle", "square", "star", "triangle"]
    assert "classes" not in second


def test_a_dataset_without_a_round_has_no_queue(
    client: TestClient, registry: Registry, fresh_project: Project
) -> None:
    answer = client.get(f"/api/p/{registry.open(fresh_project.root)}/queue")
    assert answer.status_code == 409
    assert "nothing is ranked" in answer.json()["error"]


@pytest.mark.parametrize("query", ["limit=0", "limit=999", "limit=x", "after=x", "after=%22x%22"])
def test_a_page_out_of_range_is_refused(client: TestClient, api: str, query: str) -> None:
    assert client.get(f"{api}/queue?{query}").status_code == 400


def test_two_pages_get_different_images_and_a_closed_one_gives_its_own_back(
    client: TestClient, api: str
) -> None:
    first = client.get(f"{api}/queue?holder=first-page&limit=6").json()
    second = client.get(f"{api}/queue?holder=second-page&limit=6").json()
    assert [item["position"] for item in first["items"]] == list(range(6))
    assert (second["items"], second["with_others"]) == ([], 10)
    assert client.post(f"{api}/leases", json={"holders": ["first-page"]}).status_code == 200
    again = client.get(f"{api}/queue?holder=second-page&limit=6").json()
    assert again["items"] == first["items"]


@pytest.mark.parametrize("holder", ["short", "x" * 65, "no spaces here", "über-page"])
def test_what_is_no_name_of_a_page_is_refused(client: TestClient, api: str, holder: str) -> None:
    assert client.get(f"{api}/queue", params={"holder": holder}).status_code == 400
    for body in ([holder], {"holders": [holder]}, {"holders": 7}, {"holders": ["page-name"] * 201}):
        assert client.post(f"{api}/leases", json=body).status_code == 400


def test_a_selection_comes_in_pages_each_naming_the_next(client: TestClient, api: str) -> None:
    wanted = f"{api}/queue?order=-file&status=any&limit=7"
    page, paths = client.get(wanted).json(), []
    assert (page["matching"], page["left"], len(page["classes"])) == (24, 10, 4)
    while True:
        paths += [item["path"] for item in page["items"]]
        if page["after"] is None:
            break
        page = client.get(f"{wanted}&after={quote(page['after'])}").json()
        assert "classes" not in page
    assert paths == sorted(paths, reverse=True)
    assert len(paths) == 24


def test_who_decided_comes_with_an_image_that_was_decided_about(
    client: TestClient, api: str, project: Project
) -> None:
    project.decide([Request(1, "move", "star"), Request(3, "exclude")], reviewer="ann")
    answer = client.get(f"{api}/queue?reviewer=ann&order=-decided").json()
    assert [item["status"] for item in answer["items"]] == ["excluded", "moved"]
    assert [item["decided"]["reviewer"] for item in answer["items"]] == ["ann", "ann"]
    assert answer["matching"] == 2
    awaiting = client.get(f"{api}/queue?limit=1").json()["items"]
    assert [item["decided"] for item in awaiting] == [None]


def test_pairs_of_classes_are_counted(client: TestClient, api: str) -> None:
    assert client.get(f"{api}/pairs").json() == [
        {"current": "circle", "suggested": "square", "count": 6},
        {"current": "square", "suggested": "star", "count": 4},
    ]
    of_one = client.get(f"{api}/pairs?current=square&status=unreviewed").json()
    assert of_one == [{"current": "square", "suggested": "star", "count": 6}]
    assert client.get(f"{api}/pairs?current=nobody").json() == []


@pytest.mark.parametrize(
    "query", ["status=open", "order=sideways", "reason=bad", "low=x", "low=2", "low=0.8&high=0.1"]
)
def test_a_selection_that_means_nothing_is_refused_in_one_line(
    client: TestClient, api: str, query: str
) -> None:
    for kind in ("queue", "pairs"):
        answer = client.get(f"{api}/{kind}?{query}")
        assert answer.status_code == 400
        assert "\n" not in answer.json()["error"]


def test_a_class_is_found_by_the_bytes_of_its_name_or_in_writing(
    client: TestClient, registry: Registry, tmp_path: Path
) -> None:
    name = os.fsdecode(b"caf\xe9")
    hostile = Project(make_images(tmp_path / "odd", class_names=(name, "<b>&x=1"), each=2))
    hostile.scan()
    open_round(hostile)
    api = f"/api/p/{registry.open(hostile.root)}"
    for written in ("caf%E9", "caf%2F%2Fe9", "caf//e9"):
        answer = client.get(f"{api}/queue?current={written}").json()
        assert [item["path"] for item in answer["items"]] == [
            "caf\\xe9/000.jpg",
            "caf\\xe9/001.jpg",
        ]
    (pair,) = client.get(f"{api}/pairs", params={"current": "<b>&x=1"}).json()
    assert pair == {"current": "<b>&x=1", "suggested": name, "count": 2}
    hostile.store.close()


# -- decisions -------------------------------------------------------------------------


def test_decisions_are_recorded_and_leave_the_queue(
    client: TestClient, api: str, project: Project
) -> None:
    items = client.get(f"{api}/queue").json()["items"]
    sent = [
        decision(items[0]["item_id"], "accept"),
        decision(items[1]["item_id"], "move", label="star"),
        decision(items[2]["item_id"], "exclude"),
        decision(items[3]["item_id"], "skip"),
    ]
    answer = client.post(f"{api}/decisions", json=sent).json()
    assert answer == {"recorded": [one["op_id"] for one in sent], "rejected": [], "left": 6}
    actions = [one.action for one in reversed(project.history())]
    assert actions == ["accept", "move", "exclude", "skip"]


def test_a_decision_that_arrives_twice_counts_once(
    client: TestClient, api: str, project: Project
) -> None:
    sent = [decision(1, "accept")]
    answers = [client.post(f"{api}/decisions", json=sent).json() for _time in range(2)]
    assert answers[0] == answers[1]
    assert len(project.history()) == 1


def test_an_impossible_decision_is_answered_with_its_reason(client: TestClient, api: str) -> None:
    sent = [decision(1, "move", label="no such class"), decision(2, "accept")]
    answer = client.post(f"{api}/decisions", json=sent).json()
    assert answer["recorded"] == [sent[1]["op_id"]]
    assert answer["rejected"][0]["op_id"] == sent[0]["op_id"]
    assert "no such class" in answer["rejected"][0]["reason"]


@pytest.mark.parametrize(
    "body",
    [
        {"not": "a list"},
        ["no object"],
        [{"op_id": "short", "item_id": 1, "action": "accept"}],
        [{"op_id": "long enough", "item_id": True, "action": "accept"}],
        [{"op_id": "long enough", "item_id": 2**70, "action": "accept"}],
        [{"op_id": "long enough", "item_id": 1, "action": "delete"}],
        [{"op_id": "long enough", "item_id": 1, "action": "move", "label": ["x"]}],
        [{"op_id": "long enough", "item_id": 1, "action": "accept", "blind": "yes"}],
        [{"op_id": "long enough", "item_id": 1, "action": "accept"}] * 201,
    ],
)
def test_what_is_no_decision_is_refused_whole(
    client: TestClient, api: str, project: Project, body: Any
) -> None:
    assert client.post(f"{api}/decisions", json=body).status_code == 400
    assert project.history() == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"content-type": "text/plain"}, 415),
        ({"origin": "http://127.0.0.1:8501", "sec-fetch-site": "same-origin"}, 200),
    ],
)
def test_only_this_apps_own_pages_may_decide(
    client: TestClient, api: str, headers: dict[str, str], status: int
) -> None:
    body = json.dumps([decision(1, "accept")])
    answer = client.post(
        f"{api}/decisions", content=body, headers={"content-type": "application/json"} | headers
    )
    assert answer.status_code == status


def test_a_huge_or_broken_body_is_refused(client: TestClient, api: str) -> None:
    as_json = {"content-type": "application/json"}
    huge = b"[" + b" " * MAX_BODY_BYTES + b"]"
    assert client.post(f"{api}/decisions", content=huge, headers=as_json).status_code == 413
    for broken in (b"[{", b"\xff\xfe", b"[" * 100_000):
        assert client.post(f"{api}/decisions", content=broken, headers=as_json).status_code == 400


def test_the_name_in_this_browser_goes_into_the_log(
    client: TestClient, api: str, project: Project
) -> None:
    names = ["Anna", "  <b>Zoë</b>\n \U0001f600 ", "\udce9\x00", None]
    sent = [decision(number, "accept", reviewer=name) for number, name in enumerate(names, 1)]
    client.post(
        f"{api}/decisions", content=json.dumps(sent), headers={"content-type": "application/json"}
    )
    logged = [one.reviewer for one in reversed(project.history())]
    assert logged == ["Anna", "<b>Zoë</b> \U0001f600", "\\xe9\\x00", ""]


@pytest.mark.parametrize("name", ["x" * 101, 7, ["Anna"]])
def test_what_is_no_name_is_refused(client: TestClient, api: str, name: Any) -> None:
    sent = [decision(1, "accept", reviewer=name)]
    assert client.post(f"{api}/decisions", json=sent).status_code == 400


def test_whoever_was_overtaken_gets_the_image_as_it_is_now(client: TestClient, api: str) -> None:
    shown = client.get(f"{api}/queue?limit=1").json()["items"][0]
    assert shown["seen"] is None
    first = decision(shown["item_id"], "move", label="star", seen=None, reviewer="Anna")
    second = decision(shown["item_id"], "accept", seen=None, reviewer="Ben")
    (refused,) = client.post(f"{api}/decisions", json=[first, second]).json()["rejected"]
    assert (refused["op_id"], refused["deed"]) == (second["op_id"], "Anna moved it to star")
    assert refused["reason"].startswith("Anna moved it to star, ")
    assert refused["item"]["current_label"] == "star"
    knowing = decision(shown["item_id"], "accept", seen=refused["item"]["seen"], reviewer="Ben")
    answer = client.post(f"{api}/decisions", json=[knowing]).json()
    assert answer["recorded"] == [knowing["op_id"]]


# -- history ---------------------------------------------------------------------------


def test_the_history_holds_what_can_be_undone_as_it_was_before(
    client: TestClient, api: str
) -> None:
    sent = [decision(1, "accept"), decision(2, "move", label="star"), decision(3, "skip")]
    taken_back = decision(3, "undo", undoes=sent[2]["op_id"])
    client.post(f"{api}/decisions", json=[*sent, taken_back])
    entries = client.get(f"{api}/history").json()["decisions"]
    assert [entry["op_id"] for entry in entries] == [sent[1]["op_id"], sent[0]["op_id"]]
    assert entries[0]["item"]["item_id"] == 2
    assert entries[0]["item"]["current_label"] == "circle"


def test_the_history_of_one_reviewer_holds_nobody_elses_decisions(
    client: TestClient, api: str
) -> None:
    sent = [decision(1, "accept", reviewer="Anna"), decision(2, "accept", reviewer="Ben & Co")]
    client.post(f"{api}/decisions", json=sent)
    entries = client.get(f"{api}/history", params={"reviewer": "Ben & Co"}).json()["decisions"]
    assert [entry["item"]["item_id"] for entry in entries] == [2]
    assert client.get(f"{api}/history?reviewer=").json()["decisions"] == []


def test_an_undo_puts_the_image_back_into_the_queue(client: TestClient, api: str) -> None:
    first = decision(1, "exclude")
    assert client.post(f"{api}/decisions", json=[first]).json()["left"] == 9
    undo = decision(1, "undo", undoes=first["op_id"])
    assert client.post(f"{api}/decisions", json=[undo]).json()["left"] == 10


def test_what_was_taken_back_can_be_decided_again_once(
    client: TestClient, api: str, project: Project
) -> None:
    moved = decision(1, "move", label="star")
    undo = decision(1, "undo", undoes=moved["op_id"])
    client.post(f"{api}/decisions", json=[moved, undo])
    (entry,) = client.get(f"{api}/history").json()["undone"]
    assert (entry["op_id"], entry["action"], entry["label"]) == (undo["op_id"], "move", "star")
    assert entry["item"]["current_label"] == "circle"

    redo = decision(1, "redo", undoes=entry["op_id"])
    answers = [client.post(f"{api}/decisions", json=[redo]).json() for _time in range(2)]
    assert [answer["recorded"] for answer in answers] == [[redo["op_id"]]] * 2
    history = client.get(f"{api}/history").json()
    assert history["undone"] == []
    assert [one["op_id"] for one in history["decisions"]] == [redo["op_id"]]
    assert [one.action for one in project.history()] == ["move", "undo", "move"]


# -- second opinions -------------------------------------------------------------------


@pytest.fixture
def asked(client: TestClient, api: str, project: Project) -> dict[str, Any]:
    """Somebody is asked about image 1, circle, that Anna moved to star; Anna's decision."""
    moved = decision(1, "move", label="star", reviewer="Anna")
    client.post(f"{api}/decisions", json=[moved])
    opinions.ask(project.store, np.random.default_rng(0), most=5)
    return moved


def questions(client: TestClient, api: str, name: str) -> dict[str, Any]:
    address = f"{api}/second/queue"
    found: dict[str, Any] = client.get(
        address, params={"holder": "page-of-one", "reviewer": name}
    ).json()
    return found


def test_who_is_asked_sees_neither_the_decision_nor_the_model(
    client: TestClient, api: str, asked: dict[str, Any]
) -> None:
    answer = questions(client, api, "Ben")
    (item,) = answer["items"]
    assert (answer["matching"], item["about"]) == (1, asked["op_id"])
    assert (item["path"], item["current_label"], item["suggested_label"]) == (
        "000.jpg",
        "circle",
        "circle",
    )
    assert "star" not in json.dumps(item)
    assert "Anna" not in json.dumps(answer)
    for name in ("Anna", " Anna ", ""):
        assert questions(client, api, name)["items"] == []


def test_what_was_decided_is_told_once_an_opinion_is_given(
    client: TestClient, api: str, asked: dict[str, Any], project: Project
) -> None:
    given = decision(1, "accept", about=asked["op_id"], reviewer="Ben", blind=True)
    answers = [client.post(f"{api}/decisions", json=[given]).json() for _time in range(2)]
    assert answers[0] == answers[1]
    assert answers[0]["recorded"] == [given["op_id"]]
    assert answers[0]["compared"] == [
        {"op_id": given["op_id"], "differs": True, "told": "Anna moved it to star"}
    ]
    assert len(project.history()) == 1
    (disputed,) = client.get(f"{api}/queue?status=disputed&holder=some-page").json()["items"]
    assert [one["deed"] for one in disputed["opinions"]] == ["Ben would have kept it as circle"]
    assert disputed["decided"]["reviewer"] == "Anna"


def test_an_opinion_can_be_taken_back_after_a_restart_of_the_browser(
    client: TestClient, api: str, asked: dict[str, Any]
) -> None:
    given = decision(1, "exclude", about=asked["op_id"], reviewer="Ben")
    client.post(f"{api}/decisions", json=[given])
    assert questions(client, api, "Ben")["items"] == []
    (entry,) = client.get(f"{api}/second/history?reviewer=Ben").json()["decisions"]
    assert (entry["op_id"], entry["item"]["current_label"]) == (given["op_id"], "circle")
    undo = decision(1, "undo", undoes=entry["op_id"], about=asked["op_id"], reviewer="Ben")
    client.post(f"{api}/decisions", json=[undo])
    assert [item["item_id"] for item in questions(client, api, "Ben")["items"]] == [1]
    assert client.get(f"{api}/second/history?reviewer=Ben").json()["decisions"] == []


# -- images ----------------------------------------------------------------------------


def test_an_image_comes_as_a_small_jpeg_that_may_be_kept_for_ever(
    client: TestClient, api: str, project: Project
) -> None:
    item = client.get(f"{api}/queue?limit=1").json()["items"][0]
    answer = client.get(f"{api}/image/{item['item_id']}?v={item['v']}&side=160")
    assert answer.headers["content-type"] == "image/jpeg"
    assert "immutable" in answer.headers["cache-control"]
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert max(picture.size) == 160
    assert len(list((project.state / "cache" / "thumbs").rglob("*.jpg"))) == 1


def test_a_thumbnail_is_served_from_its_file_the_second_time(
    client: TestClient, api: str, project: Project
) -> None:
    first = client.get(f"{api}/image/1")
    project.file_of(1).unlink()
    assert client.get(f"{api}/image/1").content == first.content


def test_an_image_with_another_version_is_not_kept(client: TestClient, api: str) -> None:
    assert client.get(f"{api}/image/1?v=old").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("query", ["side=161", "side=99999", "side=-1", "side=x"])
def test_only_known_sizes_are_made(client: TestClient, api: str, query: str) -> None:
    assert client.get(f"{api}/image/1?{query}").status_code == 400


def test_a_file_that_was_replaced_or_removed_is_said_to_be(
    client: TestClient, api: str, project: Project
) -> None:
    Image.new("RGB", (9, 9)).save(project.file_of(1))
    project.file_of(2).unlink()
    answers = [client.get(f"{api}/image/{item_id}") for item_id in (1, 2)]
    assert [answer.status_code for answer in answers] == [410, 410]
    assert "not the one that was scored" in answers[0].json()["error"]


# -- addresses -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/api/",
        "/api/nothing",
        "/api/p/000000000000/queue",
        "/api/p/000000000000/image/1",
        "/api/p/..%2f..%2fetc/queue",
    ],
)
def test_unknown_addresses_are_answered_404(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]


@pytest.mark.parametrize("name", ["999", "-1", "x", "..%2f..%2fetc%2fpasswd"])
def test_images_are_known_by_number_only(client: TestClient, api: str, name: str) -> None:
    assert client.get(f"{api}/image/{name}").status_code == 404


def test_a_foreign_host_name_is_answered_400(client: TestClient) -> None:
    assert client.get("/api/x", headers={"host": "evil.example"}).status_code == 400
    assert client.get("/api/x", headers={"host": "localhost:8501"}).status_code == 404
    assert client.get("/api/x", headers={"host": "[::1]:8501"}).status_code == 404


def test_every_answer_is_guarded_by_headers(client: TestClient, api: str) -> None:
    for path in (f"{api}/queue", f"{api}/image/1", "/api/nothing"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["referrer-policy"] == "same-origin"


# -- names -----------------------------------------------------------------------------


def test_a_class_name_that_is_not_utf8_comes_back_whole(
    client: TestClient, registry: Registry, tmp_path: Path
) -> None:
    odd = os.fsdecode(b"caf\xe9")
    project = Project(make_images(tmp_path / "odd", class_names=("bar", odd), each=2))
    project.scan()
    open_round(project)
    api = f"/api/p/{registry.open(project.root)}"
    page = client.get(f"{api}/queue").json()
    assert {"name": odd, "shown": "caf\\xe9"} in page["classes"]
    # The browser moves an image to what is suggested under the name it was told.
    assert odd in {item["suggested_label"] for item in page["items"]}
    sent = [decision(page["items"][0]["item_id"], "move", label=odd)]
    body = json.dumps(sent)
    answer = client.post(
        f"{api}/decisions", content=body, headers={"content-type": "application/json"}
    )
    assert answer.json()["recorded"] == [sent[0]["op_id"]]
    assert project.history()[0].label_after == odd


@pytest.mark.parametrize("text", [chr(0xD800), chr(0xDCFF), "\0"])
def test_text_that_no_database_takes_is_kept_as_an_escape_or_refused(
    client: TestClient, api: str, text: str
) -> None:
    sent = {
        "op_id": f"operation-{text}",
        "item_id": 1,
        "action": "move",
        "label": "square",
        "undoes": text,
        "reviewer": f"ann{text}",
    }
    body = json.dumps([sent])
    headers = {"content-type": "application/json"}
    first = client.post(f"{api}/decisions", content=body, headers=headers)
    again = client.post(f"{api}/decisions", content=body, headers=headers)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json()["recorded"] == again.json()["recorded"] == [sent["op_id"]]
    assert len(client.get(f"{api}/history").json()["decisions"]) == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_body_that_never_ends_is_given_up(
    registry: Registry, api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "SECONDS", 0.1)
    app = Starlette(routes=routes.routes(registry))
    sent: list[Message] = []

    async def receive() -> Message:
        if sent_before:
            await asyncio.sleep(60)
        sent_before.append(True)
        return {"type": "http.request", "body": b"[", "more_body": True}

    async def send(message: Message) -> None:
        sent.append(message)

    sent_before: list[bool] = []
    scope = {
        "type": "http",
        "method": "POST",
        "path": f"{api}/decisions",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }
    # In a thread: where a browser was tested before, this one has an event loop running.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, app(scope, receive, send)).result()
    assert sent[0]["status"] == 408
