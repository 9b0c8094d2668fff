"""The app object's parts: routes beside the pages, what guards them, and what happens at start."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import click
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config

from cleaner import doors, jobs
from cleaner.errors import CleanerError, SettingsError
from cleaner.settings import ScoreSettings
from cleaner.ui import login as logins
from cleaner.ui import routes as api
from cleaner.ui.login import Login
from cleaner.ui.registry import from_environment, shared

# Not beside the folder pages/, which Streamlit would take for a menu of scripts.
SCRIPT = Path(__file__).parent / "pages" / "script.py"

# Names that a browser on this machine uses. A page elsewhere that points its own name at
# 127.0.0.1 (DNS rebinding) is answered 400. CLEANER_HOSTS adds names, such as a container's.
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]", "::1")

# The page draws with inline styles, charts compile their expressions, and a component's
# script is a blob. Everything else is held to this server, so that an image address smuggled
# into a name is never fetched.
_CONTENT_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' blob: data:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not "no-referrer": under it browsers send a form of this very page with "Origin: null".
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": _CONTENT_POLICY,
}

log = logging.getLogger(__name__)


class SecurityHeaders:
    """Adds the headers above to every answer; bodies stream through untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)


class SameOrigin:
    """Refuses what another web site makes a browser send, by HTTP or by web socket."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or _is_from_here(HTTPConnection(scope)):
            await self._app(scope, receive, send)
        else:
            await _refuse(scope, receive, send, "This app answers its own pages only.")


def _is_from_here(connection: HTTPConnection) -> bool:
    # Cookies and "localhost" do not tell one port of this computer from another; this does.
    origin = connection.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != connection.headers.get("host"):
        return False
    site = connection.headers.get("sec-fetch-site", "none")
    # Following a link from elsewhere is fine: it shows a page and changes nothing.
    is_link = connection.scope.get("method") == "GET" and (
        connection.headers.get("sec-fetch-mode") == "navigate"
    )
    return site in ("same-origin", "none") or is_link


class Doorkeeper:
    """Lets nobody in without the login; without one, nobody from another computer."""

    def __init__(self, app: ASGIApp, login: Login | None) -> None:
        self._app = app
        self._login = login

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif self._login is None:
            await self._without_login(scope, receive, send)
        else:
            await self._with_login(self._login, scope, receive, send)

    async def _without_login(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Whoever starts the app object with a server of their own may bind it to anything.
        if doors.is_loopback((scope.get("server") or ("",))[0]):
            await self._app(scope, receive, send)
        else:
            await _refuse(scope, receive, send, "Without a login this app serves 127.0.0.1 only.")

    async def _with_login(self, login: Login, scope: Scope, receive: Receive, send: Send) -> None:
        name = login.name(HTTPConnection(scope))
        if name is not None and not login.serves(scope["path"]):
            scope.setdefault("state", {})["reviewer"] = name
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await _refuse(scope, receive, send, "")
        else:
            answer = await login.answer(Request(scope, receive)) or self._app
            await answer(scope, receive, send)


async def _refuse(scope: Scope, receive: Receive, send: Send, reason: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
    else:
        await PlainTextResponse(reason, 403)(scope, receive, send)


def middleware(login: Login | None = None) -> list[Middleware]:
    """Return what every request passes before anything else."""
    return [
        Middleware(SecurityHeaders),
        Middleware(TrustedHostMiddleware, allowed_hosts=_hosts(), www_redirect=False),
        Middleware(SameOrigin),
        Middleware(Doorkeeper, login=login),
    ]


def _hosts() -> list[str]:
    named = [*os.environ.get("CLEANER_HOSTS", "").split(","), bound_address() or ""]
    return [*_LOCAL_HOSTS, *(name.strip() for name in named if name.strip())]


def bound_address() -> str | None:
    """Return what Streamlit binds to; None is every address, as with Streamlit's own default."""
    address: str | None = config.get_option("server.address")
    return address or None


def login() -> Login | None:
    """Return the login that is asked for; where one is needed and missing, end this process."""
    try:
        return logins.from_environment(bound_address())
    except SettingsError as error:
        # One line, not a traceback: nothing is broken.
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)


def routes() -> list[BaseRoute]:
    """Return the routes that stand beside the pages."""
    return api.routes(shared())


@asynccontextmanager
async def lifespan(_app: object) -> AsyncIterator[None]:
    """Open the dataset the environment names and, if asked to, start its first round."""
    await run_in_threadpool(begin)
    if os.environ.get("CLEANER_START") != "1":  # `review` has said so itself
        click.echo(f"Cleaner runs at {_url()} (Ctrl-C closes it)")
    yield


def begin() -> None:
    """Do what the environment asks for at start; a problem is shown on the welcome page."""
    named = from_environment(shared())
    if named.problem:
        log.warning("%s", named.problem)
    if named.key is None or os.environ.get("CLEANER_START") != "1":
        return
    project = shared().get(named.key)
    try:
        if not project.rounds() and jobs.active(project) is None:
            jobs.start(project, "score", ScoreSettings().as_json())
    except CleanerError as error:
        log.warning("%s", error)


def _url() -> str:
    scheme = "https" if config.get_option("server.sslCertFile") else "http"
    hosts = os.environ.get("CLEANER_HOSTS", "").split(",")
    host = hosts[0].strip() or bound_address() or "localhost"
    return f"{scheme}://{host}:{config.get_option('server.port')}"
