"""What the routes are asked: every value is checked before anything is done with it.

All of it raises `Refused` where a value is not what it should be.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request as HttpRequest

from cleaner.decisions import STATUS_AFTER, signature
from cleaner.recording import Request
from cleaner.selection import QUEUE, Selection
from cleaner.ui import bodies

MAX_BODY_BYTES = 256 * 1024
MAX_DECISIONS = 200
MAX_NAME = 100
MAX_HOLDERS = 200
MAX_KEPT = 400
_HOLDER = re.compile("[A-Za-z0-9-]{8,64}")
_NUMBER = re.compile("[0-9]{1,9}")
_ACTIONS = (*STATUS_AFTER, "undo", "redo")


class Refused(Exception):
    """Ends a request with a status code and one line for whoever sent it."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def check_sender(request: HttpRequest) -> None:
    """Refuse what another web site makes a browser send."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise Refused(403, "Decisions are taken from this app's own pages only.")
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Refused(403, "Decisions are taken from this app's own pages only.")
    # Any other type could come from a plain HTML form, without the browser asking first.
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
        raise Refused(415, "Send application/json.")


async def body(request: HttpRequest) -> Any:
    """Return what was sent, which is JSON of a bounded length."""
    try:
        sent = await bodies.read(request, most_bytes=MAX_BODY_BYTES)
    except bodies.TooLong as error:
        reason = f"More than {MAX_BODY_BYTES} bytes; send fewer at a time."
        raise Refused(413, reason) from error
    except bodies.TooSlow as error:
        raise Refused(408, "The rest did not come; send it again.") from error
    try:
        return json.loads(sent)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "This is not JSON.") from error


def requests(values: Any) -> list[Request]:
    """Return the decisions that were sent."""
    if not isinstance(values, list) or len(values) > MAX_DECISIONS:
        raise Refused(400, f"Send a list of at most {MAX_DECISIONS} decisions.")
    return [_request(one) for one in values]


def kept(request: HttpRequest) -> tuple[int, ...]:
    """Return which images a page asks to keep: their numbers with commas between."""
    given = request.query_params.get("keep", "")
    numbers = given.split(",") if given else []
    if len(numbers) > MAX_KEPT or not all(_NUMBER.fullmatch(one) for one in numbers):
        raise Refused(400, f"keep is a list of at most {MAX_KEPT} numbers with commas between.")
    return tuple(int(one) for one in numbers)


def holders(value: Any) -> list[str]:
    """Return the names under which images are given back."""
    names = value.get("holders") if isinstance(value, dict) else None
    if not isinstance(names, list) or len(names) > MAX_HOLDERS:
        raise Refused(400, f"Send a list of at most {MAX_HOLDERS} holders.")
    return [holder(one) for one in names]


def holder(value: Any) -> str:
    """Return the name under which an open page keeps images to itself."""
    if not isinstance(value, str) or not _HOLDER.fullmatch(value):
        raise Refused(400, "A holder is 8 to 64 letters, digits and dashes.")
    return value


def selection(request: HttpRequest) -> Selection:
    """Return which images are asked for."""
    # A class name may hold bytes that are not UTF-8; as they are or in writing, they arrive.
    query = request.scope["query_string"].decode("latin-1")
    given = parse_qsl(query, keep_blank_values=True, errors="surrogateescape")
    return Selection.of_query(dict(given))


def number(request: HttpRequest, name: str, *, default: int, low: int, high: int) -> int:
    """Return a whole number of the query, from `low` to `high`."""
    given = request.query_params.get(name, str(default))
    try:
        value = int(given)
    except ValueError as error:
        raise Refused(400, f"{name} is no whole number.") from error
    if not low <= value <= high:
        raise Refused(400, f"{name} is {value}; give a number from {low} to {high}.")
    return value


def named(request: HttpRequest) -> str:
    """Return who asks, by login or as the browser says, as the log has it."""
    given = request.query_params.get("reviewer", "")[:MAX_NAME]
    return signature(reviewer(request) or " ".join(given.split()))


def reviewer(request: HttpRequest) -> str:
    """Return the name that a login gave, or ""."""
    name: str = getattr(request.state, "reviewer", "")
    return name


def is_mixed(request: HttpRequest, wanted: Selection) -> bool:
    """Tell whether images drawn at random come up among those that are asked for."""
    return wanted == QUEUE and "holder" in request.query_params and not is_plain(request)


def is_plain(request: HttpRequest) -> bool:
    """Tell whether a page wants nothing among the queue, as one that shows suggestions."""
    return "plain" in request.query_params


def _request(value: Any) -> Request:
    if not isinstance(value, dict):
        raise Refused(400, "Each decision is an object.")
    if not all(is_sound(value.get(name)) for name, is_sound in _FIELDS.items()):
        raise Refused(400, f"Not a decision: {json.dumps(value)[:300]}")
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
