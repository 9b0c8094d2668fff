"""A server that speaks S3's protocol, on loopback, and how to put things there."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import pytest
from moto.server import ThreadedMotoServer

from cleaner import objects

# What the packages look for, in this process and in those of jobs.
_ACCESS = {
    "AWS_ACCESS_KEY_ID": "tests",
    "AWS_SECRET_ACCESS_KEY": "tests",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class Storage:
    """A server with one bucket, `pets`; `asked` holds the lines of its log."""

    def __init__(self) -> None:
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        self._log = _Lines()
        logging.getLogger("werkzeug").addHandler(self._log)

    @property
    def asked(self) -> list[str]:
        """What it was asked since this was last looked at."""
        lines, self._log.lines = self._log.lines, []
        return lines

    def environment(self) -> dict[str, str]:
        """Return what to set so that it is found."""
        host, port = self._server.get_host_and_port()
        return _ACCESS | {"AWS_ENDPOINT_URL": f"http://{host}:{port}"}

    def put(self, files: Mapping[str, bytes], bucket: str = "pets") -> None:
        """Put objects into a bucket, which is made if need be."""
        system = objects.file_system("s3")
        if not system.exists(bucket):
            system.mkdir(bucket)
        for name, data in files.items():
            system.pipe_file(f"s3://{bucket}/{name}", data)

    def stop(self) -> None:
        """End it."""
        logging.getLogger("werkzeug").removeHandler(self._log)
        self._server.stop()


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def found(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this test's processes find the server."""
    for name, value in storage.environment().items():
        monkeypatch.setenv(name, value)
