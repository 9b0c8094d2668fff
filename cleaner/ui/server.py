"""The app object's parts: routes beside the pages, what guards them, and what happens at start."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cleaner import jobs
from cleaner.errors import CleanerError
from cleaner.settings import ScoreSettings
from cleaner.ui import routes as api
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
        "connect-src 'self' ws: wss: blob: data:",
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
    "Referrer-Policy": "no-referrer",
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


def middleware() -> list[Middleware]:
    """Return what every request passes before anything else."""
    named = os.environ.get("CLEANER_HOSTS", "").split(",")
    hosts = [*_LOCAL_HOSTS, *(name.strip() for name in named if name.strip())]
    return [
        Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False),
        Middleware(SecurityHeaders),
    ]


def routes() -> list[BaseRoute]:
    """Return the routes that stand beside the pages."""
    return api.routes(shared())


@asynccontextmanager
async def lifespan(_app: object) -> AsyncIterator[None]:
    """Open the dataset the environment names and, if asked to, start its first round."""
    await run_in_threadpool(begin)
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
