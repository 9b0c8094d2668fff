"""What a reviewer is handed out from: a selection, or the queue mixed with images drawn by lot."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from math import inf
from zlib import crc32

from sqlalchemy import Connection

from cleaner.decisions import ReviewItem
from cleaner.sampling import Sampling, sampling
from cleaner.selection import QUEUE, Selection
from cleaner.store import decisions, lots, rounds, selected
from cleaner.store.selected import FIRST

# So many suspects come with their reasons before any image that is looked at blind.
HEAD = 8


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
        drawn = sampling(connection)
        awaiting = lots.next_drawn(connection, _most_mixed(drawn, len(queue)))
        blind = lots.blind(connection, [image.item_id for image in queue])
        head = max(1, HEAD - decisions.made_in_latest_round(connection, among=HEAD))
        mixed = mix(
            queue, rounds.some_items(connection, awaiting), blind, share=drawn.share, head=head
        )
        return list(mixed)[:limit]


def left(connection: Connection) -> int:
    """Return how many images a reviewer of the queue has in front of them."""
    queue, drawn = rounds.queue_length(connection), sampling(connection)
    awaiting = lots.next_drawn(connection, _most_mixed(drawn, queue))
    return queue + len(awaiting) - lots.queued(connection, awaiting)


def _most_mixed(drawn: Sampling, queue: int) -> int:
    return int(queue * drawn.share / (1 - drawn.share))


def mix(
    queue: Sequence[ReviewItem],
    drawn: Sequence[ReviewItem],
    blind: Collection[int],
    *,
    share: float,
    head: int,
) -> Iterator[ReviewItem]:
    """Yield the queue, and among its images those that were drawn, each once.

    The first `head` are none of those in `blind`, which are put off until drawn ones are due.

    Args:
        queue: worst first.
        drawn: in the order of their lots, no more than belong among so many.
        blind: which images of the queue are to be looked at blind.
        share: how many of the images behind the first are drawn ones, 0..0.9; where among them,
            a lot of each decides, so that no place says that an image there was drawn.
        head: who begins is to see suspects with their reasons first, so many.
    """
    suspects = [image for image in queue if image.item_id not in blind][:head]
    reached = queue.index(suspects[-1]) + 1 if suspects else 0
    put_off = [image for image in queue[:reached] if image.item_id in blind]
    among = _among(queue[reached:], [*put_off, *drawn], share)
    seen: set[int] = set()
    # However short the queue is, all of it comes up, and what belongs among so many.
    for image in chain(suspects, among, put_off, drawn):
        if image.item_id not in seen:
            seen.add(image.item_id)
            yield image


def _among(
    images: Sequence[ReviewItem], waiting: Sequence[ReviewItem], share: float
) -> Iterator[ReviewItem]:
    """Yield images, and as many of those that wait as `share` says, as long as there are any."""
    between = (1 - share) / share if share else inf
    line, seen, mixed = deque(waiting), set[int](), 0
    for number, image in enumerate(images, 1):
        seen.add(image.item_id)
        yield image
        while line and number >= between * (mixed + _lot(line[0])):
            one = line.popleft()
            if one.item_id not in seen:
                seen.add(one.item_id)
                mixed += 1
                yield one


def _lot(image: ReviewItem) -> float:
    """Return a number in 0..1 that is as good as drawn, and always the same for an image."""
    return crc32(image.item_id.to_bytes(8)) / 2**32
