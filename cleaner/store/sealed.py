"""What each round's models said of images that train nothing, held to their labels of now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from cleaner.estimates.agreement import Gain, Share, gain
from cleaner.store import class_edits
from cleaner.store.bulk import add_rows
from cleaner.store.engine import Store
from cleaner.store.tables import items, sealed_predictions

# So many rows are written within a tenth of a second.
_ROWS_AT_ONCE = 4_000


def keep(store: Store, round_id: int, predicted: Mapping[int, str]) -> None:
    """Keep the label that a round's models predict for each sealed image, by its number."""
    rows = [
        {"round_id": round_id, "item_id": item_id, "predicted_label": label}
        for item_id, label in predicted.items()
    ]
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        with store.write() as connection:
            add_rows(connection, sealed_predictions, rows[start : start + _ROWS_AT_ONCE])


def shares(connection: Connection) -> dict[int, Share]:
    """Return round -> how many sealed images its models take for what they are labelled now."""
    said = sealed_predictions.c
    statement = (
        select(said.round_id, said.predicted_label, items.c.current_label, func.count())
        .join(items, items.c.item_id == said.item_id)
        .where(*_IS_JUDGED)
        .group_by(said.round_id, said.predicted_label, items.c.current_label)
    )
    lineage = class_edits.lineage(connection)
    hits: Counter[int] = Counter()
    images: Counter[int] = Counter()
    for round_id, predicted, current, number in connection.execute(statement):
        images[round_id] += number
        hits[round_id] += number * (lineage.from_round(predicted, round_id) == current)
    return {round_id: Share(hits[round_id], number) for round_id, number in images.items()}


def gains(connection: Connection) -> dict[int, Gain]:
    """Return round -> what its models are better by than those of the round before."""
    earlier, later = sealed_predictions.alias("earlier"), sealed_predictions.alias("later")
    columns: tuple[ColumnElement[Any], ...] = (
        later.c.round_id,
        earlier.c.predicted_label.label("before"),
        later.c.predicted_label.label("after"),
        items.c.current_label,
    )
    statement = (
        select(*columns, func.count().label("number"))
        .join(
            earlier,
            (earlier.c.item_id == later.c.item_id) & (earlier.c.round_id == later.c.round_id - 1),
        )
        .join(items, items.c.item_id == later.c.item_id)
        .where(*_IS_JUDGED)
        .group_by(*columns)
    )
    lineage = class_edits.lineage(connection)
    counted: dict[int, Counter[str]] = {}
    for row in connection.execute(statement):
        found = counted.setdefault(row.round_id, Counter())
        was_right = lineage.from_round(row.before, row.round_id - 1) == row.current_label
        is_right = lineage.from_round(row.after, row.round_id) == row.current_label
        found["images"] += row.number
        found["gained"] += row.number * (is_right and not was_right)
        found["lost"] += row.number * (was_right and not is_right)
    return {
        round_id: gain(found["gained"], found["lost"], found["images"])
        for round_id, found in counted.items()
    }


_IS_JUDGED = (items.c.present, items.c.status != "excluded")
