"""Import a set in a format of others: its pictures are copied into class folders.

A source is only ever read, nothing in a dataset is overwritten, and what cannot be taken is named.
An import that was stopped goes on where it was when it is run again: what lies there already is
known by its content.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Literal

from cleaner import cifar, given_splits, images, processors
from cleaner.addresses import Address
from cleaner.errors import ImageRejected, SourceError
from cleaner.importers import IMPORTERS, Contents, Found, PassedOver, Record
from cleaner.items import Split, shown_path
from cleaner.listings import is_listing
from cleaner.manifests import is_class_name
from cleaner.moves.naming import fold, numbered
from cleaner.moves.placing import rename_new
from cleaner.progress import Progress, Report, silent

_BENCH = ".importing"
_WAITING_PER_WORKER = 4
_STAGE = "Copying the images"

Fate = Literal["imported", "already_there"]


@dataclass(slots=True)
class Imported:
    """What became of a source.

    Attributes:
        format_name: what it was read as.
        fates: how many pictures were copied, and how many were there already.
        passed_over: what could not be taken, and why.
        counts: pictures by class and part, those that were there already among them.
        class_names: all classes, the empty ones too.
        notes: what a person should know, one sentence each.
    """

    format_name: str
    fates: Counter[Fate] = field(default_factory=Counter)
    passed_over: list[PassedOver] = field(default_factory=list)
    counts: Counter[tuple[str, Split | None]] = field(default_factory=Counter)
    class_names: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the fields the command line promises, plain values only."""
        classes = dict.fromkeys(self.class_names, 0)
        splits: Counter[str] = Counter()
        for (name, split), pictures in self.counts.items():
            classes[name] = classes.get(name, 0) + pictures
            if split is not None:
                splits[split] += pictures
        return {
            "format": self.format_name,
            "imported": self.fates["imported"],
            "already_there": self.fates["already_there"],
            "classes": {shown_path(name): pictures for name, pictures in classes.items()},
            "splits": dict(splits),
            "passed_over": [
                {"where": shown_path(one.where), "reason": shown_path(one.reason)}
                for one in self.passed_over
            ],
            "notes": self.notes,
        }


@dataclass(frozen=True, slots=True)
class Source:
    """Where pictures come from.

    Attributes:
        path: a file or folder.
        format_name: one of `IMPORTERS`; None where it is clear.
        images_folder: where relative paths in a table start; by default where the format has it.
    """

    path: Path
    format_name: str | None = None
    images_folder: Path | None = None


def import_into(
    root: Path,
    source: Source,
    *,
    state: Path,
    known: Collection[str] = (),
    report: Report = silent,
) -> Imported:
    """Copy the pictures of a source to `root/<class>/`, and keep the parts it names.

    Args:
        root: the dataset; it is made if it is not there.
        source: what is copied; it is only read.
        state: where is kept which part a picture came in.
        known: content hashes of images that the dataset has, in whatever class folder by now.
        report: told how far it is; what it raises stops the import, and the next one goes on.

    Raises:
        SourceError: the source is of no format that is read, or of another than named, or the
            dataset cannot be written.
    """
    root, path = Path(os.path.abspath(root)), Path(os.path.abspath(source.path))  # noqa: PTH100
    _check_apart(path, root)
    name = source.format_name or guessed(path)
    if name not in IMPORTERS:
        raise SourceError(f"There is no format {name!r}. Known: {', '.join(IMPORTERS)}.")
    contents = IMPORTERS[name].contents(path, source.images_folder)
    done = Imported(name, notes=list(contents.notes))
    try:
        with _bench(root) as bench:
            _copy_all(contents, _Placing(root, bench, frozenset(known)), done, state, report)
            _conclude(done, contents, root)
    except OSError as error:
        raise SourceError(
            f"{shown_path(str(root))}: cannot be written ({error.strerror or error}). Name a "
            "place with enough room that you can write to."
        ) from error
    return done


def guessed(source: Path) -> str:
    """Return the one format that a source clearly is of.

    Raises:
        SourceError: there is no such source, or it is of none or of several formats.
    """
    shown = shown_path(str(source))
    if not source.exists():
        raise SourceError(f"{shown}: there is nothing. Name the file or folder to import from.")
    found = [name for name, each in IMPORTERS.items() if each.recognises(source)]
    if len(found) == 1:
        return found[0]
    if found:
        raise SourceError(f"{shown}: this may be {' or '.join(found)}. Name it with --format.")
    if source.suffix.lower() in (".zip", ".gz", ".tgz", ".tar"):
        raise SourceError(f"{shown}: unpack the archive first, and name the folder it gives.")
    known = "; ".join(f"{name}: {each.in_words}" for name, each in IMPORTERS.items())
    raise SourceError(f"{shown}: it is of no format that is known. Known are {known}.")


def _check_apart(source: Path, root: Path) -> None:
    if isinstance(root, Address) or (is_listing(root) and not root.is_dir()):
        raise SourceError(
            f"{shown_path(str(root))}: images are not copied into a manifest. Add rows to it and "
            "scan, or name a folder."
        )
    if root.exists() and not root.is_dir():
        raise SourceError(f"{shown_path(str(root))}: this is a file. Name the dataset's folder.")
    one, other = source.resolve(), root.resolve()
    if one == other or (source.is_dir() and other.is_relative_to(one)):
        raise SourceError(
            f"{shown_path(str(root))}: lies in what is to be imported. Name a folder outside of it."
        )
    if one.is_dir() and one.is_relative_to(other):
        raise SourceError(
            f"{shown_path(str(source))}: lies in the dataset, so its images are there already."
        )


@contextmanager
def _bench(root: Path) -> Iterator[Path]:
    """Yield a hidden folder in the dataset where files are written before they get their names."""
    bench = root / _BENCH
    bench.mkdir(parents=True, exist_ok=True)
    lock = os.open(bench, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise SourceError(
            f"{shown_path(str(root))}: another import writes there right now. Wait for it."
        ) from error
    try:
        for left in bench.iterdir():
            left.unlink()
        yield bench
    finally:
        with suppress(OSError):  # what stays is hidden, and goes with the next import
            shutil.rmtree(bench)
            root.rmdir()  # unless something was copied
        os.close(lock)


def _copy_all(
    contents: Contents, placing: _Placing, done: Imported, state: Path, report: Report
) -> None:
    splits: dict[str, Split] = {}
    try:
        for number, (found, outcome) in enumerate(_read_ahead(contents.records), 1):
            if isinstance(found, PassedOver) or isinstance(outcome, str):
                reason = found.reason if isinstance(found, PassedOver) else str(outcome)
                done.passed_over.append(PassedOver(found.where, reason))
            else:
                content_hash = hashlib.sha256(outcome).hexdigest()
                done.fates[placing.place(found, outcome, content_hash)] += 1
                done.counts[found.class_name, found.split] += 1
                if found.split is not None:
                    before = splits.get(content_hash, found.split)
                    splits[content_hash] = given_splits.stricter(before, found.split)
            report(Progress(_STAGE, number, max(contents.total, number), shown_path(found.where)))
    finally:
        # Also of what a stopped import has copied: a scan may come before it goes on.
        if splits:
            given_splits.add(state, splits)


def _conclude(done: Imported, contents: Contents, root: Path) -> None:
    found = dict.fromkeys(name for name, _split in done.counts)
    named = [name for name in contents.class_names if _refusal(name) is None]
    done.class_names = list(dict.fromkeys((*named, *found)))
    if note := cifar.shortfall(done.class_names, done.counts):
        done.notes.append(note)
    if not done.counts:
        first = f" {done.passed_over[0].where}: {done.passed_over[0].reason}."
        raise SourceError(
            f"{shown_path(str(root))}: no picture could be imported."
            + (first if done.passed_over else " The source holds none.")
        )
    for name in named:
        (root / name).mkdir(exist_ok=True)


def _read_ahead(records: Iterable[Found]) -> Iterator[tuple[Any, bytes | str]]:
    """Yield each record with its bytes or why it is passed over, in order, a few ahead."""
    workers = processors.available()
    waiting: deque[tuple[Found, Future[bytes | str]]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="import")
    try:
        for found in records:
            waiting.append((found, pool.submit(_checked, found)))
            if len(waiting) > workers * _WAITING_PER_WORKER:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _checked(found: Found) -> bytes | str:
    if isinstance(found, PassedOver):
        return found.reason
    if refused := _refusal(found.class_name):
        return refused
    try:
        data = found.read()
        if not found.is_sound:
            images.inspect(data)
    except ImageRejected as error:
        return f"{images.REASONS[error.reason]}: {error.detail}"
    return data


def _refusal(class_name: str) -> str | None:
    if is_class_name(class_name) and not images.is_hidden(class_name):
        return None
    return f"no folder can be called {class_name[:80]!r}"


class _Placing:
    """Gives each picture a name of its own, the same ones each time a source is imported."""

    def __init__(self, root: Path, bench: Path, known: frozenset[str]) -> None:
        self._root = root
        self._bench = bench
        self._known = known
        self._taken: set[str] = set()

    def place(self, record: Record, data: bytes, content_hash: str) -> Fate:
        """Write a picture beside and put it in place, unless it is there."""
        if content_hash in self._known:
            return "already_there"
        folder = self._root / record.class_name
        folder.mkdir(exist_ok=True)
        written = self._bench / "picture"
        for name in self._names(record):
            target = folder / name
            if not os.path.lexists(target):
                written.write_bytes(data)
                try:
                    rename_new(written, target)
                except FileExistsError:  # since a moment ago
                    continue
                return "imported"
            if _holds(target, data):
                return "already_there"
        raise AssertionError("there is always another number")

    def _names(self, record: Record) -> Iterator[str]:
        """Yield names that no picture of this import has, the plain one first."""
        for number in count(1):
            name = record.file_name if number == 1 else numbered(record.file_name, number)
            folded = fold(f"{record.class_name}/{name}")
            if folded not in self._taken:
                self._taken.add(folded)
                yield name


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except OSError:
        return False
