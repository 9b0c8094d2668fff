"""What the routes answer of images: as JSON, and no more than a person may see of them now."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from cleaner import blindness
from cleaner.decisions import UNRANKED, Decision, Opinion, ReviewItem, deed, wish
from cleaner.items import Item, shown_path
from cleaner.recording import Rejected
from cleaner.store import catalogue, class_edits, decisions, lots, rounds, selected
from cleaner.store import opinions as opinion_log
from cleaner.store.selected import Sign
from cleaner.ui import thumbnails


def refusal(connection: Connection, rejected: Rejected) -> dict[str, Any]:
    """Return why; where somebody else was quicker, also the image as it is now."""
    told = {"op_id": rejected.request.op_id, "reason": rejected.reason}
    item = catalogue.item(connection, rejected.request.item_id)
    if rejected.stands is None or item is None:
        return told
    return told | {
        "item": _shown(connection, item) | {"seen": rejected.stands.op_id},
        "deed": deed(rejected.stands),
        "decided_at": rejected.stands.decided_at,
    }


def review_items(connection: Connection, page: list[ReviewItem]) -> list[dict[str, Any]]:
    """Return the images with who decided, the version of each picture, and what is seen of it."""
    item_ids = [item.item_id for item in page]
    signs = selected.signs(connection, item_ids)
    seen = decisions.latest_of(connection, item_ids)
    shown, blind = blindness.told(connection, page)
    others = opinion_log.about(connection, item_ids)
    return [
        _told(item)
        | ({"is_blind": True} if item.item_id in blind else {})
        | {
            "v": thumbnails.version_of(signs[item.item_id]),
            "decided": _who(signs[item.item_id]),
            "opinions": [_opinion(one) for one in others.get(item.item_id, ())],
            "seen": seen.get(item.item_id),
        }
        for item in shown
    ]


def blind_items(connection: Connection, page: list[ReviewItem]) -> list[dict[str, Any]]:
    """Return images as who is asked about them may see them, with the decision it is about."""
    item_ids = [item.item_id for item in page]
    signs = selected.signs(connection, item_ids)
    about = decisions.latest_of(connection, item_ids)
    return [
        _told(item)
        | {
            "v": thumbnails.version_of(signs[item.item_id]),
            "decided": None,
            "opinions": [],
            "about": about[item.item_id],
        }
        for item in page
    ]


def undoable(connection: Connection, decision: Decision) -> dict[str, Any] | None:
    """Return a decision and its image as it was before; None where the image is gone."""
    item = catalogue.item(connection, decision.item_id)
    if item is None:
        return None
    ranked = rounds.review_item(connection, decision.item_id) or _unranked(item)
    lineage = class_edits.lineage(connection)
    sequence = decisions.sequence_of(connection, decision.op_id)
    label = lineage.of_decision(decision.label_before, sequence)
    before = replace(ranked, current_label=label, status="unreviewed")
    told = _veiled(before) if lots.is_for_the_blind(connection, item.item_id) else _told(before)
    others = [one for one in decisions.of_item(connection, item.item_id) if one != decision]
    shown = told | {"v": thumbnails.version_of(item)}
    shown["seen"] = others[0].op_id if others else None
    return {"op_id": decision.op_id, "action": decision.action, "item": shown}


def redoable(connection: Connection, undo: str, decision: Decision) -> dict[str, Any] | None:
    """Return a decision that the undo of that name took back, as `undoable` does."""
    entry = undoable(connection, decision)
    label = decision.label_after if decision.action == "move" else None
    return None if entry is None else entry | {"op_id": undo, "label": label}


def _shown(connection: Connection, item: Item) -> dict[str, Any]:
    ranked = rounds.review_item(connection, item.item_id) or _unranked(item)
    return _told(ranked) | {"v": thumbnails.version_of(item)}


def _opinion(opinion: Opinion) -> dict[str, str]:
    return {"deed": wish(opinion), "decided_at": opinion.given_at}


def _told(item: ReviewItem) -> dict[str, Any]:
    """Return what the browser is told of an image; it sends labels back, so these come whole."""
    labels = ("given_label", "current_label", "suggested_label")
    return item.as_json() | {name: getattr(item, name) for name in labels}


def _veiled(item: ReviewItem) -> dict[str, Any]:
    """Return what the browser is told of an image that is decided about blind."""
    return _told(blindness.veiled(item)) | {"is_blind": True}


def _who(sign: Sign) -> dict[str, str] | None:
    if sign.decided_at is None:
        return None
    return {"reviewer": shown_path(sign.reviewer or ""), "at": sign.decided_at}


def _unranked(item: Item) -> ReviewItem:
    return ReviewItem(
        item_id=item.item_id,
        path=item.path,
        split=item.split,
        width=item.width,
        height=item.height,
        given_label=item.given_label,
        current_label=item.current_label,
        suggested_label=item.current_label,
        status=item.status,
        **UNRANKED,
    )
