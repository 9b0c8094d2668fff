"""A manifest: its rows name images and their labels, and decisions become a new manifest.

An image's path in the catalogue is the class of its row and the uri as it is written there, so it
belongs elsewhere as long as the manifest says otherwise than the decisions. Images are only read,
and so is the manifest: what is decided stands in the store, and each new manifest says all of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar

from sqlalchemy import Connection

from cleaner import folder, images, listings, looks, objects, processors
from cleaner.addresses import Address
from cleaner.decisions import FileMove, Plan
from cleaner.engines import Engine, Tick, check_seen, chunked
from cleaner.errors import DatasetError, ImageRejected, MoveError
from cleaner.items import Finding, Item, Scan, ScannedFile, shown_path
from cleaner.listings import Changes, Row
from cleaner.lookahead import in_order
from cleaner.moves import Places, exclusive, rename_new, sync_folder
from cleaner.objects import Patience
from cleaner.origins.base import SCANNED, Applied, Problems, Report
from cleaner.store import Store, catalogue, findings

_MOST_WORKERS = 16
# They wait for a server most of the time.
_MOST_WAITING = 32
_WRITTEN = "manifest as written"
_UNREACHED = "unreached"
# Kind and severity of what is said of an image whose rows have several labels.
_TORN: tuple[str, Literal["warning"]] = ("listed_twice", "warning")
# A row, and what an earlier scan found there.
_Asked: TypeAlias = tuple[Row, ScannedFile | None]
# What a server says that may well have the image; credentials end while a scan goes on.
_UNTOLD = ("read_error", "no_permission", "no_login")


class Listing:
    """A CSV or Parquet table with the columns uri and label."""

    moves_files = False

    def __init__(self, root: Path, state: Path) -> None:
        self._root = root
        self._state = state
        self._places = Places(dataset=root, quarantine=state / "quarantine")

    def is_there(self) -> bool:
        """See `Origin`; a server is not asked, for pages ask this often."""
        return isinstance(self._root, Address) or self._root.is_file()

    def recover(self, store: Store) -> tuple[FileMove, ...]:  # noqa: ARG002 - see Origin
        """See `Origin`; no file ever moves, and an unfinished manifest is written over."""
        return ()

    # -- looking -------------------------------------------------------------------------

    def scan(
        self, known: Mapping[str, ScannedFile], report: Report, engine: Engine | None = None
    ) -> Scan:
        """See `Origin`; a row that names no image of the dataset becomes a finding."""
        version = listings.version(self._root)
        rows, problems = self._rows()
        asked = [(row, known.get(_path(row))) for row in rows]
        outcomes = (
            in_order(partial(_read, self._root, Patience()), asked, self._workers(rows))
            if engine is None
            else self._elsewhere(engine, asked)
        )
        told: dict[str, ScannedFile | Finding] = {}
        for done, outcome in enumerate(outcomes, 1):
            path = outcome.path if isinstance(outcome, ScannedFile) else outcome.paths[0]
            told[path] = outcome
            report(done, len(rows), path)
        files: list[ScannedFile] = []
        for path in map(_path, rows):
            outcome = told[path]
            if isinstance(outcome, ScannedFile):
                files.append(outcome)
            else:
                problems.append(outcome)
                if outcome.kind == _UNREACHED:
                    files.append(known[path])
        if not files:
            raise DatasetError(_nothing_read(self._root, problems))
        names = sorted({listings.class_name(row.label) for row in rows})
        return Scan(self._root, tuple(names), tuple(files), tuple(problems), version)

    def path_of(self, item: Item) -> Path:
        """See `Origin`; a uri that means no file is a file that is missing."""
        uri = _uri(item.path)
        try:
            return listings.file_of(self._root, uri)
        except ImageRejected:
            return self._state / "nowhere"

    def reach_of(self, item: Item) -> Path:
        """Return the image's own folder: a link in its place must not lead out of that."""
        return _reach(self.path_of(item))

    def _rows(self) -> tuple[list[Row], list[Finding]]:
        """Return the rows that name an image, each image once, and findings about the others."""
        by_uri: dict[str, list[Row]] = defaultdict(list)
        problems: list[Finding] = []
        for row in listings.rows(self._root):
            problem = listings.problem_of(row)
            if problem is None:
                by_uri[row.uri].append(row)
            else:
                named = row.uri or f"row {row.number}"
                detail = f"Row {row.number} is left out. {problem}"
                problems.append(Finding("bad_row", (named,), "error", detail))
        problems += [_listed_twice(rows) for rows in by_uri.values() if len(rows) > 1]
        return [rows[0] for rows in by_uri.values()], problems

    def _workers(self, rows: Sequence[Row]) -> int:
        """Return how many rows are read at a time.

        Raises:
            DatasetError: the package for an address among them is not installed.
        """
        protocols = {f.protocol for f in _files(self._root, rows) if isinstance(f, Address)}
        for protocol in sorted(protocols):
            objects.file_system(protocol)
        return _MOST_WAITING if protocols else min(processors.available(), _MOST_WORKERS)

    def _elsewhere(
        self, engine: Engine, asked: Sequence[_Asked]
    ) -> Iterator[ScannedFile | Finding]:
        """Yield the same, read by an engine; first what is known, which stays here."""
        rows = [row for row, _before in asked]
        news: list[_Asked] = []
        still = partial(_still, self._root, Patience())
        for one, outcome in zip(asked, in_order(still, asked, self._workers(rows)), strict=True):
            if outcome is None:
                news.append(one)
            else:
                yield outcome
        if news:
            files = _files(self._root, [row for row, _before in news])
            folders = {file.parent for file in files if not isinstance(file, Address)}
            work = _Reading(self._root, tuple(sorted(f for f in folders if f.is_dir())))
            yield from chain.from_iterable(
                engine.run(work, chunked(news, engine.workers), lambda _done: None)
            )

    # -- applying ------------------------------------------------------------------------

    def due(self, connection: Connection) -> int:
        """See `Origin`; 0 as long as the latest manifest says what is decided."""
        written, marks = self._latest(connection), _marks(connection)
        if written.get("decided") == marks:
            return 0
        twice, *_sums = findings.decided_marks(connection, *_TORN)
        return catalogue.misplaced(connection) + twice or int(written.get("changes", 0))

    def plan(self, store: Store) -> Plan:
        """Return what a new manifest would say otherwise; nothing if the latest says it all."""
        with store.read() as connection:
            moves, settled = _changes(connection), findings.decided(connection, *_TORN)
            written = self._latest(connection)
        moves += self._settled(settled)
        return Plan(()) if written.get("digest") == _digest(moves) else Plan(moves)

    def apply(self, store: Store, report: Report | None) -> Applied:
        """Write a new manifest, unless the latest one says the same already.

        It lies beside the manifest, or in the state folder if that has an address.
        """
        with exclusive(self._places):
            with store.read() as connection:
                moves, marks = _changes(connection), _marks(connection)
                settled = findings.decided(connection, *_TORN)
                written, scanned = self._latest(connection), catalogue.fact(connection, SCANNED)
                gone = catalogue.gone(connection)
            moves += self._settled(settled)
            digest = _digest(moves)
            if written.get("digest", _digest(())) == digest:
                _keep(store, written and written | {"decided": marks})
                return Applied(())
            target = self._write(self._said(moves, gone), scanned)
            facts = {"decided": marks, "changes": len(moves), "file": target.name}
            _keep(store, facts | {"digest": digest, "scanned": scanned})
        if report is not None:
            report(len(moves), len(moves), shown_path(target.name))
        return Applied(tuple(replace(move, state="done") for move in moves), manifest=target)

    def follow(self, store: Store, item_ids: set[int]) -> Problems:  # noqa: ARG002 - see Origin
        """See `Origin`; manifests that were written stay, and the next one says what holds."""
        return ()

    def _latest(self, connection: Connection) -> dict[str, Any]:
        """Return what the latest manifest says; nothing once it is gone or of other rows."""
        noted = catalogue.fact(connection, _WRITTEN)
        found: dict[str, Any] = {} if noted is None else json.loads(noted)
        is_of_now = found.get("scanned") == catalogue.fact(connection, SCANNED)
        return found if found and is_of_now and (self._home() / found["file"]).is_file() else {}

    def _write(self, changes: Changes, scanned: str | None) -> Path:
        """Write a manifest beside its place, then give it the next free name."""
        home = self._home()
        # By the state folder, whose lock is held: others may write one of the same manifest.
        own = hashlib.sha256(os.fsencode(self._state)).hexdigest()[:8]
        unfinished = home / f".{self._root.stem}.unfinished-{own}{self._root.suffix}"
        try:
            home.mkdir(parents=True, exist_ok=True)
            unfinished.unlink(missing_ok=True)
            with unfinished.open("xb") as file:
                listings.rewrite(self._root, file, changes)
                file.flush()
                os.fsync(file.fileno())
            if listings.version(self._root) != scanned:
                raise MoveError(
                    f"{shown_path(str(self._root))}: has changed since the scan, so its rows may "
                    "be others. Run scan, then apply again."
                )
            target = _named(unfinished, home, self._root)
            sync_folder(home)
        except OSError as error:
            raise MoveError(
                f"{shown_path(str(home))}: no manifest can be written there ({error.strerror}). "
                "Make the folder writable and free some space, then run apply again."
            ) from error
        finally:
            unfinished.unlink(missing_ok=True)
        return target

    def _home(self) -> Path:
        return self._state / "manifests" if isinstance(self._root, Address) else self._root.parent

    def _settled(self, items: Sequence[Item]) -> tuple[FileMove, ...]:
        """Return what rows say otherwise that name these images with several labels, as moves."""
        by_uri = {_uri(item.path): item for item in items}
        found: dict[str, Item] = {}
        for row in listings.rows(self._root) if by_uri else ():
            item, name = by_uri.get(row.uri), listings.class_name(row.label)
            if item and name not in ("", item.current_label):
                found[f"dataset/{name}/{row.uri}"] = item
        return tuple(
            FileMove(0, item.item_id, source, _wanted(item), item.content_hash, "planned")
            for source, item in sorted(found.items())
        )

    def _said(self, moves: Sequence[FileMove], gone: Sequence[Item]) -> Changes:
        """Return what a new manifest says otherwise, also of images that are not to be had now."""
        written_as: dict[str, str] = {}
        missing = {_uri(item.path) for item in gone}
        rows_now: dict[str, str] = {}
        for row in listings.rows(self._root):
            written_as[listings.class_name(row.label)] = row.label
            if row.uri in missing and listings.problem_of(row) is None:
                rows_now.setdefault(row.uri, _path(row))
        # A row that has another label by now was corrected since, or is about another picture.
        kept = [item for item in gone if rows_now.get(_uri(item.path)) == item.path]
        wanted = [_wanted(item) for item in kept if _wanted(item) != f"dataset/{item.path}"]
        labels: dict[str, str | None] = {}
        for destination in (*wanted, *(move.destination for move in moves)):
            place, name, uri = destination.split("/", 2)
            labels[uri] = written_as.get(name, name) if place == "dataset" else None
        if isinstance(self._root, Address):
            return Changes(labels, partial(listings.in_full, self._root))
        return Changes(labels)


def _path(row: Row) -> str:
    return f"{listings.class_name(row.label)}/{row.uri}"


def _uri(path: str) -> str:
    return path.partition("/")[2]


def _reach(file: Path) -> Path:
    return file if isinstance(file, Address) else file.parent


def _files(root: Path, rows: Iterable[Row]) -> Iterator[Path]:
    for row in rows:
        try:
            yield listings.file_of(root, row.uri)
        except ImageRejected:
            continue


def _read(root: Path, patience: Patience, asked: _Asked) -> ScannedFile | Finding:
    """Return what is at the address of a row."""
    return _outcome(_found, root, patience, asked)


def _still(root: Path, patience: Patience, asked: _Asked) -> ScannedFile | Finding | None:
    """Return what can be said of a row without reading its image; None where it is to be read."""
    return _outcome(_as_it_was, root, patience, asked)


_Told = TypeVar("_Told")


def _outcome(
    ask: Callable[[str, Path, ScannedFile | None], _Told],
    root: Path,
    patience: Patience,
    asked: _Asked,
) -> _Told | Finding:
    row, before = asked
    path = _path(row)
    try:
        file = listings.file_of(root, row.uri)
    except ImageRejected as rejected:
        return folder.unreadable(path, rejected)
    try:
        with patience.asking(file):
            return ask(path, file, before)
    except ImageRejected as rejected:
        if before and isinstance(file, Address) and rejected.reason in _UNTOLD:
            return _unreached(path, rejected)
        return folder.unreadable(path, rejected)


def _found(path: str, file: Path, before: ScannedFile | None) -> ScannedFile:
    # Asked before reading: if it changes meanwhile, the next scan reads it again.
    byte_size, number = images.stamp(file)
    if before and _is_as_before(before, byte_size, number):
        return before
    data = images.read_bytes(file, root=_reach(file))
    if byte_size not in (None, len(data)):
        raise ImageRejected("changed", "scan again when nothing writes to it.")
    return folder.inspected(path, data, mtime_ns=number)


def _as_it_was(_path: str, file: Path, before: ScannedFile | None) -> ScannedFile | None:
    return before if before and _is_as_before(before, *images.stamp(file)) else None


@dataclass(frozen=True, slots=True)
class _Reading:
    """The work: the images of rows are read.

    Attributes:
        root: the manifest.
        seen: the folders of files that are seen where the work is asked for.
    """

    root: Path
    seen: tuple[Path, ...]

    def open(self) -> Callable[[Sequence[_Asked], Tick], list[ScannedFile | Finding]]:
        """Raise EngineError where this worker does not see the folders."""
        check_seen(self.seen)
        return partial(self._read_each, Patience())

    def _read_each(
        self, patience: Patience, asked: Sequence[_Asked], tick: Tick
    ) -> list[ScannedFile | Finding]:
        files = _files(self.root, [row for row, _before in asked])
        waiting = _MOST_WAITING if any(isinstance(file, Address) for file in files) else 1
        found = []
        for outcome in in_order(partial(_read, self.root, patience), asked, waiting):
            found.append(outcome)
            tick()
        return found


def _is_as_before(before: ScannedFile, byte_size: int | None, number: int) -> bool:
    # A server that names no version may serve another picture of the same size.
    unchanged = number != 0 and (before.byte_size, before.mtime_ns) == (byte_size, number)
    return unchanged and looks.is_known(before.looks)


def _unreached(path: str, rejected: ImageRejected) -> Finding:
    """Return the finding about an image that may well be there: a server did not answer."""
    detail = (
        f"Its server did not give it, so it stays as an earlier scan found it: {rejected.detail}"
    )
    return Finding(_UNREACHED, (path,), "warning", detail)


def _listed_twice(rows: Sequence[Row]) -> Finding:
    labels = sorted({row.label for row in rows})
    numbers = ", ".join(str(row.number) for row in rows[:5]) + (", ..." if len(rows) > 5 else "")
    if len(labels) == 1:
        detail = f"Rows {numbers} name this image with one label; the first one counts."
        return Finding(_TORN[0], (_path(rows[0]),), "info", detail)
    said = ", ".join(shown_path(label) for label in labels[:5])
    detail = f"Rows {numbers} name this image with several labels ({said}); the first one counts."
    return Finding(_TORN[0], (_path(rows[0]),), _TORN[1], detail)


def _nothing_read(root: Path, findings: Sequence[Finding]) -> str:
    start = f"{shown_path(str(root))}: no image could be read"
    left_out = Counter(one.detail for one in findings if one.severity == "error")
    if not left_out:
        return f"{start}; the manifest has no rows. Name one with a row for each image."
    reason, _ = left_out.most_common(1)[0]
    return f"{start}; {left_out.total():,} rows were left out, most often for this: {reason}"


def _keep(store: Store, written: Mapping[str, Any]) -> None:
    """Remember what the latest manifest says; nothing where there is none."""
    if written:
        with store.write() as connection:
            catalogue.set_facts(connection, {_WRITTEN: json.dumps(written)})


def _changes(connection: Connection) -> tuple[FileMove, ...]:
    """Return what the decisions say otherwise than the manifest, told as moves."""
    return tuple(
        FileMove(
            0, item.item_id, f"dataset/{item.path}", _wanted(item), item.content_hash, "planned"
        )
        for item in catalogue.to_move(connection)
    )


def _marks(connection: Connection) -> list[int]:
    """Return numbers that differ if a new manifest would."""
    twice = findings.decided_marks(connection, *_TORN)
    return [*catalogue.misplaced_marks(connection), *twice]


def _wanted(item: Item) -> str:
    if item.status == "excluded":
        return f"quarantine/{item.path}"
    return f"dataset/{item.current_label}/{_uri(item.path)}"


def _digest(moves: Sequence[FileMove]) -> str:
    lines = "\0".join(f"{move.source}\0{move.destination}" for move in moves)
    return hashlib.sha256(os.fsencode(lines)).hexdigest()


def _named(unfinished: Path, home: Path, root: Path) -> Path:
    """Give a file the next name that is free, and return it."""
    pattern = re.compile(rf"{re.escape(root.stem)}\.cleaned-(\d+){re.escape(root.suffix)}")
    found = (pattern.fullmatch(beside.name) for beside in home.iterdir())
    taken = [int(name[1]) for name in found if name]
    number = max(taken, default=0)
    while True:
        number += 1
        target = home / f"{root.stem}.cleaned-{number}{root.suffix}"
        try:
            rename_new(unfinished, target)
        except FileExistsError:
            continue
        return target
