"""Objects in storage and on the web, through fsspec: size and version, bytes, a file to read.

fsspec, and the package it needs for a protocol, are loaded when an address is first read. Retries,
credentials and endpoints are theirs: what works with them works here, by the same environment and
configuration. An address is given to the file system of its protocol and to no other, so a chain
of fsspec's (``zip://...::file://...``) is nothing but a name here.
"""

from __future__ import annotations

import hashlib
import importlib
import logging
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

from cleaner.addresses import Address
from cleaner.errors import DatasetError, ImageRejected

REQUIREMENTS = "requirements-objects.txt"

# What to install for a protocol, and which of its file systems is taken.
_PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "https": "aiohttp", "http": "aiohttp"}
_SYSTEMS = {
    "s3": "s3fs:S3FileSystem",
    # Not the one that is registered: that asks for the layout of the bucket by gRPC as well, with
    # each object again where it may not know it.
    "gs": "gcsfs.core:GCSFileSystem",
    "https": "fsspec.implementations.http:HTTPFileSystem",
    "http": "fsspec.implementations.http:HTTPFileSystem",
}
# The errors that these raise beside OSError.
_FAILURES = {
    "s3": ("botocore.exceptions:BotoCoreError", "aiohttp:ClientError"),
    "gs": (
        "gcsfs.retry:HttpError",
        "gcsfs.retry:ChecksumError",
        "gcsfs.retry:NonRetryableError",
        "google.auth.exceptions:GoogleAuthError",
        "aiohttp:ClientError",
    ),
    "https": ("aiohttp:ClientError",),
    "http": ("aiohttp:ClientError",),
}
# Those where nobody is logged in.
_NO_LOGIN = {
    "s3": (
        "botocore.exceptions:NoCredentialsError",
        "botocore.exceptions:PartialCredentialsError",
        "botocore.exceptions:CredentialRetrievalError",
        "botocore.exceptions:ProfileNotFound",
    ),
    "gs": ("gcsfs.retry:NonRetryableError", "google.auth.exceptions:DefaultCredentialsError"),
    "https": (),
    "http": (),
}
# What a server, or who stands before it, shows to people.
_PAGE = re.compile("<(!doctype|html|head|body).*", re.IGNORECASE)
_REFUSALS = ("no_login", "no_permission")
_UNKNOWN_CALLER, _DENIED = 401, 403
# gcsfs has a plain OSError for the latter.
_FORBIDDEN = "Forbidden: "
_SIGNED = "Name it with the signature that its server asks for, one that has not ended."
_TO_LOG_IN = {
    "s3": "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, to who may read it.",
    "gs": "Run `gcloud auth application-default login`, or let GOOGLE_APPLICATION_CREDENTIALS name "
    "the key file of who may read it.",
    "https": _SIGNED,
    "http": _SIGNED,
}
# What a server calls the version of what it serves, best first.
_VERSIONS = ("ETag", "etag", "md5Hash", "generation", "LastModified", "updated", "Last-Modified")
_WEB = ("https", "http")
_GONE = (404, 410)
_WEB_SECONDS = 600
_SILENT_SECONDS = 60
_CONNECT_SECONDS = 20
# Two for each of those that are asked at a time.
_FAILURES_IN_A_ROW = 64
_PIECE_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Version:
    """What tells whether an object is still the same.

    Attributes:
        byte_size: None where the server does not say.
        number: made of its ETag or date; 0 where the server names neither.
    """

    byte_size: int | None
    number: int


def version(address: Address) -> Version:
    """Return size and version of an object, which is not read.

    Raises:
        DatasetError: the package for this protocol is not installed.
        ImageRejected: it is not there, or cannot be asked for.
    """
    system = file_system(address.protocol)
    with _told(address):
        facts = system.info(address.text)
    if facts.get("type") == "directory":
        raise ImageRejected("not_a_file", "a folder.")
    named = [facts[name] for name in _VERSIONS if facts.get(name)]
    digest = hashlib.sha256(str(named[0]).encode()).digest() if named else bytes(8)
    size = facts.get("size")
    # Without the sign: it is kept where files have their time of modification.
    return Version(None if size is None else int(size), int.from_bytes(digest[:8], "big") >> 1)


def read(address: Address, *, most_bytes: int) -> bytes:
    """Return an object's bytes, or the first `most_bytes` of them and no more.

    Raises:
        DatasetError: the package for this protocol is not installed.
        ImageRejected: it is not there, or cannot be read.
    """
    system = file_system(address.protocol)
    with _told(address):
        return _READERS[address.protocol](system, address.text, most_bytes)


class Patience:
    """Asks no more of a server that failed often in a row: each time may take minutes."""

    def __init__(self) -> None:
        self._failures: Counter[str] = Counter()
        self._reasons: dict[str, ImageRejected] = {}

    @contextmanager
    def asking(self, file: Path) -> Iterator[None]:
        """Count how asking for a file went; files of this machine are not counted.

        Raises:
            ImageRejected: its server was given up, or what is raised within.
        """
        server = file.server if isinstance(file, Address) else ""
        if server and self._failures[server] >= _FAILURES_IN_A_ROW:
            last = self._reasons[server]
            raise ImageRejected(
                last.reason, f"{server} failed {_FAILURES_IN_A_ROW} times in a row. {last.detail}"
            )
        try:
            yield
        except ImageRejected as rejected:
            # Not where one may not read this: there may be more that one may read.
            if rejected.reason in ("read_error", "no_login"):
                self._failures[server] += 1
                self._reasons[server] = rejected
            raise
        self._failures[server] = 0


@contextmanager
def opened(address: Address) -> Iterator[IO[bytes]]:
    """Yield an object as a file that can be read from any place: a copy, gone when it is closed.

    Raises:
        DatasetError: the package is not installed, or it cannot be read.
    """
    system = file_system(address.protocol)
    with tempfile.TemporaryFile() as copy:
        try:
            # From its begin to its end: web servers are free to ignore a range.
            with _told(address), _whole(system, address) as file:
                shutil.copyfileobj(file, copy)
        except ImageRejected as error:
            said = error.detail.rstrip(".")
            raise DatasetError(f"{address}: cannot be read ({said}).") from error
        copy.seek(0)
        yield copy


def file_system(protocol: str) -> Any:
    """Return the file system of a protocol; one for all threads of a process.

    Raises:
        DatasetError: its package is not installed.
    """
    # By process, since what a fork inherits of it does not work.
    return _file_system(protocol, os.getpid())


@cache
def _file_system(protocol: str, _process: int) -> Any:
    try:
        kind = _imported(_SYSTEMS[protocol])
        options = _OPTIONS[protocol]()
    except ImportError as error:
        raise DatasetError(
            f"{protocol}://: reading these addresses needs {_PACKAGES[protocol]}, which is not "
            f"installed. Run `pip install -r {REQUIREMENTS}`."
        ) from error
    return kind(use_listings_cache=False, skip_instance_cache=True, **options)


def _google_options() -> dict[str, Any]:
    # It logs a traceback for each failure, which its caller is told of as well.
    if "GCSFS_DEBUG" not in os.environ:
        logging.getLogger("gcsfs").setLevel(logging.CRITICAL)
    return {"access": "read_only"}


def _web_options() -> dict[str, Any]:
    import aiohttp

    # A server may fall silent, or answer byte by byte for ever.
    limits = aiohttp.ClientTimeout(
        total=_WEB_SECONDS, sock_connect=_CONNECT_SECONDS, sock_read=_SILENT_SECONDS
    )
    return {"client_kwargs": {"timeout": limits}}


_OPTIONS: dict[str, Callable[[], dict[str, Any]]] = {
    "s3": dict,
    "gs": _google_options,
    "https": _web_options,
    "http": _web_options,
}


def _whole(system: Any, address: Address) -> AbstractContextManager[Any]:
    streaming = {"block_size": 0} if address.protocol in _WEB else {}
    file: AbstractContextManager[Any] = system.open(address.text, "rb", **streaming)
    return file


def _ranged(system: Any, text: str, most_bytes: int) -> bytes:
    data: bytes = system.cat_file(text, start=0, end=most_bytes)
    return data


def _streamed(system: Any, text: str, most_bytes: int) -> bytes:
    # Where a range is ignored no more is taken than was asked for all the same.
    pieces, left = [], most_bytes
    with system.open(text, "rb", block_size=0) as file:
        while left and (piece := file.read(min(left, _PIECE_BYTES))):
            pieces.append(piece)
            left -= len(piece)
    return b"".join(pieces)


_READERS: dict[str, Callable[[Any, str, int], bytes]] = {
    "s3": _ranged,
    "gs": _ranged,
    "https": _streamed,
    "http": _streamed,
}


@contextmanager
def _told(address: Address) -> Iterator[None]:
    """Turn what the packages raise into the one clear reason."""
    failures: tuple[type[Exception], ...] = (
        OSError,
        ValueError,
        *_errors(_FAILURES[address.protocol]),
    )
    try:
        yield
    except failures as raised:
        error = _meant(address, raised)
        reason = _reason(address.protocol, error)
        to_do = f" {_TO_LOG_IN[address.protocol]}" if reason in _REFUSALS else ""
        raise ImageRejected(reason, f"{_said(error)}.{to_do}") from error


def _said(error: BaseException) -> str:
    said = _PAGE.sub("", " ".join(str(error).split())).strip()[:200].rstrip(".")
    status = _status(error)
    return said or (f"its server answered with {status}" if status else type(error).__name__)


def _status(error: BaseException) -> object:
    # A status is aiohttp's, a code gcsfs's.
    return getattr(error, "status", None) or getattr(error, "code", None)


def _meant(address: Address, error: Exception) -> BaseException:
    """Return the error that counts: a page is called missing also where no server answers."""
    cause = error.__cause__
    if cause is None or address.protocol not in _WEB or getattr(cause, "status", None) in _GONE:
        return error
    return cause


def _reason(protocol: str, error: BaseException) -> str:
    status = _status(error)
    if status == _UNKNOWN_CALLER or isinstance(error, _errors(_NO_LOGIN[protocol])):
        return "no_login"
    is_forbidden = isinstance(error, OSError) and str(error).startswith(_FORBIDDEN)
    if status == _DENIED or is_forbidden or isinstance(error, PermissionError):
        return "no_permission"
    return "missing" if isinstance(error, FileNotFoundError) else "read_error"


@cache
def _errors(names: tuple[str, ...]) -> tuple[type[Exception], ...]:
    return tuple(_imported(name) for name in names)


def _imported(name: str) -> Any:
    module, _, member = name.partition(":")
    return getattr(importlib.import_module(module), member)
