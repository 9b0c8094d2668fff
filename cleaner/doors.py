"""What opens the app to other computers: the address it binds to and the token it asks for."""

from __future__ import annotations

import ipaddress
import os
import secrets
from pathlib import Path

from cleaner.errors import SettingsError
from cleaner.items import shown_path

LEAST_CHARACTERS = 16
"""Of a token; `make_token` gives 32."""


def is_loopback(address: str | None) -> bool:
    """Tell whether only this computer reaches an address; None stands for every address.

    >>> [is_loopback(a) for a in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "lab.example", None)]
    [True, True, True, False, False, False]
    """
    if address == "localhost":
        return True
    try:
        found = ipaddress.ip_address((address or "").strip("[]"))
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback


def named_token() -> str | None:
    """Return the token that CLEANER_TOKEN holds or CLEANER_TOKEN_FILE leads to, if there is one.

    Raises:
        SettingsError: it is too short, or the file cannot be read, or others may read it too.
    """
    token, file = os.environ.get("CLEANER_TOKEN"), os.environ.get("CLEANER_TOKEN_FILE")
    if file:
        return read_token(Path(file))
    return None if token is None else _long_enough(token, "CLEANER_TOKEN")


def read_token(file: Path) -> str:
    """Return the token in a file that only its owner may read.

    Raises:
        SettingsError: it cannot be read, is too short, or others may read it too.
    """
    shown = shown_path(str(file))
    try:
        if file.stat().st_mode & 0o077:
            raise SettingsError(f"{shown}: others may read this token. Run `chmod 600` on it.")
        return _long_enough(file.read_text("utf-8").strip(), shown)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{shown}: no token can be read from it ({error}). Name a text file with one line."
        ) from error


def make_token(file: Path) -> str:
    """Write a new token to a new file that only its owner may read, and return it.

    Raises:
        SettingsError: the file cannot be made.
    """
    token = secrets.token_urlsafe(24)
    try:
        with open(file, "x", encoding="utf-8", opener=_private) as written:
            written.write(token + "\n")
    except OSError as error:
        raise SettingsError(
            f"{shown_path(str(file))}: no token can be written there ({error.strerror}). "
            "Name a file in a folder you can write to."
        ) from error
    return token


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _long_enough(token: str, where: str) -> str:
    if len(token) < LEAST_CHARACTERS:
        raise SettingsError(
            f"{where}: the token has {len(token)} characters; give at least {LEAST_CHARACTERS}."
        )
    return token
