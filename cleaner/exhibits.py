"""What is shown beside a suspect: images like it, its duplicates, and how the committee voted.

Which images are alike and who voted how is what the latest round found. Labels are those of now:
what was decided since is in the log, and the few images that are shown are looked up once more.
Needs numpy alone, and of the arrays a round left it reads only the rows of the classes concerned.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import Connection

from cleaner import rescoring
from cleaner.decisions import CONFIRMED
from cleaner.errors import NotScored, UnknownItem
from cleaner.items import Item
from cleaner.rescoring import Kept, Testimony
from cleaner.store import Store, catalogue, decisions, rounds

NO_EVIDENCE = "Evidence comes with the next round."
# So many images of a class are shown. Among a few times as many, those whose label a person
# confirmed come first: they are sure, and still like the suspect.
SHOWN = 4
_NEAREST = 12
# That many are looked up in the database; some may have left their class or the folder since.
_LOOKED_UP = 64
_MOST_DUPLICATES = 8
_TOP_CLASSES = 3
# So many rows stay in the processor's cache between being widened and multiplied.
_ROWS_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class Alike:
    """An image that is like the suspect.

    Attributes:
        item: as it is now.
        similarity: cosine of the features, at most 1.
        confirmed: whether a person vouches for its label.
    """

    item: Item
    similarity: float
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Another image of the suspect's group; `exact` if the files are the same."""

    item: Item
    exact: bool
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Vote:
    """What one member of the committee said in the round, never having seen the image.

    Attributes:
        member: its name.
        share: how much it counts beside the others, 0..1.
        current: its probability of the current label, None if the round did not know the class.
        suggested: the same of the suggested label.
        top: its most probable classes, the first one first.
    """

    member: str
    share: float
    current: float | None
    suggested: float | None
    top: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Views:
    """How many views of the image there are, and for which label they speak."""

    count: int
    current: int
    suggested: int


@dataclass(frozen=True, slots=True)
class Exhibits:
    """All that is shown beside one suspect.

    Attributes:
        current: the label it has.
        suggested: the label that is proposed, None if none other is.
        like_current: the nearest images with the current label; like_suggested likewise.
        duplicates: at most eight, those with other labels first.
        duplicate_count: how many there are in all.
        votes: one a member.
        views: None where no member judges views apart.
    """

    item: Item
    current: str
    suggested: str | None
    like_current: tuple[Alike, ...]
    like_suggested: tuple[Alike, ...]
    duplicates: tuple[Duplicate, ...]
    duplicate_count: int
    votes: tuple[Vote, ...]
    views: Views | None


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A suspect in the numbers of its round.

    Attributes:
        item: as it is now.
        kept: what the round left.
        testimony: the part of it that is shown.
        place: of the image among the round's.
        current: the label it has.
        suggested: the label that is proposed, None if none other is.
    """

    item: Item
    kept: Kept
    testimony: Testimony
    place: int
    current: str
    suggested: str | None

    def number(self, label: str | None) -> int | None:
        """Return the place of a class in the round's order, None for one it did not know."""
        names = self.kept.class_names
        return names.index(label) if label in names else None


class Showcase:
    """The latest round of one dataset, ready to be asked; any number of threads may."""

    def __init__(self, store: Store, state: Path) -> None:
        self._store = store
        self._state = state
        self._round: _OpenRound | None = None
        self._lock = threading.Lock()

    def exhibits(self, item_id: int) -> Exhibits:
        """Return what is shown beside an image.

        Raises:
            NotScored: the latest round left nothing to show, or does not know the image.
            UnknownItem: no image has this number.
        """
        with self._lock, self._store.read() as connection:
            opened, case = self._looked_up(connection, item_id)
            opened.follow(connection)
            duplicates = _duplicates(connection, case)
            return Exhibits(
                item=case.item,
                current=case.current,
                suggested=case.suggested,
                like_current=_nearest(connection, opened, case, case.current),
                like_suggested=_nearest(connection, opened, case, case.suggested),
                duplicates=duplicates[:_MOST_DUPLICATES],
                duplicate_count=len(duplicates),
                votes=_votes(case),
                views=_views(case),
            )

    def case(self, item_id: int) -> Case:
        """Return an image in the numbers of its round; raises as `exhibits` does."""
        with self._lock, self._store.read() as connection:
            return self._looked_up(connection, item_id)[1]

    def _looked_up(self, connection: Connection, item_id: int) -> tuple[_OpenRound, Case]:
        item = catalogue.item(connection, item_id)
        if item is None:
            raise UnknownItem("No image has this number.")
        opened = self._opened(connection)
        place = opened.place_of(item_id)
        ranked = rounds.review_item(connection, item_id)
        if place is None or ranked is None:
            raise NotScored(NO_EVIDENCE)
        suggested = None if ranked.suggested_label == item.current_label else ranked.suggested_label
        case = Case(item, opened.kept, opened.testimony, place, item.current_label, suggested)
        return opened, case

    def _opened(self, connection: Connection) -> _OpenRound:
        opening = rounds.latest_opening(connection)
        if opening is None:
            raise NotScored(NO_EVIDENCE)
        if self._round is None or self._round.opening != opening:
            self._round = None  # its memory first
            kept = rescoring.read(self._state, *opening)
            if kept is None or kept.testimony is None:
                raise NotScored(NO_EVIDENCE)
            self._round = _OpenRound(opening, kept, kept.testimony)
        return self._round


class _OpenRound:
    """A round with the labels as they are now."""

    def __init__(self, opening: tuple[int, str], kept: Kept, testimony: Testimony) -> None:
        self.opening = opening
        self.kept = kept
        self.testimony = testimony
        self._labels = kept.labels.copy()
        self._vouched = kept.confirmed | testimony.sound
        self._sequence = kept.opening.sequence
        self._numbers = {name: number for number, name in enumerate(kept.class_names)}
        self._order = np.argsort(kept.item_ids)

    def place_of(self, item_id: int) -> int | None:
        item_ids = self.kept.item_ids
        at = int(np.searchsorted(item_ids, item_id, sorter=self._order))
        place = int(self._order[at]) if at < len(self._order) else -1
        return place if place >= 0 and item_ids[place] == item_id else None

    def follow(self, connection: Connection) -> None:
        """Take in what was decided since the last time."""
        sequence = decisions.latest_sequence(connection)
        if sequence == self._sequence:
            return
        for item_id, label, status in decisions.changed_since(connection, self._sequence):
            place = self.place_of(item_id)
            if place is not None:
                # A class that is new since the round gets the next number.
                number = self._numbers.setdefault(label, len(self._numbers))
                is_own = number == self.kept.labels[place]
                self._labels[place] = number
                self._vouched[place] = status in CONFIRMED or (
                    status == "unreviewed" and is_own and bool(self.testimony.sound[place])
                )
        self._sequence = sequence

    def candidates(self, place: int, label: str) -> tuple[np.ndarray, np.ndarray]:
        """Return places and similarities of the nearest images that stand for a class."""
        number = self._numbers.get(label, -1)
        fits = self._vouched & (self._labels == number)
        fits &= self.kept.groups != self.kept.groups[place]
        places = np.flatnonzero(fits)
        similarity = self._similarity(place, places)
        if len(places) > _LOOKED_UP:
            first = np.argpartition(-similarity, _LOOKED_UP)[:_LOOKED_UP]
            places, similarity = places[first], similarity[first]
        order = np.argsort(-similarity, kind="stable")
        return places[order], similarity[order]

    def _similarity(self, place: int, places: np.ndarray) -> np.ndarray:
        likeness = self.testimony.likeness
        own = likeness[place].astype(np.float32)
        found = np.empty(len(places), np.float32)
        for start in range(0, len(places), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            found[part] = likeness[places[part]].astype(np.float32) @ own
        return found


def _nearest(
    connection: Connection, opened: _OpenRound, case: Case, label: str | None
) -> tuple[Alike, ...]:
    if label is None:
        return ()
    places, similarity = opened.candidates(case.place, label)
    items = _by_id(connection, case.kept.item_ids[places])
    found: list[Alike] = []
    for item_id, alike in zip(case.kept.item_ids[places], similarity, strict=True):
        item = items.get(int(item_id))
        # Moved out of the class, excluded, or known as a duplicate, since the last look.
        if item is None or item.current_label != label or item.group_id == case.item.group_id:
            continue
        found.append(Alike(item, float(alike), item.status in CONFIRMED))
    return tuple(sorted(found[:_NEAREST], key=lambda one: not one.confirmed)[:SHOWN])


def _duplicates(connection: Connection, case: Case) -> tuple[Duplicate, ...]:
    groups = case.kept.groups
    places = np.flatnonzero(groups == groups[case.place])
    others = _by_id(connection, case.kept.item_ids[places[places != case.place]])
    found = [
        Duplicate(item, item.content_hash == case.item.content_hash, item.status in CONFIRMED)
        for item in others.values()
    ]
    return tuple(
        sorted(found, key=lambda one: (one.item.current_label == case.current, not one.exact))
    )


def _by_id(connection: Connection, item_ids: Sequence[int] | np.ndarray) -> dict[int, Item]:
    """Return those of these images that are there and not excluded."""
    some = catalogue.some_items(connection, [int(item_id) for item_id in item_ids])
    return {item.item_id: item for item in some if item.status != "excluded"}


def _votes(case: Case) -> tuple[Vote, ...]:
    testimony, names = case.testimony, case.kept.class_names
    shares = testimony.weights / max(float(testimony.weights.sum()), 1e-12)
    current, suggested = case.number(case.current), case.number(case.suggested)
    votes = []
    for member, share, probs in zip(
        testimony.member_names, shares, testimony.votes[case.place], strict=True
    ):
        top = np.argsort(-probs, kind="stable")[:_TOP_CLASSES]
        votes.append(
            Vote(
                member=member,
                share=float(share),
                current=None if current is None else float(probs[current]),
                suggested=None if suggested is None else float(probs[suggested]),
                top=tuple((names[label], float(probs[label])) for label in top),
            )
        )
    return tuple(votes)


def _views(case: Case) -> Views | None:
    for voices in case.kept.voices:
        if voices.noun == "views":
            votes = voices.votes[:, case.place]
            current, suggested = case.number(case.current), case.number(case.suggested)
            return Views(len(votes), int((votes == current).sum()), int((votes == suggested).sum()))
    return None
