"""What scans and rounds found about files, which images that concerns, and what is fine.

A finding stands until a scan or round finds anew. It counts as open while nobody said that it is
fine and enough of its images are in the dataset: once all copies but one are excluded, there is
no duplicate left to see to.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Connection, Select, case, delete, func, insert, select, update

from cleaner.items import Finding, Item
from cleaner.store.bulk import add_rows
from cleaner.store.catalogue import ITEM_COLUMNS
from cleaner.store.tables import dismissals, finding_items, findings, items

Finder = Literal["scan", "score"]

SEVERITIES = ("error", "warning", "info")
# One question asked in two ways: who says that two pictures are not the same says it to both.
_ALIKE: Mapping[str, str] = {"split_leak": "near_duplicate"}
_MOST_IN_A_STATEMENT = 10_000  # databases take so many values and not many more


@dataclass(frozen=True, slots=True)
class KindCount:
    """How many findings of one kind are open.

    Attributes:
        kind: as in `Finding`.
        severity: the gravest among the open ones, or among all if none is open.
        findings: open ones.
        images: in them; files that are no images count too.
        dismissed: findings that a person said are fine.
    """

    kind: str
    severity: str
    findings: int
    images: int
    dismissed: int


@dataclass(frozen=True, slots=True)
class OpenFinding:
    """A finding with the images it is about, as they are now.

    Attributes:
        finding_id: a number; a later scan gives other ones.
        finding: what was found; its paths are those of now.
        images: in the order of the paths, without those excluded or gone; none for files that
            are no images.
    """

    finding_id: int
    finding: Finding
    images: tuple[Item, ...]


def replace_all(connection: Connection, found: Sequence[Finding], *, found_by: Finder) -> None:
    """Forget what the last one of these found, and keep this."""
    own = select(findings.c.finding_id).where(findings.c.found_by == found_by)
    connection.execute(delete(finding_items).where(finding_items.c.finding_id.in_(own)))
    connection.execute(delete(findings).where(findings.c.found_by == found_by))
    add(connection, found, found_by=found_by)


def add(connection: Connection, found: Sequence[Finding], *, found_by: Finder = "scan") -> None:
    """Keep these beside what was found before; what is known to be fine is kept as dismissed."""
    if not found:
        return
    known = _images_at(connection, {path for finding in found for path in finding.paths})
    fine = Fine.read(connection)
    first = (connection.scalar(select(func.max(findings.c.finding_id))) or 0) + 1
    rows: list[dict[str, Any]] = []
    links: list[dict[str, Any]] = []
    for number, finding in enumerate(found, first):
        concerned = [known.get(path) for path in finding.paths]
        linked = {image[0]: place for place, image in enumerate(concerned) if image is not None}
        contents = _contents(finding.paths, [image and image[1] for image in concerned])
        rows.append(
            {
                "finding_id": number,
                "kind": finding.kind,
                "paths": list(finding.paths),
                "severity": finding.severity,
                "detail": finding.detail,
                "found_by": found_by,
                "needs": min(len(linked), 2),
                "dismissed": fine.covers(finding.kind, contents),
            }
        )
        links += [
            {"finding_id": number, "item_id": item_id, "place": place}
            for item_id, place in linked.items()
        ]
    add_rows(connection, findings, rows)
    add_rows(connection, finding_items, links)


def _images_at(connection: Connection, paths: Iterable[str]) -> dict[str, tuple[int, str]]:
    """Return number and content of the images that lie at these paths."""
    found: dict[str, tuple[int, str]] = {}
    columns = select(items.c.path, items.c.item_id, items.c.content_hash)
    there = columns.where(items.c.present, ~items.c.quarantined)
    for some in _parts(sorted(paths)):
        for row in connection.execute(there.where(items.c.path.in_(some))):
            found[row.path] = (row.item_id, row.content_hash)
    return found


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _MOST_IN_A_STATEMENT):
        yield values[start : start + _MOST_IN_A_STATEMENT]


def _contents(paths: Sequence[str], hashes: Sequence[str | None]) -> frozenset[str]:
    """Return what a dismissal remembers: the content of images, the path of other files."""
    return frozenset(
        f"/{path}" if content is None else content
        for path, content in zip(paths, hashes, strict=True)
    )


class Fine:
    """What people said is fine."""

    def __init__(self) -> None:
        self._holding: defaultdict[tuple[str, str], set[int]] = defaultdict(set)

    @classmethod
    def of(cls, dismissed: Iterable[tuple[str, Sequence[str]]]) -> Fine:
        """Return what is known from (kind, contents) of each dismissal."""
        fine = cls()
        for number, (kind, contents) in enumerate(dismissed):
            for content in contents:
                fine._holding[kind, content].add(number)
        return fine

    @classmethod
    def read(cls, connection: Connection) -> Fine:
        rows = connection.execute(select(dismissals.c.kind, dismissals.c.contents))
        return cls.of((row.kind, row.contents) for row in rows)

    def covers(self, kind: str, contents: frozenset[str]) -> bool:
        """Tell whether all of this was dismissed together; less than that is covered too."""
        kind = _ALIKE.get(kind, kind)
        holding = [self._holding.get((kind, content), set()) for content in contents]
        return bool(holding) and bool(set.intersection(*holding))


# -- looking -----------------------------------------------------------------------------


def _images() -> Any:
    """Return how many images of a finding are in the dataset, as a column of `findings`.

    Asked finding by finding, so that a page of findings costs no more than its own images.
    """
    there = (items.c.present) & (~items.c.quarantined) & (items.c.status != "excluded")
    return (
        select(func.count())
        .select_from(finding_items.join(items, items.c.item_id == finding_items.c.item_id))
        .where(finding_items.c.finding_id == findings.c.finding_id, there)
        .correlate(findings)
        .scalar_subquery()
    )


def _standing(*columns: Any) -> Select[Any]:
    """Select columns of each finding that is open."""
    return select(*columns).where(~findings.c.dismissed, _images() >= findings.c.needs)


def by_severity(connection: Connection) -> list[KindCount]:
    """Return how many findings of each kind and severity are open, in no order."""
    key = (findings.c.kind, findings.c.severity)
    standing = _standing(*key, _images().label("images")).subquery()
    # A file that is no image counts as one, or "unreadable" would be about nothing.
    images = func.sum(case((standing.c.images == 0, 1), else_=standing.c.images))
    columns = (standing.c.kind, standing.c.severity)
    rows = connection.execute(select(*columns, func.count(), images).group_by(*columns))
    counted = {
        (kind, severity): KindCount(kind, severity, count, int(concerned), 0)
        for kind, severity, count, concerned in rows
    }
    fine = select(*key, func.count()).where(findings.c.dismissed).group_by(*key)
    for kind, severity, count in connection.execute(fine):
        known = counted.get((kind, severity), KindCount(kind, severity, 0, 0, 0))
        counted[kind, severity] = replace(known, dismissed=count)
    return list(counted.values())


def kinds(connection: Connection) -> list[KindCount]:
    """Return how many findings of each kind are open, the gravest kinds first, then the largest."""
    counted: dict[str, KindCount] = {}
    # Those that have open findings come last, so that their severity is the one that counts.
    for one in sorted(by_severity(connection), key=lambda one: (one.findings > 0, -_rank(one))):
        before = counted.get(one.kind, replace(one, findings=0, images=0, dismissed=0))
        counted[one.kind] = KindCount(
            one.kind,
            one.severity,
            before.findings + one.findings,
            before.images + one.images,
            before.dismissed + one.dismissed,
        )
    return sorted(counted.values(), key=lambda one: (_rank(one), -one.findings, one.kind))


def _rank(one: KindCount) -> int:
    return SEVERITIES.index(one.severity)


def open_findings(
    connection: Connection,
    kind: str,
    *,
    severity: str | None = None,
    among: Collection[int] | None = None,
    after: int = 0,
    limit: int | None = None,
) -> list[OpenFinding]:
    """Return open findings of one kind in the order they were found, behind number `after`.

    Args:
        connection: to the database.
        kind: as in `Finding`.
        severity: only those of this one.
        among: only those of these numbers, a few.
        after: only those behind this number.
        limit: at most so many.
    """
    statement = _standing(findings).where(findings.c.kind == kind, findings.c.finding_id > after)
    if severity is not None:
        statement = statement.where(findings.c.severity == severity)
    if among is not None:
        statement = statement.where(findings.c.finding_id.in_(list(among)))
    rows = connection.execute(statement.order_by(findings.c.finding_id).limit(limit)).all()
    images = _images_of(connection, [row.finding_id for row in rows])
    return [
        OpenFinding(
            row.finding_id,
            _with_paths(row, images[row.finding_id]),
            tuple(
                item
                for _place, item in images[row.finding_id]
                if item.status != "excluded" and not item.quarantined
            ),
        )
        for row in rows
    ]


def _images_of(
    connection: Connection, finding_ids: Sequence[int]
) -> defaultdict[int, list[tuple[int, Item]]]:
    """Return the images of each finding with their places, as far as they are there."""
    found: defaultdict[int, list[tuple[int, Item]]] = defaultdict(list)
    statement = (
        select(finding_items.c.finding_id, finding_items.c.place, *ITEM_COLUMNS)
        .join(items, items.c.item_id == finding_items.c.item_id)
        .where(items.c.present)
        .order_by(finding_items.c.finding_id, finding_items.c.place)
    )
    for some in _parts(finding_ids):
        for row in connection.execute(statement.where(finding_items.c.finding_id.in_(some))):
            found[row.finding_id].append((row.place, Item(*row[2:])))
    return found


def _with_paths(row: Any, images: Iterable[tuple[int, Item]]) -> Finding:
    """Return a finding under the paths its images have now: they may have been moved since."""
    paths = list(row.paths)
    for place, item in images:
        paths[place] = item.path
    return Finding(row.kind, tuple(paths), row.severity, row.detail)


def all_findings(connection: Connection, *, limit: int | None = None) -> tuple[Finding, ...]:
    """Return all findings nobody said are fine; with a limit, the most severe ones first."""
    asked = select(findings).where(~findings.c.dismissed).order_by(findings.c.finding_id)
    if limit is None:
        return _read(connection, asked)
    found: tuple[Finding, ...] = ()
    for severity in SEVERITIES:
        statement = asked.where(findings.c.severity == severity).limit(limit - len(found))
        found += _read(connection, statement)
    return found


def _read(connection: Connection, statement: Select[Any]) -> tuple[Finding, ...]:
    rows = connection.execute(statement).all()
    images = _images_of(connection, [row.finding_id for row in rows])
    return tuple(_with_paths(row, images[row.finding_id]) for row in rows)


def counts(connection: Connection) -> dict[str, int]:
    """Return how many findings of each kind there are that nobody said are fine."""
    found: Counter[str] = Counter()
    for (kind, _severity), count in severities(connection).items():
        found[kind] += count
    return dict(found)


def severities(connection: Connection) -> dict[tuple[str, str], int]:
    """Return the same for each kind and severity."""
    columns = (findings.c.kind, findings.c.severity)
    counted = select(*columns, func.count()).where(~findings.c.dismissed).group_by(*columns)
    return {(row.kind, row.severity): row[2] for row in connection.execute(counted)}


def known_kinds(connection: Connection) -> list[str]:
    """Return the kinds there are findings of, settled and dismissed ones too."""
    return list(connection.scalars(select(findings.c.kind).distinct().order_by(findings.c.kind)))


def about(connection: Connection, item_ids: Sequence[int]) -> dict[int, list[tuple[str, str]]]:
    """Return kind and detail of the open findings about each of these images."""
    told: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for some in _parts(item_ids):
        concerned = select(finding_items.c.finding_id).where(finding_items.c.item_id.in_(some))
        standing = _standing(findings.c.finding_id, findings.c.kind, findings.c.detail)
        open_ones = standing.where(findings.c.finding_id.in_(concerned)).subquery()
        rows = connection.execute(
            select(finding_items.c.item_id, open_ones.c.kind, open_ones.c.detail)
            .join(open_ones, open_ones.c.finding_id == finding_items.c.finding_id)
            .where(finding_items.c.item_id.in_(some))
            .order_by(open_ones.c.finding_id)
        )
        for item_id, kind, detail in rows:
            told[item_id].append((kind, detail))
    return told


def _decided(kind: str, severity: str, *columns: Any) -> Select[Any]:
    about = finding_items.join(findings, findings.c.finding_id == finding_items.c.finding_id)
    return (
        select(*columns)
        .select_from(about.join(items, items.c.item_id == finding_items.c.item_id))
        .where(findings.c.kind == kind, findings.c.severity == severity, ~findings.c.dismissed)
        .where(items.c.present, ~items.c.misplaced, items.c.status.in_(("accepted", "moved")))
    )


def decided(connection: Connection, kind: str, severity: str) -> tuple[Item, ...]:
    """Return images with such a finding whose label was decided, where they lie as it says."""
    asked = _decided(kind, severity, *ITEM_COLUMNS).order_by(items.c.item_id)
    return tuple(Item(*row) for row in connection.execute(asked))


def decided_marks(connection: Connection, kind: str, severity: str) -> tuple[int, int, int]:
    """Return numbers that differ if these are others, or were decided otherwise.

    How many they are, and the sums of their own numbers and of those of the decisions.
    """
    sums = func.sum(items.c.item_id), func.sum(items.c.decision)
    row = connection.execute(_decided(kind, severity, func.count(), *sums)).one()
    return int(row[0]), int(row[1] or 0), int(row[2] or 0)


# -- saying that it is fine ----------------------------------------------------------------


def dismiss(
    connection: Connection, kind: str, chosen: Sequence[OpenFinding], *, reviewer: str
) -> int:
    """Remember that these open findings of a kind are fine; return how many."""
    hashes = _hashes(connection, [one.finding_id for one in chosen])
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    rows = [
        {
            "kind": _ALIKE.get(kind, kind),
            "contents": sorted(
                _contents(
                    one.finding.paths,
                    [
                        hashes.get((one.finding_id, place))
                        for place in range(len(one.finding.paths))
                    ],
                )
            ),
            "reviewer": reviewer,
            "dismissed_at": now,
        }
        for one in chosen
    ]
    if rows:
        connection.execute(insert(dismissals), rows)
    # Not these alone: what another kind or another finder said of the same pictures is covered.
    _look_again(connection, _same_question(kind))
    return len(rows)


def restore(connection: Connection, kind: str) -> int:
    """Forget what was said to be fine of a kind; return how many findings are back."""
    before = _dismissed(connection, kind)
    asked = _ALIKE.get(kind, kind)
    connection.execute(delete(dismissals).where(dismissals.c.kind == asked))
    _look_again(connection, _same_question(kind))
    return before - _dismissed(connection, kind)


def _dismissed(connection: Connection, kind: str) -> int:
    counted = select(func.count()).where(findings.c.kind == kind, findings.c.dismissed)
    return connection.scalar(counted) or 0


def _same_question(kind: str) -> list[str]:
    asked = _ALIKE.get(kind, kind)
    return [asked, *(other for other, alike in _ALIKE.items() if alike == asked)]


def _hashes(connection: Connection, finding_ids: Sequence[int]) -> dict[tuple[int, int], str]:
    """Return the content of each image of these findings, by finding and place."""
    statement = select(
        finding_items.c.finding_id, finding_items.c.place, items.c.content_hash
    ).join(items, items.c.item_id == finding_items.c.item_id)
    return {
        (row.finding_id, row.place): row.content_hash
        for some in _parts(finding_ids)
        for row in connection.execute(statement.where(finding_items.c.finding_id.in_(some)))
    }


def _look_again(connection: Connection, asked: Sequence[str]) -> None:
    """Bring `dismissed` up to date for findings of these kinds."""
    fine = Fine.read(connection)
    rows = connection.execute(select(findings).where(findings.c.kind.in_(asked))).all()
    hashes = _hashes(connection, [row.finding_id for row in rows])
    changed: defaultdict[bool, list[int]] = defaultdict(list)
    for row in rows:
        contents = [hashes.get((row.finding_id, place)) for place in range(len(row.paths))]
        is_fine = fine.covers(row.kind, _contents(row.paths, contents))
        if is_fine != row.dismissed:
            changed[is_fine].append(row.finding_id)
    for is_fine, numbers in changed.items():
        for some in _parts(numbers):
            connection.execute(
                update(findings).where(findings.c.finding_id.in_(some)).values(dismissed=is_fine)
            )
