"""A round is opened in parts, so that nobody who decides waits for a million images.

Its scores are added while nobody sees it. It is then published in one short transaction, and the
queue follows image by image; until it has, some images still have the places that the round
before gave them. A kill leaves a round that nobody sees, or a queue that `settle` completes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cleaner.store import catalogue, rounds
from cleaner.store.bulk import analyze
from cleaner.store.engine import Store
from cleaner.store.tables import items, scores

# So many rows are written within a tenth of a second.
_ROWS_AT_ONCE = 4_000
# The round by which the queue is being filled, or "".
_FILLING = "queue_filled_by"


def open_round(store: Store, values: Mapping[str, Any], ranking: Sequence[dict[str, Any]]) -> int:
    """Do what `rounds.open_round` does, in transactions that are short each.

    One process at a time may open rounds of a dataset; jobs see to that.
    """
    _drop_unfinished(store)
    with store.write() as connection:
        number = rounds.begin(connection, values)
    for start in range(0, len(ranking), _ROWS_AT_ONCE):
        with store.write() as connection:
            rounds.add_scores(connection, number, ranking[start : start + _ROWS_AT_ONCE])
    with store.write() as connection:
        rounds.publish(connection, number)
        catalogue.set_facts(connection, {_FILLING: str(number)})
        analyze(connection, scores)
    settle(store)
    return number


def settle(store: Store) -> None:
    """Bring the queue to where a round that was published wants it, if a kill came between."""
    with store.read() as connection:
        number = catalogue.fact(connection, _FILLING)
    if not number:
        return
    for item_ids in _ranges(store):
        with store.write() as connection:
            if rounds.latest(connection) != int(number):
                return  # a later one is about to fill it
            rounds.fill_queue(connection, int(number), item_ids)
    with store.write() as connection:
        if catalogue.fact(connection, _FILLING) == number:
            catalogue.set_facts(connection, {_FILLING: ""})
        analyze(connection, items)


def _drop_unfinished(store: Store) -> None:
    with store.read() as connection:
        unfinished = rounds.unfinished(connection)
    for number in unfinished:
        for item_ids in _ranges(store):
            with store.write() as connection:
                rounds.drop_scores(connection, number, item_ids)
        with store.write() as connection:
            rounds.drop(connection, number)


def _ranges(store: Store) -> Iterator[range]:
    with store.read() as connection:
        last = catalogue.last_item_id(connection)
    for first in range(1, last + 1, _ROWS_AT_ONCE):
        yield range(first, first + _ROWS_AT_ONCE)
