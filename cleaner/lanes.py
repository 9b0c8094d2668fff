"""Findings by kind, and what may be done about all of a kind at once.

Nothing is done here that a person could not do image by image: what is to be excluded becomes
decisions, which `undo` takes back, and no label is touched. Splits are fixed for good, so a leak
between them is mended by leaving one of its images out, never by moving one across.
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection

from cleaner.decisions import CONFIRMED
from cleaner.errors import UnknownKind
from cleaner.items import Item, shown_path
from cleaner.progress import Progress, Report, silent
from cleaner.project import Project
from cleaner.recording import Recorded, Request
from cleaner.store import decisions, findings
from cleaner.store.findings import KindCount, OpenFinding

# So many decisions are written within half a second.
_AT_ONCE = 500
# Kinds whose findings are groups of which one image may stay.
GROUPS = ("exact_duplicate", "near_duplicate", "split_leak")
# Of files that are no images of the dataset, or cannot be had now: there is nothing to exclude.
NO_IMAGES = (
    "unreadable",
    "skipped",
    "outside_class",
    "empty_class",
    "unlisted_folder",
    "bad_row",
    "unreached",
)
# Of a leak the image that was held out stays: there are fewer of them.
_HELD_OUT = {"test": 2, "validation": 1, "train": 0}


Marks = Mapping[int, tuple[str, ...]]
"""Findings that somebody ticked: number -> the paths it had. A later scan gives other numbers, so
a mark counts only as long as both agree."""


@dataclass(frozen=True, slots=True)
class Part:
    """Which findings of a kind something is done about.

    Attributes:
        severity: only those of this one; None for all. Of copies, ``info`` are those within one
            class and ``warning`` those across classes.
        only: no others than these; None for all.
        but: these are left alone.
    """

    severity: str | None = None
    only: Marks | None = None
    but: Marks = field(default_factory=dict)

    def holds(self, one: OpenFinding) -> bool:
        """Tell whether a finding of the right kind and severity is part of it."""
        wanted = self.only is None or self.only.get(one.finding_id) == one.finding.paths
        return wanted and self.but.get(one.finding_id) != one.finding.paths


WHOLE = Part()


@dataclass(frozen=True, slots=True)
class Settled:
    """What becomes of a group of copies; without a `kept` one, all of them go."""

    kept: Item | None
    excluded: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What an action on many findings would do; nothing is recorded yet.

    Attributes:
        groups: of `one_kept`, one for each group; else one for all images.
        left: groups that are left alone, for their labels disagree and none prevails.
    """

    groups: tuple[Settled, ...]
    left: int

    @property
    def kept(self) -> tuple[Item, ...]:
        """Images that stay, one for each group of `one_kept`."""
        return tuple(group.kept for group in self.groups if group.kept is not None)

    @property
    def excluded(self) -> tuple[Item, ...]:
        """Images that would be excluded."""
        return tuple(item for group in self.groups for item in group.excluded)


def kinds(project: Project) -> list[KindCount]:
    """Return how many findings of each kind are open, the gravest kinds first."""
    with project.store.read() as connection:
        return findings.kinds(connection)


def by_severity(project: Project) -> list[KindCount]:
    """Return the same for each kind and severity, in no order."""
    with project.store.read() as connection:
        return findings.by_severity(connection)


def of_kind(
    project: Project, kind: str, part: Part = WHOLE, *, after: int = 0, limit: int | None = None
) -> list[OpenFinding]:
    """Return open findings of one kind, behind the finding of number `after`.

    Raises:
        UnknownKind: nothing of this kind was found.
    """
    with project.store.read() as connection:
        return _found(connection, project, kind, part, after, limit)


def _found(
    connection: Connection,
    project: Project,
    kind: str,
    part: Part,
    after: int = 0,
    limit: int | None = None,
) -> list[OpenFinding]:
    known = findings.known_kinds(connection)
    if kind not in known:
        raise UnknownKind(
            f"{shown_path(str(project.root))}: no finding of kind {kind!r}. "
            f"Known: {', '.join(known) or 'none; scan or score first'}."
        )
    found = findings.open_findings(
        connection,
        kind,
        severity=part.severity,
        among=None if part.only is None else list(part.only),
        after=after,
        limit=limit,
    )
    return [one for one in found if part.holds(one)]


def all_excluded(project: Project, kind: str, part: Part = WHOLE) -> Proposal:
    """Propose to exclude every image that findings of this kind are about.

    Raises:
        UnknownKind: nothing of this kind was found, or it is not about images.
    """
    if kind in NO_IMAGES:
        raise UnknownKind(
            f"{kind}: these files are no images of the dataset, or cannot be had now, so there is "
            "nothing to exclude. Mend or delete the files, or dismiss the findings."
        )
    found = of_kind(project, kind, part)
    images = {item.item_id: item for one in found for item in one.images}
    return Proposal((Settled(None, tuple(images.values())),), 0)


def one_kept(project: Project, kind: str, part: Part = WHOLE) -> Proposal:
    """Propose to keep the best image of each group, and to exclude the others.

    Groups that share an image are one. Whose label a person confirmed goes first, then whose
    label most of the group have; then the image held out of training, the largest, the one that
    was known first. Where labels disagree, none is confirmed and none prevails, nobody can say
    which image is right, and the group is left to the review.

    Raises:
        UnknownKind: nothing of this kind was found, or its findings are no groups.
    """
    if kind not in GROUPS:
        raise UnknownKind(
            f"{kind}: its findings are no groups of copies. One of each can be kept of: "
            f"{', '.join(GROUPS)}."
        )
    groups = [settled(group) for group in _groups(of_kind(project, kind, part))]
    settling = tuple(group for group in groups if group.kept is not None)
    return Proposal(settling, len(groups) - len(settling))


def settled(group: Sequence[Item]) -> Settled:
    """Return which image of a group would be kept; none where the labels leave it open."""
    best = _best(group)
    if best is None:
        return Settled(None, ())
    return Settled(best, tuple(item for item in group if item.item_id != best.item_id))


def _groups(found: Sequence[OpenFinding]) -> list[list[Item]]:
    """Return the images of findings, those that share an image together."""
    joined: dict[int, int] = {}

    def root(number: int) -> int:
        while joined.setdefault(number, number) != number:
            joined[number] = joined[joined[number]]
            number = joined[number]
        return number

    images = {item.item_id: item for one in found for item in one.images}
    for one in found:
        for item in one.images[1:]:
            low, high = sorted((root(one.images[0].item_id), root(item.item_id)))
            joined[high] = low
    groups: defaultdict[int, list[Item]] = defaultdict(list)
    for number in sorted(images):
        groups[root(number)].append(images[number])
    return list(groups.values())


def _best(group: Sequence[Item]) -> Item | None:
    """Return the image to keep, or None where the labels leave it open."""
    confirmed = [item for item in group if item.status in CONFIRMED]
    voters = confirmed or group
    votes = Counter(item.current_label for item in voters).most_common(2)
    if len(votes) > 1 and votes[0][1] == votes[1][1]:
        return None
    right = [item for item in voters if item.current_label == votes[0][0]]
    return max(
        right,
        key=lambda item: (_HELD_OUT[item.split], item.width * item.height, -item.item_id),
    )


def carry_out(project: Project, proposal: Proposal, *, reviewer: str = "") -> Recorded:
    """Record a proposal: all of it or, if an image is gone by now, nothing."""
    requests = [Request(item.item_id, "exclude") for item in proposal.excluded]
    return project.decide(requests, reviewer=reviewer, all_or_none=True)


def take_back(project: Project, recorded: Recorded, *, reviewer: str = "") -> Recorded:
    """Undo what `carry_out` recorded, also where others decided meanwhile."""
    with project.store.read() as connection:
        made = [decisions.get(connection, op_id) for op_id in recorded.recorded]
    return project.decide(
        [Request(one.item_id, "undo", undoes=one.op_id) for one in made if one is not None],
        reviewer=reviewer,
    )


@dataclass(frozen=True, slots=True)
class Batch:
    """Very many images that are to be excluded in parts.

    Attributes:
        picked: under which name `Project.pick` keeps them.
        batch_id: a UUID; the name of each decision in the log follows from it, so that doing it
            again does nothing twice, and all of it can be taken back.
        reviewer: a name for the log.
    """

    picked: str
    batch_id: str
    reviewer: str = ""

    def op_id(self, item_id: int) -> str:
        """Return under which name the log has the decision about an image."""
        return str(uuid.uuid5(uuid.UUID(self.batch_id), str(item_id)))


def batch_of(project: Project, proposal: Proposal, *, reviewer: str = "") -> Batch:
    """Keep what a proposal would exclude, for `exclude_batch`."""
    picked = project.pick([item.item_id for item in proposal.excluded])
    return Batch(picked, str(uuid.uuid4()), reviewer)


def exclude_batch(project: Project, batch: Batch, report: Report = silent) -> int:
    """Exclude the images of a batch that are still there; return how many.

    Stopped before its end, what was excluded stays so, and `take_batch_back` knows of it.
    """
    requests = [
        Request(number, "exclude", op_id=batch.op_id(number))
        for number in project.picked(batch.picked)
    ]
    return _in_parts(project, requests, batch, Progress("Excluding images"), report)


def take_batch_back(project: Project, batch: Batch, report: Report = silent) -> int:
    """Undo what `exclude_batch` recorded and still stands; return how many decisions."""
    back = [
        Request(number, "undo", undoes=batch.op_id(number))
        for number in project.picked(batch.picked)
    ]
    return _in_parts(project, back, batch, Progress("Taking decisions back"), report)


def _in_parts(
    project: Project, requests: Sequence[Request], batch: Batch, stage: Progress, report: Report
) -> int:
    recorded = 0
    # In parts, so that other people's decisions do not wait for the end of a long list.
    for start in range(0, len(requests), _AT_ONCE):
        report(replace(stage, done=start, total=len(requests)))
        part = requests[start : start + _AT_ONCE]
        recorded += len(project.decide(part, reviewer=batch.reviewer).recorded)
    return recorded


def dismiss(project: Project, kind: str, part: Part = WHOLE, *, reviewer: str = "") -> int:
    """Mark open findings of a kind as fine; they do not return.

    Returns:
        How many.

    Raises:
        UnknownKind: nothing of this kind was found.
    """
    with project.store.write() as connection:
        found = _found(connection, project, kind, part)
        return findings.dismiss(connection, kind, found, reviewer=reviewer)


def restore(project: Project, kind: str) -> int:
    """Forget which findings of a kind were marked as fine; return how many are back.

    Raises:
        UnknownKind: nothing of this kind was found.
    """
    of_kind(project, kind, limit=1)
    with project.store.write() as connection:
        return findings.restore(connection, kind)


def as_json(one: OpenFinding) -> dict[str, Any]:
    """Return a finding as the command line promises it, plain values only."""
    return {
        "finding": one.finding_id,
        "kind": one.finding.kind,
        "severity": one.finding.severity,
        "detail": shown_path(one.finding.detail),
        "paths": [shown_path(path) for path in one.finding.paths],
        "images": [
            {
                "item_id": item.item_id,
                "path": shown_path(item.path),
                "current_label": shown_path(item.current_label),
                "split": item.split,
                "width": item.width,
                "height": item.height,
                "status": item.status,
            }
            for item in one.images
        ],
    }
