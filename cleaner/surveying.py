"""What a round sets down to tell how clean the labels are: lots, and what it says when sealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cleaner import outlook, sampling
from cleaner.arrays import ItemIds, ItemMask, LabelQuality, Labels
from cleaner.class_edits import Lineage
from cleaner.decisions import CONFIRMED
from cleaner.estimates import lots
from cleaner.estimates.agreement import Agreement, Own
from cleaner.items import Item
from cleaner.store import Store, class_edits, rounds, sealed
from cleaner.store import lots as kept_lots
from cleaner.store.lots import Lot


@dataclass(frozen=True, slots=True, eq=False)
class Doubts:
    """What a round thinks of the labels, which lots are drawn by.

    Attributes:
        item_ids: (item,).
        labels: (item,), index of the current label.
        class_names: in the order of the labels.
        wrong: (item,), the chance that each label is wrong, 0..1.
        flagged: (item,), whether the queue puts it up.
    """

    item_ids: ItemIds
    labels: Labels
    class_names: tuple[str, ...]
    wrong: LabelQuality
    flagged: ItemMask


def close(store: Store) -> None:
    """Keep with the latest round what is estimated to be left now, before the next one begins."""
    with store.write() as connection:
        latest = rounds.latest(connection)
        estimate = outlook.estimate_of(connection, sampling.sampling(connection))
        if latest is not None and estimate is not None:
            rounds.set_errors_left(connection, latest, estimate.overall.as_json())


def own(store: Store, items: Sequence[Item], predicted: Sequence[str]) -> Own:
    """Return how far the predicted labels of these images are those of now, and those given."""
    with store.read() as connection:
        lineage = class_edits.lineage(connection)
    pairs = list(zip(items, predicted, strict=True))
    return Own(
        trained=_agreement([pair for pair in pairs if pair[0].split != "test"], lineage),
        sealed=_agreement([pair for pair in pairs if pair[0].split == "test"], lineage),
    )


def _agreement(pairs: Sequence[tuple[Item, str]], lineage: Lineage) -> Agreement:
    return Agreement(
        images=len(pairs),
        agreeing=sum(item.current_label == label for item, label in pairs),
        as_given=sum(
            lineage.of_item(item.given_label, item.item_id) == label for item, label in pairs
        ),
        reviewed=sum(item.status in CONFIRMED for item, _ in pairs),
    )


def seal(store: Store, number: int, items: Sequence[Item], predicted: Sequence[str]) -> None:
    """Keep what this round's models say of the images that train nothing."""
    pairs = zip(items, predicted, strict=True)
    sealed.keep(store, number, {i.item_id: label for i, label in pairs if i.split == "test"})


def draw(store: Store, number: int, doubts: Doubts, *, seed: int) -> None:
    """Draw lots for the images that nobody has decided about and that have none yet."""
    with store.read() as connection:
        without = kept_lots.without(connection)
    rows = np.array([one in without for one in doubts.item_ids.tolist()], bool)
    if not rows.any():
        return
    labels = doubts.labels[rows]
    drawn = lots.draw(
        doubts.wrong[rows], labels, doubts.flagged[rows], np.random.default_rng([seed, number])
    )
    columns = (doubts.item_ids[rows], drawn.band, labels, drawn.place)
    kept_lots.keep(
        store,
        number,
        [
            Lot(item_id, band, doubts.class_names[label], place)
            for item_id, band, label, place in zip(
                *(column.tolist() for column in columns), strict=True
            )
        ],
    )
