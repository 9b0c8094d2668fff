"""The login, tried on a started server over real HTTP."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.ui.samples import filled_project

REPOSITORY = Path(__file__).parent.parent.parent
TOKEN = "a-token-that-nobody-guesses"  # noqa: S105
START_SECONDS = 120


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def command(port: int, *options: str) -> list[str]:
    run = [sys.executable, "-m", "streamlit", "run", str(REPOSITORY / "app.py")]
    return [*run, "--server.headless=true", f"--server.port={port}", *options]


def environment(tmp_path: Path, **named: str) -> dict[str, str]:
    # It is killed in the end, which leaves no coverage: measuring would only slow it down.
    foreign = ("CLEANER_", "COVERAGE_")
    own = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    return own | {"CLEANER_HOME": str(tmp_path / "home")} | named


@contextmanager
def running(port: int, cwd: Path, env: dict[str, str], *options: str) -> Iterator[None]:
    with (cwd / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command(port, *options), cwd=cwd, env=env, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while process.poll() is None and not answers(port):
            assert time.monotonic() < deadline, (cwd / "server.log").read_text()
            time.sleep(0.1)
        assert process.poll() is None, (cwd / "server.log").read_text()
        yield
    finally:
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    try:
        return ask(port, "/_stcore/health").status in (200, 401)
    except OSError:
        return False


class Answer:
    """Status, headers and body of one exchange."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def cookies(self) -> str:
        """What a browser would send back."""
        found = [value.split(";")[0] for value in self.headers.get_all("set-cookie") or []]
        return "; ".join(found)


def ask(
    port: int, path: str, method: str = "GET", body: str | None = None, **headers: str
) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        return Answer(connection.getresponse())
    finally:
        connection.close()


def open_stream(port: int, **headers: str) -> int:
    """Return the status with which the server answers somebody who wants the page's stream."""
    handshake = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec_WebSocket_Version": "13",
        "Sec_WebSocket_Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    return ask(port, "/_stcore/stream", **handshake, **headers).status


@pytest.mark.parametrize("address", ["0.0.0.0", "::", ""])  # noqa: S104
def test_bound_elsewhere_it_does_not_start_without_a_login(tmp_path: Path, address: str) -> None:
    done = subprocess.run(
        command(free_port(), f"--server.address={address}"),
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
    assert done.returncode == 1
    (line,) = (done.stdout + done.stderr).splitlines()
    assert line.startswith("Error: The address ")
    assert "CLEANER_TOKEN" in line


def test_bound_elsewhere_every_route_asks_for_the_token(tmp_path: Path) -> None:
    project = filled_project(tmp_path, flagged=2)
    port = free_port()
    env = environment(
        tmp_path,
        CLEANER_TOKEN=TOKEN,
        CLEANER_HOSTS="lab.example",
        CLEANER_DATASET=str(project.root),
    )
    with running(port, tmp_path, env, "--server.address=0.0.0.0"):
        for path in ("/", "/review", "/api/p/x/queue", "/static/index.html", "/_stcore/health"):
            assert ask(port, path).status == 401, path
        assert ask(port, "/api/p/x/decisions", "POST", "[]").status == 401
        assert open_stream(port) == 403
        assert ask(port, "/", Host="elsewhere.example").status == 400
        assert ask(port, "/", Host=f"lab.example:{port}").status == 401

        given = {"Content_Type": "application/x-www-form-urlencoded"}
        wrong = ask(port, "/login", "POST", urlencode({"token": "wrong"}), **given)
        assert (wrong.status, wrong.cookies) == (401, "")
        right = ask(port, "/login", "POST", urlencode({"token": TOKEN}), **given)
        assert right.status == 303

        me = {"Cookie": right.cookies}
        page = ask(port, "/review", **me)
        assert page.status == 200
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert ask(port, "/_stcore/health", **me).body == b"ok"
        assert open_stream(port, **me) == 101
        assert open_stream(port, Origin="http://127.0.0.1:1", **me) == 403
    assert b"Cleaner runs at http://lab.example" in (tmp_path / "server.log").read_bytes()


def test_a_decision_needs_the_login_too(tmp_path: Path) -> None:
    project = filled_project(tmp_path, flagged=2)
    port = free_port()
    env = environment(tmp_path, CLEANER_TOKEN=TOKEN)
    with running(port, tmp_path, env):
        from cleaner.ui.registry import Registry

        api = f"/api/p/{Registry(tmp_path / 'home').open(project.root)}"
        body = json.dumps([{"op_id": "0123456789", "item_id": 1, "action": "accept"}])
        sent = {"Content_Type": "application/json"}
        assert ask(port, f"{api}/decisions", "POST", body, **sent).status == 401
        assert project.history() == []
        form = {"Content_Type": "application/x-www-form-urlencoded"}
        me = {"Cookie": ask(port, "/login", "POST", f"token={TOKEN}", **form).cookies}
        assert ask(port, f"{api}/image/1", **me).headers["content-type"] == "image/jpeg"
        assert ask(port, f"{api}/decisions", "POST", body, **sent, **me).status == 200
    assert len(project.history()) == 1


# -- OIDC --------------------------------------------------------------------------------


class Provider(ThreadingHTTPServer):
    """An OpenID provider that lets everybody in, as the address it was told."""

    def __init__(self) -> None:
        from joserfc.jwk import RSAKey

        super().__init__(("127.0.0.1", 0), _ProviderHandler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.key = RSAKey.generate_key(2048, {"kid": "one"})
        self.email = "ann@lab.example"
        self.nonce = ""


class _ProviderHandler(BaseHTTPRequestHandler):
    server: Provider

    def log_message(self, *_: object) -> None:
        return

    def do_GET(self) -> None:
        url, query = self.server.url, parse_qs(urlsplit(self.path).query)
        if self.path.startswith("/.well-known"):
            self._json(
                {
                    "issuer": url,
                    "authorization_endpoint": f"{url}/authorize",
                    "token_endpoint": f"{url}/token",
                    "jwks_uri": f"{url}/keys",
                    "id_token_signing_alg_values_supported": ["RS256"],
                }
            )
        elif self.path.startswith("/keys"):
            self._json({"keys": [self.server.key.as_dict(private=False)]})
        else:
            self.server.nonce = query.get("nonce", [""])[0]
            back = urlencode({"code": "c", "state": query["state"][0]})
            self.send_response(302)
            self.send_header("Location", f"{query['redirect_uri'][0]}?{back}")
            self.end_headers()

    def do_POST(self) -> None:
        from joserfc import jwt

        now = int(time.time())
        claims = {
            "iss": self.server.url,
            "aud": "cleaner",
            "sub": "1",
            "email": self.server.email,
            "nonce": self.server.nonce,
            "iat": now,
            "exp": now + 600,
        }
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.server.key)
        self._json({"access_token": "a", "token_type": "Bearer", "id_token": signed})

    def _json(self, values: object) -> None:
        body = json.dumps(values).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def provider() -> Iterator[Provider]:
    pytest.importorskip("authlib", reason="Streamlit's OIDC needs Authlib")
    with Provider() as provider:
        thread = threading.Thread(target=provider.serve_forever)
        thread.start()
        yield provider
        provider.shutdown()
        thread.join()


def write_secrets(folder: Path, provider: Provider, port: int) -> None:
    (folder / ".streamlit").mkdir()
    (folder / ".streamlit" / "secrets.toml").write_text(
        f"""[auth]
redirect_uri = "http://127.0.0.1:{port}/oauth2callback"
cookie_secret = "a secret that signs cookies"
client_id = "cleaner"
client_secret = "s"
server_metadata_url = "{provider.url}/.well-known/openid-configuration"
"""
    )


def follow(port: int, provider: Provider) -> Answer:
    """Log in as a browser would, and return the last answer, which sets the cookie."""
    first = ask(port, "/review", Accept="text/html")
    assert (first.status, urlsplit(first.headers["location"]).path) == (303, "/auth/login")
    second = ask(port, first.headers["location"])
    assert second.headers["location"].startswith(provider.url)
    at = urlsplit(second.headers["location"])
    third = ask(provider.server_address[1], f"{at.path}?{at.query}")
    back = urlsplit(third.headers["location"])
    return ask(port, f"{back.path}?{back.query}", Cookie=second.cookies)


def test_with_oidc_the_routes_obey_the_pages_login(tmp_path: Path, provider: Provider) -> None:
    port = free_port()
    write_secrets(tmp_path, provider, port)
    env = environment(tmp_path, CLEANER_USERS="Ann@lab.example", CLEANER_HOSTS="lab.example")
    with running(port, tmp_path, env, "--server.address=0.0.0.0"):
        for path in ("/review", "/api/p/x/queue", "/static/index.html", "/_stcore/health"):
            assert ask(port, path).status == 401, path
        assert open_stream(port) == 403
        me = {"Cookie": follow(port, provider).cookies}
        assert ask(port, "/review", **me).status == 200
        assert ask(port, "/api/p/x/queue", **me).status == 404
        assert open_stream(port, **me) == 101
        forged = me["Cookie"].replace("_streamlit_user=.e", "_streamlit_user=.f")
        assert ask(port, "/review", Cookie=forged).status == 401

        provider.email = "eve@elsewhere.example"
        eve = {"Cookie": follow(port, provider).cookies}
        assert ask(port, "/review", **eve).status == 403
        assert open_stream(port, **eve) == 403


def test_oidc_without_a_list_of_users_does_not_start(tmp_path: Path, provider: Provider) -> None:
    port = free_port()
    write_secrets(tmp_path, provider, port)
    done = subprocess.run(
        command(port),
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
    assert done.returncode == 1
    assert "CLEANER_USERS" in done.stdout + done.stderr
