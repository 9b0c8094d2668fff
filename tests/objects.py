"""Servers on loopback that images are read from, and how to put things there.

Each speaks one protocol to the package that Cleaner reads it with: S3's is moto's, Google's is an
emulator, and the web's is Python's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from gcp_storage_emulator.handlers import buckets
from gcp_storage_emulator.server import RequestHandler
from gcp_storage_emulator.storage import Storage as Kept
from moto.server import ThreadedMotoServer

from cleaner import objects

# What the packages look for, in this process and in those of jobs.
_ACCESS = {
    "AWS_ACCESS_KEY_ID": "tests",
    "AWS_SECRET_ACCESS_KEY": "tests",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
_NOBODY = {"NO_GCE_CHECK": "true"}
_WRITING = ("PUT", "POST", "PATCH", "DELETE")


class Storage:
    """A server with one bucket, `pets`, or with what is as good as that.

    Attributes:
        asked: what came in since this was emptied: method and path.
    """

    protocol: str
    environment: Mapping[str, str]
    # What is asked for where an object's bytes are.
    _bytes_of: str

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._refusals: Iterator[int] = iter(())

    @property
    def fetched(self) -> list[str]:
        """The part of `asked` that was answered with an object."""
        return [line for line in self.asked if line.startswith(f"GET {self._bytes_of}")]

    @property
    def written(self) -> list[str]:
        """The part of `asked` that would change something."""
        return [line for line in self.asked if line.startswith(_WRITING)]

    def refuse(self, statuses: Iterable[int]) -> None:
        """Answer the next requests with these instead."""
        self._refusals = iter(statuses)

    def hear(self, line: str) -> int | None:
        """Note what is asked, and return the status to refuse it with."""
        self.asked.append(line)
        return next(self._refusals, None)

    def address(self, name: str) -> str:
        """Return the address of an object."""
        return f"{self.protocol}://pets/{name}"

    def put(self, files: Mapping[str, bytes]) -> None:
        """Put objects there."""
        for name, data in files.items():
            objects.file_system(self.protocol).pipe_file(self.address(name), data)

    def remove(self, name: str) -> None:
        """Delete an object."""
        objects.file_system(self.protocol).rm_file(self.address(name))

    def stop(self) -> None:
        """End it."""
        raise NotImplementedError


class S3(Storage):
    """Moto's server."""

    protocol = "s3"
    _bytes_of = "/pets/"

    def __init__(self) -> None:
        super().__init__()
        self._moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._moto.start()
        server: Any = self._moto._server
        self._answer, server.app = server.app, self._heard
        host, port = self._moto.get_host_and_port()
        self.environment = _ACCESS | {"AWS_ENDPOINT_URL": f"http://{host}:{port}"}
        self._is_made = False

    def put(self, files: Mapping[str, bytes]) -> None:
        if not self._is_made:
            objects.file_system("s3").mkdir("pets")
            self._is_made = True
        super().put(files)

    def stop(self) -> None:
        self._moto.stop()

    def _heard(self, asked: Mapping[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        status = self.hear(f"{asked['REQUEST_METHOD']} {asked['PATH_INFO']}")
        if status is None:
            found: Iterable[bytes] = self._answer(asked, start)
            return found
        start(f"{status} Refused", [("Content-Length", "0")])
        return [b""]


class Google(Storage):
    """An emulator of Google Cloud Storage, which asks nobody who they are."""

    protocol = "gs"
    _bytes_of = "/download/"

    def __init__(self) -> None:
        super().__init__()
        kept = Kept(use_memory_fs=True)
        buckets.create_bucket("pets", kept)

        class Answering(_Hearing, RequestHandler):  # type: ignore[misc]
            hearer = self
            storage = kept
            # Of the emulator it stands in the way of the server's own signature.
            __init__ = BaseHTTPRequestHandler.__init__

        self._server = _Running(Answering)
        self.environment = _NOBODY | {"STORAGE_EMULATOR_HOST": self._server.url}

    def stop(self) -> None:
        self._server.stop()


class Web(Storage):
    """A web server, whose objects are files."""

    protocol = "http"
    environment: Mapping[str, str] = {}
    _bytes_of = "/"

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, bytes] = {}

        class Answering(_Hearing):
            hearer = self
            files = self.files

            def do_HEAD(self) -> None:
                self._answer()

            def do_GET(self) -> None:
                self.wfile.write(self._answer())

            def _answer(self) -> bytes:
                data = self.files.get(self.path.removeprefix("/"))
                self.send_response(404 if data is None else 200)
                self.send_header("Content-Length", str(len(data or b"")))
                self.send_header("ETag", f'"{hash(data)}"')
                self.end_headers()
                return data or b""

        self._server = _Running(Answering)

    def address(self, name: str) -> str:
        return f"{self._server.url}/{name}"

    def put(self, files: Mapping[str, bytes]) -> None:
        self.files |= files

    def remove(self, name: str) -> None:
        del self.files[name]

    def stop(self) -> None:
        self._server.stop()


STORAGES: dict[str, Callable[[], Storage]] = {"s3": S3, "gs": Google, "http": Web}


def found(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this test's processes find the server."""
    for name, value in storage.environment.items():
        monkeypatch.setenv(name, value)


class _Hearing(BaseHTTPRequestHandler):
    """Lets a storage hear each request before it is answered."""

    hearer: Storage

    def parse_request(self) -> bool:
        if not super().parse_request():
            return False
        status = self.hearer.hear(f"{self.command} {self.path}")
        if status is not None:
            self.send_error(status)
        return status is None

    def log_message(self, *_arguments: object) -> None:
        """Keep quiet."""


class _Running:
    """A server in a thread."""

    def __init__(self, answering: type[BaseHTTPRequestHandler]) -> None:
        self._server = _Server(("127.0.0.1", 0), answering)
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(HTTPServer):
    # Many ask at a time.
    request_queue_size = 128

    def handle_error(self, *_arguments: object) -> None:
        """Keep quiet: who asked may have got an answer elsewhere, and hung up."""
