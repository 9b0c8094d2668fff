"""What the review deck asks the server over HTTP: images, the queue, decisions.

A decision must not wait for a page to run again, so these routes stand beside Streamlit and
know nothing of it. They name images by number, never by path.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cleaner import blindness, leasing, opinions, piles
from cleaner.decisions import (
    STATUS_AFTER,
    UNRANKED,
    Decision,
    Opinion,
    ReviewItem,
    deed,
    signature,
    wish,
)
from cleaner.errors import CleanerError, ImageRejected, NotScored, SelectionError, UnknownItem
from cleaner.items import Item, shown_path
from cleaner.project import Project
from cleaner.recording import Recorded, Rejected, Request
from cleaner.selection import QUEUE, Selection
from cleaner.store import catalogue, class_edits, decisions, lots, rounds, selected
from cleaner.store import opinions as opinion_log
from cleaner.store.selected import Page, Sign
from cleaner.ui import bodies, thumbnails
from cleaner.ui.evidence import Showcases
from cleaner.ui.followers import Followers
from cleaner.ui.inbox import Inbox, Inboxes
from cleaner.ui.registry import Registry

MAX_BODY_BYTES = 256 * 1024
MAX_DECISIONS = 200
MAX_PAGE = 200
MAX_NAME = 100
MAX_HOLDERS = 200
MAX_KEPT = 400
_HOLDER = re.compile("[A-Za-z0-9-]{8,64}")
_NUMBER = re.compile("[0-9]{1,9}")
_FOR_EVER = "private, max-age=31536000, immutable"
_ACTIONS = (*STATUS_AFTER, "undo", "redo")

Answer = Callable[[HttpRequest], Response]


class _Refused(Exception):
    """Ends a request with a status code and one line for whoever sent it."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def routes(registry: Registry) -> list[BaseRoute]:
    """Return the routes under /api for the datasets of `registry`."""
    followers, inboxes = Followers(), Inboxes()

    def project_of(request: HttpRequest) -> Project:
        try:
            return registry.get(request.path_params["key"])
        except CleanerError as error:
            raise _Refused(404, str(error)) from error

    @_answering
    def image(request: HttpRequest) -> Response:
        return _image(project_of(request), request)

    @_answering
    def queue(request: HttpRequest) -> Response:
        project = project_of(request)
        # Whoever opens the queue will decide soon, and may have decided elsewhere.
        followers.tell(request.path_params["key"], project)
        return _queue(project, request)

    @_answering
    def history(request: HttpRequest) -> Response:
        return _history(project_of(request), request, _reviewer(request))

    @_taking
    def decide(request: HttpRequest, body: Any) -> Response:
        wanted, project = _requests(body), project_of(request)
        key = request.path_params["key"]
        answer = _decide(inboxes.of(key, project), wanted, _reviewer(request))
        followers.tell(key, project)
        return answer

    @_taking
    def give_back(request: HttpRequest, body: Any) -> Response:
        holders = _holders(body)
        leasing.release(project_of(request).store, holders)
        return _json({})

    return [
        Route("/api/p/{key}/image/{item_id:int}", image),
        *_beside_a_suspect(project_of),
        *_second_opinions(project_of),
        Route("/api/p/{key}/queue", queue),
        *_in_lanes(project_of),
        Route("/api/p/{key}/history", history),
        Route("/api/p/{key}/leases", give_back, methods=["POST"]),
        Route("/api/p/{key}/decisions", decide, methods=["POST"]),
        # Streamlit answers any other address with its page and 200.
        Route("/api", _nothing_here, methods=_ALL_METHODS),
        Route("/api/{rest:path}", _nothing_here, methods=_ALL_METHODS),
    ]


def _in_lanes(project_of: Callable[[HttpRequest], Project]) -> list[BaseRoute]:
    """Return the route that says which images belong together."""

    @_answering
    def pairs(request: HttpRequest) -> Response:
        return _pairs(project_of(request), request)

    return [Route("/api/p/{key}/pairs", pairs)]


def _second_opinions(project_of: Callable[[HttpRequest], Project]) -> list[BaseRoute]:
    """Return what queue and history are to somebody who is asked for second opinions."""

    @_answering
    def questions(request: HttpRequest) -> Response:
        return _questions(project_of(request), request)

    @_answering
    def given(request: HttpRequest) -> Response:
        return _own_opinions(project_of(request), request)

    return [
        Route("/api/p/{key}/second/queue", questions),
        Route("/api/p/{key}/second/history", given),
    ]


def _beside_a_suspect(project_of: Callable[[HttpRequest], Project]) -> list[BaseRoute]:
    """Return the routes that a person's eyes have time for, and a key never waits for."""
    showcases = Showcases()

    @_answering
    def evidence(request: HttpRequest) -> Response:
        key, item_id = request.path_params["key"], request.path_params["item_id"]
        project = project_of(request)
        _check_not_blind(project, item_id)
        return _json(showcases.evidence(key, project, item_id))

    @_answering
    def heat(request: HttpRequest) -> Response:
        key, item_id = request.path_params["key"], request.path_params["item_id"]
        project = project_of(request)
        _check_not_blind(project, item_id)
        drawn = showcases.heat(key, project, item_id)
        return Response(drawn, media_type="image/png", headers={"Cache-Control": "no-store"})

    return [
        Route("/api/p/{key}/evidence/{item_id:int}", evidence),
        Route("/api/p/{key}/heat/{item_id:int}", heat),
    ]


def _check_not_blind(project: Project, item_id: int) -> None:
    with project.store.read() as connection:
        if lots.blind(connection, [item_id]):
            raise _Refused(403, "This image is decided about without what the model says of it.")


def _named(request: HttpRequest) -> str:
    """Return who asks, by login or as the browser says, as the log has it."""
    given = request.query_params.get("reviewer", "")[:MAX_NAME]
    return signature(_reviewer(request) or " ".join(given.split()))


_ALL_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def _reviewer(request: HttpRequest) -> str:
    """Return the name that a login gave, or ""."""
    name: str = getattr(request.state, "reviewer", "")
    return name


def _answering(answer: Answer) -> Answer:
    """Turn a refusal into its answer; a plain function runs in a thread, not on the loop."""

    def guarded(request: HttpRequest) -> Response:
        try:
            return answer(request)
        except (_Refused, CleanerError) as error:
            return _problem(error)

    return guarded


def _taking(
    take: Callable[[HttpRequest, Any], Response],
) -> Callable[[HttpRequest], Awaitable[Response]]:
    """Hand what one of this app's own pages has sent to a plain function, in a thread."""

    async def guarded(request: HttpRequest) -> Response:
        try:
            _check_sender(request)
            body = await _body(request)
            return await run_in_threadpool(take, request, body)
        except (_Refused, CleanerError) as error:
            return _problem(error)

    return guarded


def _nothing_here(_request: HttpRequest) -> Response:
    return _problem(_Refused(404, "There is nothing at this address."))


# -- answers ---------------------------------------------------------------------------


def _image(project: Project, request: HttpRequest) -> Response:
    side_px = _number(request, "side", default=960, low=min(thumbnails.SIDES_PX), high=4096)
    if side_px not in thumbnails.SIDES_PX:
        raise _Refused(400, f"side is {side_px}; known: {thumbnails.SIDES_PX}.")
    with project.store.read() as connection:
        item = catalogue.item(connection, request.path_params["item_id"])
    if item is None:
        raise _Refused(404, "No image has this number.")
    try:
        jpeg = thumbnails.thumbnail(project, item, side_px)
    except ImageRejected as rejected:
        raise _Refused(410, shown_path(str(rejected))) from rejected
    current = request.query_params.get("v") == thumbnails.version_of(item)
    headers = {"Cache-Control": _FOR_EVER if current else "no-cache"}
    return Response(jpeg, media_type="image/jpeg", headers=headers)


def _queue(project: Project, request: HttpRequest) -> Response:
    selection, after = _selection(request), request.query_params.get("after")
    limit = _number(request, "limit", default=50, low=1, high=MAX_PAGE)
    page, with_others = _page(project, request, selection, after=after or "", limit=limit)
    with project.store.read() as connection:
        left = piles.left(connection)
        matching = selected.count(connection, selection, without_blind=True)
        answer = {
            "left": left,
            "with_others": with_others,
            "matching": left if _is_mixed(request, selection) else matching,
            "after": page.after,
            "items": _review_items(connection, page.items),
        }
        return _json(answer | _around(connection, request))


def _questions(project: Project, request: HttpRequest) -> Response:
    """Answer with images that wait for a second opinion of who asks, shaped like the queue."""
    limit = _number(request, "limit", default=50, low=1, high=MAX_PAGE)
    holder, reviewer = _holder(request.query_params.get("holder")), _named(request)
    handed = opinions.hand_out(project.store, holder, reviewer, limit=limit)
    with project.store.read() as connection:
        answer = {
            "left": piles.left(connection),
            "with_others": handed.with_others,
            "matching": opinion_log.waiting_count(connection, reviewer) if reviewer else 0,
            "after": None,
            "items": _blind_items(connection, handed.items),
        }
        return _json(answer | _around(connection, request))


def _around(connection: Connection, request: HttpRequest) -> dict[str, Any]:
    """Return what else a page that shows images has to know; the classes only at its first."""
    around: dict[str, Any] = {
        "round": rounds.latest(connection),
        "reviewer": _reviewer(request),
        "class_edits": class_edits.latest(connection),
    }
    if request.query_params.get("after") is None:
        names = catalogue.class_names(connection)
        around["classes"] = [{"name": name, "shown": shown_path(name)} for name in names]
    return around


def _page(
    project: Project, request: HttpRequest, selection: Selection, *, after: str, limit: int
) -> tuple[Page, int]:
    """Return a page, and how many images of it others have in hand."""
    holder = request.query_params.get("holder")
    # What was decided about waits for nobody, so nobody has it to themselves.
    if holder is None or not selection.waits:
        found = project.selected(selection, after=after, limit=limit, without_blind=True)
        return found, 0
    share = _number(request, "share", default=leasing.SHARE, low=1, high=MAX_PAGE)
    demand = leasing.Demand(limit, _kept(request), share)
    handed = project.hand_out(
        _holder(holder), demand, selection, after=after, plain=_is_plain(request)
    )
    if handed.items and not handed.is_all:
        after = project.place_of(selection, handed.items[-1])
    return Page(handed.items, None if handed.is_all else after), handed.with_others


def _is_mixed(request: HttpRequest, selection: Selection) -> bool:
    """Tell whether images drawn at random come up among those that are asked for."""
    return selection == QUEUE and "holder" in request.query_params and not _is_plain(request)


def _is_plain(request: HttpRequest) -> bool:
    """Tell whether a page wants nothing among the queue, as one that shows suggestions."""
    return "plain" in request.query_params


def _pairs(project: Project, request: HttpRequest) -> Response:
    limit = _number(request, "limit", default=MAX_PAGE, low=1, high=MAX_PAGE)
    return _json([asdict(pair) for pair in project.pairs(_selection(request), limit=limit)])


def _history(project: Project, request: HttpRequest, login: str) -> Response:
    """Answer with what undo and redo would take, in the order in which they take it.

    With a name, of the login or of the browser, that is what was decided under it: nobody takes
    back by a key what others decided. Without one all are the same person.
    """
    limit = _number(request, "limit", default=50, low=1, high=MAX_PAGE)
    named = login or request.query_params.get("reviewer")
    with project.store.read() as connection:
        standing = decisions.standing(connection, limit=limit, reviewer=named)
        undoable = [_undoable(connection, decision) for decision in standing]
        undone = decisions.undone(connection, named or "", limit=limit)
        redoable = [_redoable(connection, *entry) for entry in undone]
    return _json(
        {
            "decisions": [entry for entry in undoable if entry is not None],
            "undone": [entry for entry in redoable if entry is not None],
        }
    )


def _own_opinions(project: Project, request: HttpRequest) -> Response:
    """Answer with what undo would take, among the second opinions of who asks."""
    limit = _number(request, "limit", default=50, low=1, high=MAX_PAGE)
    with project.store.read() as connection:
        standing = opinion_log.standing(connection, _named(request), limit=limit)
        items = opinion_log.shown(connection, [one.item_id for one in standing])
        told = {one["item_id"]: one for one in _blind_items(connection, items)}
    entries = [
        {"op_id": one.op_id, "action": one.action, "label": one.label, "item": told[one.item_id]}
        for one in standing
        if one.item_id in told
    ]
    return _json({"decisions": entries, "undone": []})


def _decide(inbox: Inbox, wanted: list[Request], reviewer: str) -> Response:
    signed = [replace(one, reviewer=reviewer or one.reviewer) for one in wanted]
    outcome: Recorded = inbox.decide(signed)
    given = [(one.op_id, one.about) for one in wanted if one.about is not None]
    with inbox.project.store.read() as connection:
        answer: dict[str, Any] = {
            "recorded": list(outcome.recorded),
            "rejected": [_refusal(connection, one) for one in outcome.rejected],
            "left": piles.left(connection),
        }
        if given:
            compared = opinions.compared(connection, given)
            answer["compared"] = [asdict(one) for one in compared]
    return _json(answer)


def _refusal(connection: Connection, rejected: Rejected) -> dict[str, Any]:
    """Return why; where somebody else was quicker, also the image as it is now."""
    refusal = {"op_id": rejected.request.op_id, "reason": rejected.reason}
    item = catalogue.item(connection, rejected.request.item_id)
    if rejected.stands is None or item is None:
        return refusal
    return refusal | {
        "item": _shown(connection, item) | {"seen": rejected.stands.op_id},
        "deed": deed(rejected.stands),
        "decided_at": rejected.stands.decided_at,
    }


def _shown(connection: Connection, item: Item) -> dict[str, Any]:
    ranked = rounds.review_item(connection, item.item_id) or _unranked(item)
    return _told(ranked) | {"v": thumbnails.version_of(item)}


def _review_items(connection: Connection, page: list[ReviewItem]) -> list[dict[str, Any]]:
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


def _blind_items(connection: Connection, page: list[ReviewItem]) -> list[dict[str, Any]]:
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


def _undoable(connection: Connection, decision: Decision) -> dict[str, Any] | None:
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


def _redoable(connection: Connection, undo: str, decision: Decision) -> dict[str, Any] | None:
    entry = _undoable(connection, decision)
    label = decision.label_after if decision.action == "move" else None
    return None if entry is None else entry | {"op_id": undo, "label": label}


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


# -- what comes in ---------------------------------------------------------------------


def _check_sender(request: HttpRequest) -> None:
    """Refuse what another web site makes a browser send."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise _Refused(403, "Decisions are taken from this app's own pages only.")
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise _Refused(403, "Decisions are taken from this app's own pages only.")
    # Any other type could come from a plain HTML form, without the browser asking first.
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
        raise _Refused(415, "Send application/json.")


async def _body(request: HttpRequest) -> Any:
    try:
        body = await bodies.read(request, most_bytes=MAX_BODY_BYTES)
    except bodies.TooLong as error:
        reason = f"More than {MAX_BODY_BYTES} bytes; send fewer at a time."
        raise _Refused(413, reason) from error
    except bodies.TooSlow as error:
        raise _Refused(408, "The rest did not come; send it again.") from error
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _Refused(400, "This is not JSON.") from error


def _requests(values: Any) -> list[Request]:
    if not isinstance(values, list) or len(values) > MAX_DECISIONS:
        raise _Refused(400, f"Send a list of at most {MAX_DECISIONS} decisions.")
    return [_request(one) for one in values]


def _kept(request: HttpRequest) -> tuple[int, ...]:
    """Return which images a page asks to keep: their numbers with commas between."""
    given = request.query_params.get("keep", "")
    numbers = given.split(",") if given else []
    if len(numbers) > MAX_KEPT or not all(_NUMBER.fullmatch(one) for one in numbers):
        raise _Refused(400, f"keep is a list of at most {MAX_KEPT} numbers with commas between.")
    return tuple(int(one) for one in numbers)


def _holders(value: Any) -> list[str]:
    holders = value.get("holders") if isinstance(value, dict) else None
    if not isinstance(holders, list) or len(holders) > MAX_HOLDERS:
        raise _Refused(400, f"Send a list of at most {MAX_HOLDERS} holders.")
    return [_holder(one) for one in holders]


def _holder(value: Any) -> str:
    if not isinstance(value, str) or not _HOLDER.fullmatch(value):
        raise _Refused(400, "A holder is 8 to 64 letters, digits and dashes.")
    return value


def _request(value: Any) -> Request:
    if not isinstance(value, dict):
        raise _Refused(400, "Each decision is an object.")
    if not all(is_sound(value.get(name)) for name, is_sound in _FIELDS.items()):
        raise _Refused(400, f"Not a decision: {json.dumps(value)[:300]}")
    return Request(
        item_id=value["item_id"],
        action=value["action"],
        label=value.get("label"),
        op_id=value["op_id"],
        undoes=value.get("undoes"),
        # Null says that no decision was known, which is more than saying nothing.
        seen=(value["seen"] or "") if "seen" in value else None,
        reviewer=" ".join((value.get("reviewer") or "").split()),
        about=value.get("about"),
    )


_FIELDS: dict[str, Callable[[Any], bool]] = {
    "op_id": lambda one: isinstance(one, str) and 8 <= len(one) <= 64,
    "item_id": lambda one: type(one) is int and 0 <= one < 2**63,
    "action": lambda one: one in _ACTIONS,
    "label": lambda one: isinstance(one, str | None),
    "undoes": lambda one: isinstance(one, str | None),
    "seen": lambda one: isinstance(one, str | None),
    "about": lambda one: isinstance(one, str | None),
    "blind": lambda one: isinstance(one, bool | None),
    "reviewer": lambda one: one is None or (isinstance(one, str) and len(one) <= MAX_NAME),
}


def _selection(request: HttpRequest) -> Selection:
    # A class name may hold bytes that are not UTF-8; as they are or in writing, they arrive.
    query = request.scope["query_string"].decode("latin-1")
    given = parse_qsl(query, keep_blank_values=True, errors="surrogateescape")
    return Selection.of_query(dict(given))


def _number(request: HttpRequest, name: str, *, default: int, low: int, high: int) -> int:
    given = request.query_params.get(name, str(default))
    try:
        value = int(given)
    except ValueError as error:
        raise _Refused(400, f"{name} is no whole number.") from error
    if not low <= value <= high:
        raise _Refused(400, f"{name} is {value}; give a number from {low} to {high}.")
    return value


# -- what goes out ---------------------------------------------------------------------


def _json(values: Any, status: int = 200) -> Response:
    # Escaped to ASCII: a class name may hold bytes that are not UTF-8, and must come back whole.
    body = json.dumps(values, separators=(",", ":"))
    headers = {"Cache-Control": "no-store"}
    return Response(body, status, headers=headers, media_type="application/json")


def _problem(error: _Refused | CleanerError) -> Response:
    return _json({"error": shown_path(str(error))}, _status(error))


def _status(error: _Refused | CleanerError) -> int:
    if isinstance(error, _Refused):
        return error.status
    known = {NotScored: 409, UnknownItem: 404, ImageRejected: 410, SelectionError: 400}
    return known.get(type(error), 503)
