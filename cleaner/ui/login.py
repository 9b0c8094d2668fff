"""Who may use the app when others could reach it: whoever knows a token, or an OIDC account.

On this computer alone no login is needed. Bound to any other address the app does not start
without one, and then nothing is answered without it: no page, route, picture or web socket.
"""

from __future__ import annotations

import hashlib
import hmac
import html
import os
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Protocol, runtime_checkable
from urllib.parse import parse_qs, urlsplit

from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from cleaner import doors
from cleaner.errors import SettingsError
from cleaner.ui import bodies

COOKIE_SECONDS = 7 * 24 * 3600
_MAX_BODY_BYTES = 4096
_ATTEMPTS_A_MINUTE = 10
_MOST_CLIENTS = 1000
_PAGE = Template(Path(__file__).with_name("login.html").read_text("utf-8"))


@runtime_checkable
class Login(Protocol):
    """Tells who is logged in, and answers those who are not."""

    def name(self, connection: HTTPConnection) -> str | None:
        """Return the name of whoever sends this, ``""`` if it is not known, None for nobody."""
        ...

    def serves(self, path: str) -> bool:
        """Tell whether this address belongs to logging in, and so is open to anybody."""
        ...

    async def answer(self, request: Request) -> Response | None:
        """Answer somebody who is not logged in; None leaves it to the server."""
        ...


def from_environment(address: str | None) -> Login | None:
    """Return the login that the environment and the secrets ask for, or None if none is needed.

    Args:
        address: what the server binds to; None stands for every address there is.

    Raises:
        SettingsError: others could reach the app and there is no login, or it is incomplete.
    """
    token = doors.named_token()
    if token is not None:
        return TokenLogin(token)
    if _oidc_is_set_up():
        return _oidc()
    if not doors.is_loopback(address):
        raise SettingsError(
            f"The address {address or '(all of them)'} lets other computers open this app, and "
            f"there is no login. Put a token of at least {doors.LEAST_CHARACTERS} characters into "
            "CLEANER_TOKEN, or the name of a file with one into CLEANER_TOKEN_FILE, or set up "
            "[auth] in .streamlit/secrets.toml; and put the names that browsers use into "
            "CLEANER_HOSTS. Or bind to 127.0.0.1."
        )
    return None


# -- a token -----------------------------------------------------------------------------


class TokenLogin:
    """One secret for everybody who may use the app; a signed cookie remembers who gave it."""

    def __init__(self, token: str) -> None:
        self._key = hashlib.sha256(b"cleaner-login\0" + token.encode()).digest()
        self._token = token
        # Named by the token, so that two servers on one host do not log each other's users out.
        self._cookie = f"cleaner_{self._mac('name')[:8]}"
        self._failures = _Failures()

    def name(self, connection: HTTPConnection) -> str | None:
        """Return ``""``: a token does not say who has it."""
        expires, _, mac = connection.cookies.get(self._cookie, "").partition(".")
        is_ours = hmac.compare_digest(mac.encode(), self._mac(expires).encode())
        return "" if is_ours and int(expires) > time.time() else None

    def serves(self, path: str) -> bool:
        return path in ("/login", "/logout")

    async def answer(self, request: Request) -> Response:
        """Check a token that was sent, or ask for one."""
        if request.url.path == "/logout":
            response = _asked("You are logged out.", "/")
            response.delete_cookie(self._cookie)
            return response
        if request.url.path == "/login" and request.method == "POST":
            return await self._check(request)
        wants_page = request.method == "GET" and "text/html" in request.headers.get("accept", "")
        if not wants_page:
            return PlainTextResponse("Log in first.", 401)
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return _asked("", "/" if request.url.path == "/login" else here)

    async def _check(self, request: Request) -> Response:
        client = request.client.host if request.client else ""
        if self._failures.too_many(client):
            return _asked("Too many attempts. Wait a minute.", "/", 429)
        given, onwards = await _form(request)
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            self._failures.add(client)
            return _asked("That is not the token.", onwards)
        expires = str(int(time.time()) + COOKIE_SECONDS)
        response = RedirectResponse(onwards, 303)
        response.set_cookie(
            self._cookie,
            f"{expires}.{self._mac(expires)}",
            max_age=COOKIE_SECONDS,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response

    def _mac(self, text: str) -> str:
        return hmac.digest(self._key, text.encode(), "sha256").hex()


@dataclass(slots=True)
class _Failures:
    """Wrong tokens of the last minute, by who sent them."""

    _times: dict[str, deque[float]] = field(default_factory=dict)

    def too_many(self, client: str) -> bool:
        oldest = time.monotonic() - 60
        for known in list(self._times):
            while self._times[known] and self._times[known][0] < oldest:
                self._times[known].popleft()
            if not self._times[known]:
                del self._times[known]
        is_crowd = len(self._times) >= _MOST_CLIENTS
        return is_crowd or len(self._times.get(client, ())) >= _ATTEMPTS_A_MINUTE

    def add(self, client: str) -> None:
        self._times.setdefault(client, deque()).append(time.monotonic())


async def _form(request: Request) -> tuple[str, str]:
    """Return the token that was sent and where to go on."""
    try:
        body = await bodies.read(request, most_bytes=_MAX_BODY_BYTES)
    except (bodies.TooLong, bodies.TooSlow):
        return "", "/"
    fields = parse_qs(body.decode("utf-8", "replace"))
    onwards = urlsplit(fields.get("next", ["/"])[0].replace("\\", "/"))
    is_here = not onwards.scheme and not onwards.netloc and onwards.path.startswith("/")
    return fields.get("token", [""])[0].strip(), onwards.geturl() if is_here else "/"


def _asked(problem: str, onwards: str, status: int = 401) -> HTMLResponse:
    page = _PAGE.substitute(problem=html.escape(problem), next=html.escape(onwards))
    return HTMLResponse(page, status, headers={"Cache-Control": "no-store"})


# -- OIDC, as Streamlit does it ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OidcLogin:
    """Accounts of the provider in .streamlit/secrets.toml; Streamlit's own cookie tells who.

    Attributes:
        users: e-mail addresses in lower case that may use the app; ``*`` stands for all.
    """

    users: frozenset[str]

    def name(self, connection: HTTPConnection) -> str | None:
        email = _oidc_email(connection)
        return email if email is not None and self._may(email) else None

    def serves(self, path: str) -> bool:
        return path in ("/auth/login", "/auth/logout", "/oauth2callback")

    async def answer(self, request: Request) -> Response | None:
        """Send a browser to the provider."""
        if self.serves(request.url.path):
            return None
        wants_page = request.method == "GET" and "text/html" in request.headers.get("accept", "")
        email = _oidc_email(request)
        if email is not None:
            return PlainTextResponse(f"{email} may not use this app. See /auth/logout.", 403)
        if not wants_page:
            return PlainTextResponse("Log in first.", 401)
        from streamlit.auth_util import encode_provider_token

        return RedirectResponse(f"/auth/login?provider={encode_provider_token('default')}", 303)

    def _may(self, email: str) -> bool:
        return "*" in self.users or email.lower() in self.users


def _oidc_email(connection: HTTPConnection) -> str | None:
    """Return the e-mail address in the signed cookie that Streamlit's pages go by."""
    from streamlit.auth_util import get_origin_from_redirect_uri
    from streamlit.web.server.starlette import starlette_websocket as pages
    from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

    # There is no public way outside a page; a test holds this against Streamlit's own signing.
    signed = pages._get_signed_cookie_with_chunks(dict(connection.cookies), USER_COOKIE_NAME)
    if not signed:
        return None
    user = pages._parse_decoded_user_cookie(signed, get_origin_from_redirect_uri() or "")
    if not user.get("is_logged_in") or user.get("email_verified") is False:
        return None
    return str(user.get("email") or user.get("sub") or "")


def _oidc_is_set_up() -> bool:
    from streamlit.auth_util import get_secrets_auth_section

    return bool(get_secrets_auth_section())


def _oidc() -> OidcLogin:
    from streamlit.auth_util import is_authlib_installed

    if not is_authlib_installed():
        raise SettingsError(
            "[auth] in .streamlit/secrets.toml needs Authlib. Run `pip install Authlib`."
        )
    users = [name.strip().lower() for name in os.environ.get("CLEANER_USERS", "").split(",")]
    if not any(users):
        raise SettingsError(
            "[auth] in .streamlit/secrets.toml lets people log in, and nothing says who. Put their "
            "e-mail addresses into CLEANER_USERS, with commas between; * stands for every account "
            "of the provider."
        )
    return OidcLogin(frozenset(filter(None, users)))
