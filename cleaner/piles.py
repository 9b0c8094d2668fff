"""What a reviewer is handed out from: a selection, or the queue mixed with images drawn by lot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from cleaner.decisions import ReviewItem
from cleaner.sampling import Sampling, sampling
from cleaner.selection import QUEUE, Selection
from cleaner.store import lots, rounds, selected
from cleaner.store.selected import FIRST


@dataclass(frozen=True, slots=True)
class Selected:
    """What a person wants to look at behind a place in its order.

    Images that are to be looked at blind are not among it: their lane is one of their own.
    """

    selection: Selection
    after: str

    def count(self, connection: Connection) -> int:
        """Return how many images there are of it."""
        return selected.count(connection, self.selection, without_blind=True)

    def first(self, connection: Connection, limit: int) -> list[ReviewItem]:
        """Return the first so many."""
        return selected.page(
            connection, self.selection, after=self.after, limit=limit, without_blind=True
        ).items


@dataclass(frozen=True, slots=True)
class Mixed:
    """The queue, and among its images some that were drawn at random."""

    def count(self, connection: Connection) -> int:
        """Return how many images there are until the queue is empty."""
        return left(connection)

    def first(self, connection: Connection, limit: int) -> list[ReviewItem]:
        """Return the first so many."""
        queue = selected.page(connection, QUEUE, after=FIRST, limit=limit).items
        wanted = _most_mixed(sampling(connection), len(queue))
        drawn = rounds.some_items(connection, lots.next_drawn(connection, wanted))
        mixed = mix(queue, drawn, share=sampling(connection).share)
        return list(mixed)[:limit]


def left(connection: Connection) -> int:
    """Return how many images a reviewer of the queue has in front of them."""
    queue, drawn = rounds.queue_length(connection), sampling(connection)
    awaiting = lots.next_drawn(connection)
    others = len(awaiting) - lots.queued(connection, awaiting)
    return queue + min(others, _most_mixed(drawn, queue))


def _most_mixed(drawn: Sampling, queue: int) -> int:
    return int(queue * drawn.share / (1 - drawn.share))


def mix(
    queue: Sequence[ReviewItem], drawn: Sequence[ReviewItem], *, share: float
) -> Iterator[ReviewItem]:
    """Yield the queue, and behind every few of its images one that was drawn.

    A drawn image that is in the queue comes up once, where it comes first.
    """
    seen: set[int] = set()
    waiting = iter(drawn)
    due = 0.0
    for image in queue:
        if image.item_id in seen:
            continue
        seen.add(image.item_id)
        yield image
        due += share / (1 - share)
        while due >= 1:
            due -= 1
            one = next((one for one in waiting if one.item_id not in seen), None)
            if one is not None:
                seen.add(one.item_id)
                yield one
