"""Several people at one queue, each with images of their own: what a page is handed out.

A page asks under a name of its own, and holds what it got until it asks again, gives it back, or
has been silent for a while. What somebody holds is passed over for everybody else.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable
from weakref import WeakKeyDictionary

from sqlalchemy import Connection

from cleaner.decisions import ReviewItem
from cleaner.errors import StoreError
from cleaner.store import Store, leases
from cleaner.store.leases import Held

TERM_SECONDS = 120.0
# What each holds at most where there are several: nobody sits on a queue that others wait for.
SHARE = 24
# Held without being handed out yet, so that not every decision makes a page write.
SPARE = 8

log = logging.getLogger(__name__)


class _Left:
    """Pages that gave back what they had, for as long as a request of theirs may still arrive."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._lock = threading.Lock()

    def note(self, holders: Collection[str], now: float) -> None:
        """Note that these are gone; a page that comes back takes another name."""
        with self._lock:
            self._until = {one: end for one, end in self._until.items() if end > now}
            self._until |= dict.fromkeys(holders, now + TERM_SECONDS)

    def __contains__(self, holder: str) -> bool:
        return holder in self._until


# Of each store that this process has open: it is this process that hears a page out of order.
_LEFT: WeakKeyDictionary[Store, _Left] = WeakKeyDictionary()


@runtime_checkable
class Pile(Protocol):
    """What a reviewer wants to see."""

    def count(self, connection: Connection) -> int:
        """Return how many images there are of it."""
        ...

    def first(self, connection: Connection, limit: int) -> Sequence[ReviewItem]:
        """Return the first so many."""
        ...


@dataclass(frozen=True, slots=True)
class Demand:
    """How much a page wants to have in hand.

    Attributes:
        most: at most so many images in all; fewer where others are at work.
        keep: images that it has and shows, or is about to; they stay with it.
        share: what it has at most where others are at work.
    """

    most: int
    keep: tuple[int, ...] = ()
    share: int = SHARE


@dataclass(frozen=True, slots=True)
class Handed:
    """What a page was handed out.

    Attributes:
        items: in the order of the queue.
        with_others: how many others have that would have come up among them.
        is_all: whether nothing is left behind them that is nobody's.
    """

    items: list[ReviewItem]
    with_others: int
    is_all: bool = True


def hand_out(store: Store, holder: str, pile: Pile, demand: Demand) -> Handed:
    """Return the first images that nobody else has, and keep them for `holder`.

    What it had before and does not ask to keep goes to whoever comes next.

    Args:
        store: where the leases are kept.
        holder: made up by the page that asks.
        pile: what the reviewer wants to see.
        demand: how many of them.

    Raises:
        StoreError: the database cannot be read. If it can only not be written, as on a full
            disk, the images are handed out all the same; they are to a page that gave back what
            it had, too, and nothing is kept for it.
    """
    now, left = time.time(), _left(store)
    with store.read() as connection:
        found = _Found(leases.held(connection, holder, now), pile.count(connection), demand)
        images = pile.first(connection, found.wanted)
    if found.holds(images, now) or holder in left:
        return found.handed(images)
    try:
        with store.write() as connection:
            if holder in left:  # it asked, was closed and said so, and was heard in another order
                return found.handed(images)
            found = _Found(leases.held(connection, holder, now), pile.count(connection), demand)
            images = pile.first(connection, found.wanted)
            leases.release(connection, (), now)
            leases.take(connection, holder, found.kept(images), now + TERM_SECONDS)
            return found.handed(images)
    except StoreError as error:
        log.warning("What a page got was not kept for it: %s", error)
        return found.handed(images)


def release(store: Store, holders: Collection[str]) -> None:
    """Give back what these pages had.

    Raises:
        StoreError: it stays with them until it expires.
    """
    now = time.time()
    # Before they lose it: what asks for more meanwhile is too late, or loses it with the rest.
    _left(store).note(holders, now)
    with store.write() as connection:
        leases.release(connection, holders, now)


def _left(store: Store) -> _Left:
    return _LEFT.setdefault(store, _Left())


@dataclass(frozen=True, slots=True)
class _Found:
    """What is leased and what is left, and what follows for whoever asks."""

    held: Held
    left: int
    demand: Demand

    @property
    def wanted(self) -> int:
        """How many images to look at, so that enough of them are free."""
        return self.room + SPARE + len(self.held.others) + len(self.demand.keep)

    @property
    def most(self) -> int:
        """How many the page may have; of a short queue, half is left to whoever comes next."""
        share = self.demand.share
        return min(self.demand.most, share if self.held.holders else max(share, self.left // 2))

    @property
    def room(self) -> int:
        """How many are handed out."""
        return max(0, self.most - len(self.demand.keep))

    def _free(self, images: Sequence[ReviewItem]) -> list[ReviewItem]:
        taken = self.held.others.union(self.demand.keep)
        return [image for image in images if image.item_id not in taken]

    def kept(self, images: Sequence[ReviewItem]) -> list[int]:
        """Return which images are held from now on."""
        before = [number for number in self.demand.keep if number not in self.held.others]
        return before + [image.item_id for image in self._free(images)[: self.room + SPARE]]

    def handed(self, images: Sequence[ReviewItem]) -> Handed:
        """Return what is handed out."""
        free = self._free(images)
        with_others = sum(image.item_id in self.held.others for image in images)
        is_all = len(images) < self.wanted and len(free) <= self.room
        return Handed(free[: self.room], with_others, is_all)

    def holds(self, images: Sequence[ReviewItem], now: float) -> bool:
        """Tell whether all that the page has is held for a while, and not too much besides."""
        fresh = {i for i, until in self.held.mine.items() if until > now + TERM_SECONDS / 2}
        needed = {image.item_id for image in self.handed(images).items}
        needed |= set(self.demand.keep) - self.held.others
        has_more = len(self.held.mine) > self.most + 2 * SPARE
        return not has_more and needed <= fresh
