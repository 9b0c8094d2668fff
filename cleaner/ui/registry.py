"""Which datasets the app has open, and which ones it opened before."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import platformdirs

from cleaner.addresses import located
from cleaner.errors import CleanerError, DatasetError
from cleaner.project import Project, default_state

_MOST_REMEMBERED = 12

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """A dataset that was opened once.

    Attributes:
        key: stands for it in URLs; the same for the same root and state, whoever computes it.
        root: its folder.
        state: where all that is not an image of it lies.
        opened_at: UTC, ISO 8601.
    """

    key: str
    root: str
    state: str
    opened_at: str


def key_of(root: Path, state: Path) -> str:
    """Return the name of a dataset in URLs, which must not hold its path."""
    return hashlib.sha256(os.fsencode(root) + b"\0" + os.fsencode(state)).hexdigest()[:12]


class Registry:
    """The open datasets of this server; what it opened outlives it in a small file."""

    def __init__(self, home: Path) -> None:
        self._file = home / "recent.json"
        self._open: dict[str, Project] = {}
        self._lock = threading.RLock()

    def open(self, root: Path, state: Path | None = None, store: str | None = None) -> str:
        """Open a dataset, remember it, and return its key; see `Project` for the arguments.

        Raises:
            DatasetError: `root` is not a folder.
            StoreError: its state cannot be opened.
        """
        with self._lock:
            project = self._opened(located(root), state, store)
            key = key_of(project.root, project.state)
            self._remember(key, project)
            return key

    def get(self, key: str) -> Project:
        """Return the dataset with this key, opening it if another server had it open.

        Raises:
            DatasetError: no dataset with this key was ever opened here, or it is gone.
            StoreError: its state cannot be opened.
        """
        with self._lock:
            known = self._open.get(key)
            if known is not None and known.is_there():
                return known
            for entry in self.recent():
                if entry.key == key:
                    return self._opened(located(Path(entry.root)), Path(entry.state))
        raise DatasetError("This address belongs to a dataset that was not opened here before.")

    def recent(self) -> list[Entry]:
        """Return what was opened before, the latest first."""
        try:
            return [Entry(**values) for values in json.loads(self._file.read_text("utf-8"))]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError):
            # A convenience, not a record: better forgotten than in the way.
            log.warning("%s cannot be read; starting a new one.", self._file)
            return []

    def _opened(self, root: Path, state: Path | None, store: str | None = None) -> Project:
        key = key_of(root, (state or default_state(root)).expanduser().absolute())
        known = self._open.get(key)
        if known is None or not known.is_there():
            known = self._open[key] = Project(root, state, store)
        return known

    def _remember(self, key: str, project: Project) -> None:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        entry = Entry(key, str(project.root), str(project.state), now)
        kept = [entry, *(other for other in self.recent() if other.key != key)]
        values = [asdict(one) for one in kept[:_MOST_REMEMBERED]]
        beside = self._file.with_name(f"recent.{os.getpid()}.tmp")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(json.dumps(values, indent=1), "utf-8")
            beside.replace(self._file)
        except OSError:
            log.warning("%s cannot be written; a restart will not know this dataset.", self._file)


def shared() -> Registry:
    """Return the registry that pages and routes of this process share."""
    home = os.environ.get("CLEANER_HOME") or platformdirs.user_state_dir("cleaner")
    return _at(Path(home))


@cache
def _at(home: Path) -> Registry:
    return Registry(home)


@dataclass(frozen=True, slots=True)
class Named:
    """What became of the dataset that the environment names: its key, or why not."""

    key: str | None = None
    problem: str | None = None


def from_environment(registry: Registry) -> Named:
    """Open the dataset named by CLEANER_DATASET (CLEANER_STATE, CLEANER_STORE), if one is."""
    root, state = os.environ.get("CLEANER_DATASET"), os.environ.get("CLEANER_STATE")
    store = os.environ.get("CLEANER_STORE") or None
    if not root:
        return Named()
    try:
        return Named(key=registry.open(Path(root), Path(state) if state else None, store))
    except CleanerError as error:
        return Named(problem=str(error))
