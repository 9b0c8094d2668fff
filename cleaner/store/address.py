"""Where a dataset's database is: a file in its state folder, or a server named there once."""

from __future__ import annotations

import os
from pathlib import Path

from cleaner.errors import StoreError
from cleaner.store import catalogue, postgres
from cleaner.store.engine import Store

_FILE = "cleaner.sqlite"
_URL = "store.url"


def open_store(state: Path, root: str, named: str | None) -> Store:
    """Open the database that the state folder knows of, or the server that is `named`.

    A server that was named is remembered in the state folder, so it need not be named again.

    Args:
        state: the state folder.
        root: the dataset as people see it; a server's database belongs to one dataset.
        named: the URL of a PostgreSQL database.

    Raises:
        StoreError: it cannot be opened, holds another dataset, or this dataset's decisions
            are elsewhere already.
    """
    known = _remembered(state)
    if named is None:
        return Store(state / _FILE if known is None else known)
    url = postgres.parse(named).render_as_string(hide_password=False)
    if known is None and _holds_images(state / _FILE):
        raise StoreError(
            f"{state}: what is known of this dataset is in {_FILE} there, not on a server. Leave "
            "out --store, or name another state folder with --state to start anew."
        )
    store = Store(url)
    try:
        _claim(store, root, known=known if known != url else None)
    except StoreError:
        store.close()
        raise
    if url != known:
        _remember(state, url)
    return store


def _remembered(state: Path) -> str | None:
    try:
        return (state / _URL).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{state / _URL}: cannot be read, so nobody knows which server holds the decisions "
            "of this dataset. Make it readable, or name the server with --store."
        ) from error


def _holds_images(file: Path) -> bool:
    if not file.is_file():
        return False
    store = Store(file)
    try:
        with store.read() as connection:
            return bool(catalogue.counts(connection))
    finally:
        store.close()


def _claim(store: Store, root: str, *, known: str | None) -> None:
    """Make sure that the server's database is this dataset's.

    Raises:
        StoreError: it is another's; or it is empty, and the decisions are at `known`.
    """
    with store.write() as connection:
        owner = catalogue.fact(connection, "root")
        if owner is not None and owner != root:
            raise StoreError(
                f"{store.shown}: holds another dataset, {owner}. Make a database of its own for "
                f"{root}, and name that."
            )
        if owner is None and known is not None:
            raise StoreError(
                f"{store.shown}: is empty, and what is known of this dataset is in "
                f"{postgres.shown(postgres.parse(known))}. Copy that there first (pg_dump), or "
                "leave out --store."
            )
        if owner is None:
            catalogue.set_facts(connection, {"root": root})


def _remember(state: Path, url: str) -> None:
    """Keep the URL for later commands; it may hold a password, so nobody else may read it."""
    beside = state / f"{_URL}.{os.getpid()}.tmp"
    try:
        beside.unlink(missing_ok=True)
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(f"{url}\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(state / _URL)
    except OSError as error:
        raise StoreError(
            f"{state / _URL}: cannot be written ({error.strerror}). Make the state folder "
            "writable, or name another one with --state."
        ) from error
