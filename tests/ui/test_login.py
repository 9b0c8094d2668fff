"""Who is let in, asked of the app object without a server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from cleaner import doors
from cleaner.errors import SettingsError
from cleaner.ui import login as logins
from cleaner.ui import server
from cleaner.ui.login import TokenLogin

TOKEN = "a-token-that-nobody-guesses"  # noqa: S105
HERE = "http://127.0.0.1:8501"
STREAM = "ws://127.0.0.1:8501/_stcore/stream"


def client_of(login: logins.Login | None, base_url: str = HERE) -> TestClient:
    async def page(request: object) -> PlainTextResponse:
        return PlainTextResponse("the page")

    async def stream(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close()

    routes = [WebSocketRoute("/_stcore/stream", stream), Route("/{rest:path}", page)]
    app = Starlette(routes=routes, middleware=server.middleware(login))
    return TestClient(app, base_url=base_url, follow_redirects=False)


@pytest.fixture
def client() -> Iterator[TestClient]:
    with client_of(TokenLogin(TOKEN)) as client:
        yield client


def test_without_the_token_nothing_is_answered(client: TestClient) -> None:
    for path in ("/", "/review", "/api/p/x/queue", "/media/x", "/static/x.js", "/_stcore/health"):
        answer = client.get(path)
        assert answer.status_code == 401
        assert "the page" not in answer.text
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(STREAM):
        pass


def test_a_browser_is_shown_where_to_put_the_token(client: TestClient) -> None:
    answer = client.get("/review?dataset=abc", headers={"accept": "text/html"})
    assert answer.status_code == 401
    assert 'name="token"' in answer.text
    assert 'value="/review?dataset=abc"' in answer.text


def test_with_the_token_all_is_answered(client: TestClient) -> None:
    answer = client.post("/login", data={"token": TOKEN, "next": "/review?dataset=abc"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/review?dataset=abc")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "secure" not in cookie
    assert TOKEN not in cookie
    assert client.get("/review").text == "the page"
    with client.websocket_connect(STREAM):
        pass


def test_over_https_the_cookie_stays_there() -> None:
    with client_of(TokenLogin(TOKEN), "https://127.0.0.1:8501") as client:
        answer = client.post("/login", data={"token": TOKEN})
    assert "secure" in answer.headers["set-cookie"].lower()


def test_a_wrong_token_is_told_so_and_soon_has_to_wait(client: TestClient) -> None:
    answers = [client.post("/login", data={"token": f"wrong {n}"}) for n in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert "not the token" in answers[0].text
    assert client.post("/login", data={"token": TOKEN}).status_code == 429


@pytest.mark.parametrize(
    "onwards", ["//elsewhere.example", "https://elsewhere.example/", "\\\\elsewhere.example", "x"]
)
def test_a_login_leads_nowhere_else(client: TestClient, onwards: str) -> None:
    answer = client.post("/login", data={"token": TOKEN, "next": onwards})
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize("value", ["", "9999999999.", "9999999999.00", "x.y", "1.2.3", "é.é"])
def test_a_made_up_cookie_opens_nothing(client: TestClient, value: str) -> None:
    login = TokenLogin(TOKEN)
    headers = {b"cookie": f"{login._cookie}={value}".encode()}
    assert client.get("/review", headers=headers).status_code == 401


def test_a_cookie_ends_and_another_tokens_cookie_is_no_good(client: TestClient) -> None:
    old, other = TokenLogin(TOKEN), TokenLogin(TOKEN + "!")
    cookies = [f"{old._cookie}=1000.{old._mac('1000')}"]
    cookies.append(f"{old._cookie}=9999999999.{other._mac('9999999999')}")
    for cookie in cookies:
        assert client.get("/review", headers={"cookie": cookie}).status_code == 401


def test_a_login_page_holds_no_script_of_the_address(client: TestClient) -> None:
    answer = client.get('/"><script>alert(1)</script>', headers={"accept": "text/html"})
    assert "<script>alert" not in answer.text


def test_too_much_for_a_token_is_not_read(client: TestClient) -> None:
    assert client.post("/login", content=b"token=" + b"x" * 100_000).status_code == 401


def test_logging_out_closes_the_door(client: TestClient) -> None:
    client.post("/login", data={"token": TOKEN})
    client.get("/logout")
    assert client.get("/review").status_code == 401


# -- no login ----------------------------------------------------------------------------


def test_without_a_login_only_this_computer_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEANER_HOSTS", "192.0.2.7")
    with client_of(None) as here, client_of(None, "http://192.0.2.7:8501") as elsewhere:
        assert here.get("/").status_code == 200
        assert elsewhere.get("/").status_code == 403


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.7", "lab.example", None])  # noqa: S104
def test_another_address_needs_a_login(address: str | None) -> None:
    with pytest.raises(SettingsError) as caught:
        logins.from_environment(address)
    for name in ("CLEANER_TOKEN", "CLEANER_HOSTS", "[auth]", "127.0.0.1"):
        assert name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "localhost", "127.0.1.1"])
def test_this_computer_alone_needs_none(address: str) -> None:
    assert logins.from_environment(address) is None


# -- another site in the same browser ----------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://elsewhere.example"},
        {"origin": "http://127.0.0.1:3000"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"},
    ],
)
def test_another_site_is_refused_on_every_route(method: str, headers: dict[str, str]) -> None:
    with client_of(None) as client:
        for path in ("/api/p/x/image/1", "/_stcore/upload_file/a/b", "/media/x", "/review"):
            assert client.request(method, path, headers=headers).status_code == 403


def test_another_port_of_this_computer_opens_no_web_socket() -> None:
    headers = {"origin": "http://127.0.0.1:3000"}
    with (
        client_of(None) as client,
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect(STREAM, headers=headers),
    ):
        pass
    with client_of(None) as client, client.websocket_connect(STREAM, headers={"origin": HERE}):
        pass


def test_a_link_from_another_site_shows_the_page() -> None:
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    with client_of(None) as client:
        assert client.get("/review", headers=headers).status_code == 200
        assert client.post("/review", headers=headers).status_code == 403


# -- the token's file --------------------------------------------------------------------


def test_a_made_token_is_long_and_ones_own(tmp_path: Path) -> None:
    token = doors.make_token(tmp_path / "token")
    assert len(token) == 32
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    assert doors.read_token(tmp_path / "token") == token
    with pytest.raises(SettingsError):
        doors.make_token(tmp_path / "token")


def test_a_token_that_others_may_read_is_refused(tmp_path: Path) -> None:
    doors.make_token(tmp_path / "token")
    (tmp_path / "token").chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        doors.read_token(tmp_path / "token")


def test_a_short_token_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEANER_TOKEN", "fifteen letters")
    with pytest.raises(SettingsError, match="15 characters; give at least 16"):
        logins.from_environment("127.0.0.1")


def test_a_missing_token_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CLEANER_TOKEN_FILE", str(tmp_path / "gone"))
    with pytest.raises(SettingsError, match="gone"):
        logins.from_environment("127.0.0.1")
