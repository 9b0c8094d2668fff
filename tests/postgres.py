"""A PostgreSQL server of the tests' own: in a temporary folder, reached by a socket there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

_ALONE = ("-c", "listen_addresses=", "-c", "max_connections=60")
_FAST = ("-c", "fsync=off")


@dataclass
class Server:
    """A running server; every test gets an empty schema of it."""

    folder: Path
    command: list[str | Path]
    process: subprocess.Popen[bytes]
    schemas: int = 0

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"postgresql://postgres@/postgres?host={quote(str(self.folder))}"

    @classmethod
    def start(cls, *, parent: Path | None = None, durable: bool = False) -> Server | None:
        """Return a running server, or None where none is installed or none can be started.

        Args:
            parent: where its folder is made, if not among the temporary ones.
            durable: whether it waits for the disk, as a server that serves people does.
        """
        programs = _programs()
        if programs is None:
            return None
        # Not pytest's folder, which only its owner may enter: the server may be somebody else.
        folder = Path(tempfile.mkdtemp(prefix="pg-", dir=parent))
        owner = _owner()
        if owner:
            shutil.chown(folder, owner)
        as_owner = ["setpriv", f"--reuid={owner}", "--clear-groups"] if owner else []
        data = folder / "data"
        options = ["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"]
        made = subprocess.run(
            [*as_owner, programs / "initdb", "-D", data, *options], cwd=folder, capture_output=True
        )
        if made.returncode != 0:
            shutil.rmtree(folder, ignore_errors=True)
            return None
        command: list[str | Path] = [
            *as_owner,
            programs / "postgres",
            "-D",
            data,
            "-k",
            folder,
            *_ALONE,
            *(() if durable else _FAST),
        ]
        server = cls(folder, command, _started(folder, command))
        if not server._answers():
            server.stop()
            return None
        return server

    def new_url(self) -> str:
        """Make an empty schema and return the URL that leads to it."""
        self.schemas += 1
        name = f"test_{self.schemas}"
        self.run(self.url, f"CREATE SCHEMA {name}")
        return f"{self.url}&options=-csearch_path%3D{name}"

    def run(self, url: str, statement: str) -> list[tuple[object, ...]]:
        """Do statements, past everything of ours, and return the rows of the last one."""
        import psycopg

        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def crash(self) -> None:
        """End it at once, as a crash would; `restart` has it recover."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(60)

    def restart(self) -> None:
        """Start it again where it was and wait until it answers."""
        self.process = _started(self.folder, self.command)
        assert self._answers()

    def stop(self) -> None:
        """End it at once; nothing in it is worth keeping."""
        self.process.send_signal(signal.SIGQUIT)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        import psycopg

        give_up = time.monotonic() + 120
        while time.monotonic() < give_up and self.process.poll() is None:
            try:
                self.run(self.url, "SELECT 1")
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return True
        return False


def _started(folder: Path, command: list[str | Path]) -> subprocess.Popen[bytes]:
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)


def _programs() -> Path | None:
    """Return the folder of initdb and postgres; Debian puts them beside the path."""
    found = shutil.which("postgres")
    candidates = [Path(found).resolve().parent] if found else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in candidates if (folder / "initdb").is_file()), None)


def _owner() -> str | None:
    """Return who shall run it: it refuses to run as root."""
    return "nobody" if os.geteuid() == 0 else None
