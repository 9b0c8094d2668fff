"""What people are told of images that they are to look at blind: nothing that a model says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from cleaner.decisions import UNRANKED, ReviewItem
from cleaner.store import lots


def told(
    connection: Connection, images: Sequence[ReviewItem]
) -> tuple[list[ReviewItem], frozenset[int]]:
    """Return the images as a person may see them now, and which of them are veiled."""
    blind = lots.blind(connection, [image.item_id for image in images])
    shown = [veiled(image) if image.item_id in blind else image for image in images]
    return shown, frozenset(blind)


def veiled(image: ReviewItem) -> ReviewItem:
    """Return what may be told of an image that is decided about blind.

    Nothing in it follows from what the model says, not even whether the queue would show it.
    """
    unknown = UNRANKED | {"reasons": (), "flagged": True}
    return replace(image, suggested_label=image.current_label, **unknown)
