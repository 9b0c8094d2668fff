"""A scan becomes catalogue rows: who is new, who has moved, who is gone.

An image is known by its content, so a file that was renamed or carried to another folder
keeps its number, its decisions and its split.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import PurePosixPath

from sqlalchemy import Connection

from cleaner import audits, splits
from cleaner.arrays import Groups
from cleaner.decisions import FOLDER_REVIEWER, Decision
from cleaner.items import Finding, Scan, ScannedFile, Split, shown_path
from cleaner.store import catalogue, class_edits, decisions, findings
from cleaner.store.catalogue import KnownFile

_NONE_GIVEN: Mapping[str, Split] = {}
_SHARES = "shares held out"


@dataclass(frozen=True, slots=True)
class Intake:
    """How the catalogue changed.

    Attributes:
        added: images never seen before.
        relocated: known images found under another path.
        missing: known images that are no longer there.
    """

    added: int
    relocated: int
    missing: int


@dataclass(frozen=True, slots=True)
class _Matching:
    known: dict[int, KnownFile]  # index in the scan -> who it is
    missing: list[KnownFile]


@dataclass(frozen=True, slots=True)
class Examined:
    """What a scan tells without the catalogue.

    Attributes:
        groups: the duplicate group of each file.
        audited: what the audits found.
    """

    scan: Scan
    groups: Groups
    audited: tuple[Finding, ...]


def examine(scan: Scan) -> Examined:
    """Compare the files with each other; takes a while, so nobody should wait for it."""
    return Examined(scan, audits.duplicate_groups(scan.files), tuple(audits.run(scan.files)))


def take_in(
    connection: Connection, examined: Examined, given: Mapping[str, Split] = _NONE_GIVEN
) -> Intake:
    """Bring the catalogue up to date with a scan, in the caller's transaction.

    An image that is new, and came with a part of the data (`given`, by content), belongs to it.
    """
    scan, groups = examined.scan, examined.groups
    called = _called_otherwise(connection, scan)
    known = catalogue.known_files(connection)
    matching = _match(scan.files, known)
    relocated = [
        (found, scan.files[index])
        for index, found in matching.known.items()
        if found.file.path != scan.files[index].path
    ]
    # Not those that are as they were: a million rows written for nothing keep others waiting.
    catalogue.found_again(
        connection,
        [
            (found.item_id, scan.files[index], int(groups[index]))
            for index, found in matching.known.items()
            if (found.file, found.group_id, found.present)
            != (scan.files[index], int(groups[index]), True)
        ],
    )
    for found in matching.known.values():
        if not found.present:
            decisions.requeue(connection, found.item_id)
    for found, file in relocated:
        _follow_folder(connection, found, file, called)
    meant = [
        replace(file, class_name=called.get(file.class_name, file.class_name)) if called else file
        for file in scan.files
    ]
    added = _add(connection, meant, groups, matching, given)
    gone = [entry.item_id for entry in matching.missing if entry.present]
    catalogue.mark_missing(connection, gone)
    _set_classes(connection, scan)
    issues = (
        *scan.findings,
        *_outdated(scan, matching),
        *_renamed(called, scan),
        *examined.audited,
    )
    findings.replace_all(connection, issues, found_by="scan")
    return Intake(added=added, relocated=len(relocated), missing=len(gone))


def hold_out(connection: Connection, *, validation: float, test: float) -> None:
    """Note what share of the images that come from now on is kept from training.

    Those that are here stay in the part they are in: a test image must never be trained on.

    Raises:
        SettingsError: the shares leave nothing to train on.
    """
    splits.check_shares(validation, test)
    shares = {"validation": validation, "test": test}
    catalogue.set_facts(connection, {_SHARES: json.dumps(shares)})


def held_out(connection: Connection) -> dict[str, float]:
    """Return the shares of validation and test that new images get; empty for the usual ones."""
    noted = catalogue.fact(connection, _SHARES)
    found: dict[str, float] = {} if noted is None else json.loads(noted)
    return found


def _outdated(scan: Scan, matching: _Matching) -> list[Finding]:
    """Name files whose content was replaced after somebody had decided about them.

    An image is its content, so the decision cannot speak for the new one; but it must not
    vanish without a word.
    """
    paths = {file.path for file in scan.files}
    return [
        Finding(
            "changed",
            (known.file.path,),
            "warning",
            "Changed after it was decided about; the decision was about the old picture, so "
            "this one is unreviewed.",
        )
        for known in matching.missing
        if known.present and known.status != "unreviewed" and known.file.path in paths
    ]


def _called_otherwise(connection: Connection, scan: Scan) -> dict[str, str]:
    """Return what the classes are called here now that a manifest has under earlier names.

    Whoever adds rows to it need not know of a renaming here. A folder with an earlier name, which
    goes with its last image, was made by somebody who wants that class.
    """
    if not scan.version:
        return {}
    lineage = class_edits.lineage(connection)
    earlier = lineage.retired.intersection(scan.class_names)
    in_use = catalogue.labels_in_use(connection) if earlier else set()
    now = {name: lineage.now(name) for name in earlier - in_use}
    return {name: new for name, new in now.items() if new != name}


def _renamed(called: Mapping[str, str], scan: Scan) -> list[Finding]:
    rows = Counter(file.class_name for file in scan.files)
    return [
        Finding(
            "renamed_class",
            (name,),
            "info",
            f"{rows[name]:,} images have this class in the manifest; here it is called "
            f"{shown_path(called[name])}, and so are those among them that are new. To have it "
            "again as a class of its own, add it.",
        )
        for name in sorted(called)
        if rows[name]
    ]


def _match(files: Sequence[ScannedFile], known: Sequence[KnownFile]) -> _Matching:
    by_path = {entry.file.path: entry for entry in known if entry.present}
    matched: dict[int, KnownFile] = {}
    for index, file in enumerate(files):
        entry = by_path.get(file.path)
        if entry is not None and entry.file.content_hash == file.content_hash:
            matched[index] = entry
    taken = {entry.item_id for entry in matched.values()}
    homeless: dict[str, list[KnownFile]] = defaultdict(list)
    for entry in known:
        if entry.item_id not in taken:
            homeless[entry.file.content_hash].append(entry)
    for index, file in enumerate(files):
        candidates = homeless.get(file.content_hash)
        if index not in matched and candidates:
            entry = max(candidates, key=lambda candidate: _likeness(candidate, file))
            candidates.remove(entry)
            matched[index] = entry
    return _Matching(matched, [entry for rest in homeless.values() for entry in rest])


def _likeness(candidate: KnownFile, file: ScannedFile) -> tuple[bool, bool, bool, bool]:
    """Rank copies with the same content: same path, class folder, name; still expected."""
    names = (PurePosixPath(candidate.file.path).name, PurePosixPath(file.path).name)
    same_class = candidate.file.class_name == file.class_name
    same_path = candidate.file.path == file.path
    return same_path, same_class, names[0] == names[1], candidate.present


def _follow_folder(
    connection: Connection, known: KnownFile, file: ScannedFile, called: Mapping[str, str]
) -> None:
    """Take a file that somebody moved to another class folder at its word."""
    label = called.get(file.class_name, file.class_name)
    if file.class_name == known.file.class_name or label == known.current_label:
        return
    decision = Decision(
        op_id=str(uuid.uuid4()),
        item_id=known.item_id,
        action="move",
        label_before=known.current_label,
        label_after=label,
        reviewer=FOLDER_REVIEWER,
        decided_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
    )
    decisions.record(connection, decision)


def _add(
    connection: Connection,
    files: Sequence[ScannedFile],
    groups: Groups,
    matching: _Matching,
    given: Mapping[str, Split],
) -> int:
    existing = dict(given)
    existing |= {files[index].content_hash: known.split for index, known in matching.known.items()}
    # A file that is gone for now still holds its split, should a copy of it turn up.
    existing |= {known.file.content_hash: known.split for known in matching.missing}
    labels = [
        matching.known[index].given_label if index in matching.known else file.class_name
        for index, file in enumerate(files)
    ]
    shares = held_out(connection)
    assigned = splits.assign(
        [file.content_hash for file in files], groups, labels, existing=existing, **shares
    )
    new = [index for index in range(len(files)) if index not in matching.known]
    catalogue.add_items(
        connection, [(files[index], int(groups[index]), assigned[index]) for index in new]
    )
    return len(new)


def _set_classes(connection: Connection, scan: Scan) -> None:
    # The folder of a class that was renamed or merged is still there until it is empty.
    lineage = class_edits.lineage(connection)
    names = catalogue.labels_in_use(connection) | (set(scan.class_names) - lineage.retired)
    names |= lineage.added
    catalogue.set_classes(connection, sorted(names))


def as_scanned(known: Sequence[KnownFile]) -> dict[str, ScannedFile]:
    """Return what the last scan read, by path, so that unchanged files are not read again."""
    return {
        entry.file.path: replace(entry.file, class_name=entry.file.path.split("/", 1)[0])
        for entry in known
        if entry.present
    }
