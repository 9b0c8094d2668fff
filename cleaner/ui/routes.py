"""What the review deck asks the server over HTTP: images, the queue, decisions.

A decision must not wait for a page to run again, so these routes stand beside Streamlit and
know nothing of it. They name images by number, never by path.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cleaner import leasing, opinions, piles
from cleaner.errors import CleanerError, ImageRejected, NotScored, SelectionError, UnknownItem
from cleaner.items import shown_path
from cleaner.project import Project
from cleaner.recording import Recorded, Request
from cleaner.selection import Selection
from cleaner.store import catalogue, class_edits, decisions, lots, rounds, selected
from cleaner.store import opinions as opinion_log
from cleaner.store.selected import Page
from cleaner.ui import answers, asked, thumbnails
from cleaner.ui.evidence import Showcases
from cleaner.ui.followers import Followers
from cleaner.ui.inbox import Inbox, Inboxes
from cleaner.ui.registry import Registry

MAX_PAGE = 200
_FOR_EVER = "private, max-age=31536000, immutable"

Answer = Callable[[HttpRequest], Response]


def routes(registry: Registry) -> list[BaseRoute]:
    """Return the routes under /api for the datasets of `registry`."""
    followers, inboxes = Followers(), Inboxes()

    def project_of(request: HttpRequest) -> Project:
        try:
            return registry.get(request.path_params["key"])
        except CleanerError as error:
            raise asked.Refused(404, str(error)) from error

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
        return _history(project_of(request), request, asked.reviewer(request))

    @_taking
    def decide(request: HttpRequest, body: Any) -> Response:
        wanted, project = asked.requests(body), project_of(request)
        key = request.path_params["key"]
        answer = _decide(inboxes.of(key, project), wanted, asked.reviewer(request))
        followers.tell(key, project)
        return answer

    @_taking
    def give_back(request: HttpRequest, body: Any) -> Response:
        holders = asked.holders(body)
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
            reason = "This image is decided about without what the model says of it."
            raise asked.Refused(403, reason)


_ALL_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def _answering(answer: Answer) -> Answer:
    """Turn a refusal into its answer; a plain function runs in a thread, not on the loop."""

    def guarded(request: HttpRequest) -> Response:
        try:
            return answer(request)
        except (asked.Refused, CleanerError) as error:
            return _problem(error)

    return guarded


def _taking(
    take: Callable[[HttpRequest, Any], Response],
) -> Callable[[HttpRequest], Awaitable[Response]]:
    """Hand what one of this app's own pages has sent to a plain function, in a thread."""

    async def guarded(request: HttpRequest) -> Response:
        try:
            asked.check_sender(request)
            body = await asked.body(request)
            return await run_in_threadpool(take, request, body)
        except (asked.Refused, CleanerError) as error:
            return _problem(error)

    return guarded


def _nothing_here(_request: HttpRequest) -> Response:
    return _problem(asked.Refused(404, "There is nothing at this address."))


# -- answers ---------------------------------------------------------------------------


def _image(project: Project, request: HttpRequest) -> Response:
    side_px = asked.number(request, "side", default=960, low=min(thumbnails.SIDES_PX), high=4096)
    if side_px not in thumbnails.SIDES_PX:
        raise asked.Refused(400, f"side is {side_px}; known: {thumbnails.SIDES_PX}.")
    with project.store.read() as connection:
        item = catalogue.item(connection, request.path_params["item_id"])
    if item is None:
        raise asked.Refused(404, "No image has this number.")
    try:
        jpeg = thumbnails.thumbnail(project, item, side_px)
    except ImageRejected as rejected:
        raise asked.Refused(410, shown_path(str(rejected))) from rejected
    current = request.query_params.get("v") == thumbnails.version_of(item)
    headers = {"Cache-Control": _FOR_EVER if current else "no-cache"}
    return Response(jpeg, media_type="image/jpeg", headers=headers)


def _queue(project: Project, request: HttpRequest) -> Response:
    selection, after = asked.selection(request), request.query_params.get("after")
    limit = asked.number(request, "limit", default=50, low=1, high=MAX_PAGE)
    page, with_others = _page(project, request, selection, after=after or "", limit=limit)
    with project.store.read() as connection:
        left = piles.left(connection)
        matching = selected.count(connection, selection, without_blind=True)
        answer = {
            "left": left,
            "with_others": with_others,
            "matching": left if asked.is_mixed(request, selection) else matching,
            "after": page.after,
            "items": answers.review_items(connection, page.items),
        }
        return _json(answer | _around(connection, request))


def _questions(project: Project, request: HttpRequest) -> Response:
    """Answer with images that wait for a second opinion of who asks, shaped like the queue."""
    limit = asked.number(request, "limit", default=50, low=1, high=MAX_PAGE)
    holder, reviewer = asked.holder(request.query_params.get("holder")), asked.named(request)
    handed = opinions.hand_out(project.store, holder, reviewer, limit=limit)
    with project.store.read() as connection:
        answer = {
            "left": piles.left(connection),
            "with_others": handed.with_others,
            "matching": opinion_log.waiting_count(connection, reviewer) if reviewer else 0,
            "after": None,
            "items": answers.blind_items(connection, handed.items),
        }
        return _json(answer | _around(connection, request))


def _around(connection: Connection, request: HttpRequest) -> dict[str, Any]:
    """Return what else a page that shows images has to know; the classes only at its first."""
    around: dict[str, Any] = {
        "round": rounds.latest(connection),
        "reviewer": asked.reviewer(request),
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
    share = asked.number(request, "share", default=leasing.SHARE, low=1, high=MAX_PAGE)
    demand = leasing.Demand(limit, asked.kept(request), share)
    handed = project.hand_out(
        asked.holder(holder), demand, selection, after=after, plain=asked.is_plain(request)
    )
    if handed.items and not handed.is_all:
        after = project.place_of(selection, handed.items[-1])
    return Page(handed.items, None if handed.is_all else after), handed.with_others


def _pairs(project: Project, request: HttpRequest) -> Response:
    limit = asked.number(request, "limit", default=MAX_PAGE, low=1, high=MAX_PAGE)
    return _json([asdict(pair) for pair in project.pairs(asked.selection(request), limit=limit)])


def _history(project: Project, request: HttpRequest, login: str) -> Response:
    """Answer with what undo and redo would take, in the order in which they take it.

    With a name, of the login or of the browser, that is what was decided under it: nobody takes
    back by a key what others decided. Without one all are the same person.
    """
    limit = asked.number(request, "limit", default=50, low=1, high=MAX_PAGE)
    named = login or request.query_params.get("reviewer")
    with project.store.read() as connection:
        standing = decisions.standing(connection, limit=limit, reviewer=named)
        undoable = [answers.undoable(connection, decision) for decision in standing]
        undone = decisions.undone(connection, named or "", limit=limit)
        redoable = [answers.redoable(connection, *entry) for entry in undone]
    return _json(
        {
            "decisions": [entry for entry in undoable if entry is not None],
            "undone": [entry for entry in redoable if entry is not None],
        }
    )


def _own_opinions(project: Project, request: HttpRequest) -> Response:
    """Answer with what undo would take, among the second opinions of who asks."""
    limit = asked.number(request, "limit", default=50, low=1, high=MAX_PAGE)
    with project.store.read() as connection:
        standing = opinion_log.standing(connection, asked.named(request), limit=limit)
        items = opinion_log.shown(connection, [one.item_id for one in standing])
        told = {one["item_id"]: one for one in answers.blind_items(connection, items)}
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
            "rejected": [answers.refusal(connection, one) for one in outcome.rejected],
            "left": piles.left(connection),
        }
        if given:
            compared = opinions.compared(connection, given)
            answer["compared"] = [asdict(one) for one in compared]
    return _json(answer)


def _json(values: Any, status: int = 200) -> Response:
    # Escaped to ASCII: a class name may hold bytes that are not UTF-8, and must come back whole.
    body = json.dumps(values, separators=(",", ":"))
    headers = {"Cache-Control": "no-store"}
    return Response(body, status, headers=headers, media_type="application/json")


def _problem(error: asked.Refused | CleanerError) -> Response:
    return _json({"error": shown_path(str(error))}, _status(error))


def _status(error: asked.Refused | CleanerError) -> int:
    if isinstance(error, asked.Refused):
        return error.status
    known = {NotScored: 409, UnknownItem: 404, ImageRejected: 410, SelectionError: 400}
    return known.get(type(error), 503)
