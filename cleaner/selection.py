"""Which of the images a person wants to look at, and in which order; also as a URL has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlencode

from cleaner.errors import SelectionError
from cleaner.items import read_name, shown_path, written_name

# The kinds of reasons for which an image is put up, and how each is asked for.
REASONS: dict[str, str] = {
    "rival": "looks like another class",
    "torn": "torn between two classes",
    "views": "the views disagree",
    "models": "the models disagree",
    "lonely": "few like it carry the label",
}
STATUSES: dict[str, str] = {
    "awaiting": "awaiting a decision",
    "unreviewed": "nobody decided",
    "accepted": "accepted",
    "moved": "moved",
    "excluded": "excluded",
    "skipped": "skipped",
    "disputed": "to be settled: a second opinion differs",
    "any": "decided or not",
    "blind": "to be looked at blind",
}
# Each of them rising; a "-" before it turns it round.
ORDERS: dict[str, str] = {
    "rank": "rank",
    "self_confidence": "self-confidence",
    "balanced_confidence": "balanced confidence",
    "normalized_margin": "normalized margin",
    "label_posterior": "label posterior",
    "entropy": "entropy",
    "committee_disagreement": "agreement of the models",
    "view_disagreement": "agreement of the views",
    "neighbours": "neighbours",
    "file": "file name",
    "decided": "time of the decision",
}
# Those that tell nothing of what a model says.
UNTOLD_ORDERS = ("file", "decided")
DOWN = "-"

# However a name arrives, as it is or in writing, it is the same name; nobody is no filter.
_AS_KEPT: dict[str, Callable[[str], str]] = {
    "current": read_name,
    "suggested": read_name,
    "reason": str,
    "reviewer": shown_path,
    "picked": str,
}


@dataclass(frozen=True, slots=True)
class Selection:
    """What a person wants to look at; without arguments, the queue as it stands.

    Attributes:
        current: the current label; of an image nobody decided about, the given one.
        suggested: the suggested label.
        reason: a kind of reason for which it was put up, one of `REASONS`.
        low: the suggested label is at least this probable, 0..1.
        high: and at most this probable, 0..1.
        status: one of `STATUSES`. ``any`` and ``unreviewed`` are of the images that the latest
            round ranked; the others hold images of earlier rounds too. ``blind`` are those that
            nobody decided about and that are shown without what the model says, in their order.
        reviewer: who gave the status that it has.
        text: stands somewhere in the file's path, in whatever case.
        picked: the name of images that were picked out by hand, as `Project.pick` gives it.
        order: one of `ORDERS`, or turned round by a ``-`` before it. Signals rise from suspect
            to trusted. By ``decided``, only what was decided about is looked at.

    Raises:
        SelectionError: a value is none of those.
    """

    current: str | None = None
    suggested: str | None = None
    reason: str | None = None
    low: float = 0.0
    high: float = 1.0
    status: str = "awaiting"
    reviewer: str | None = None
    text: str = ""
    picked: str | None = None
    order: str = "rank"

    def __post_init__(self) -> None:
        for name, kept in _AS_KEPT.items():
            object.__setattr__(self, name, kept(getattr(self, name) or "") or None)
        object.__setattr__(self, "text", written_name(self.text))
        for name in ("current", "suggested", "reviewer", "text", "picked"):
            if "\0" in (getattr(self, name) or ""):
                raise SelectionError(f"{name} holds a NUL, which no name does. Leave it out.")
        if self.reason is not None:
            _check("reason", self.reason, REASONS)
        _check("status", self.status, STATUSES)
        _check("order", self.order.removeprefix(DOWN), ORDERS, f"; {DOWN} before it turns it round")
        if self.status == "blind" and (self.asks_the_model or self.order != "rank"):
            raise SelectionError(
                "Images that are looked at blind are not chosen or ordered by what the model says "
                "of them. Leave suggested, reason, low, high and order out."
            )
        if not 0 <= self.low <= self.high <= 1:
            raise SelectionError(
                f"low is {self.low:g} and high is {self.high:g}; give numbers from 0 to 1, "
                "the lower one as low."
            )

    @property
    def asks_the_model(self) -> bool:
        """Whether what the model says of an image decides whether, or where, it comes up."""
        by_signal = self.key not in ("rank", *UNTOLD_ORDERS)
        asked = (self.suggested, self.reason, self.low, self.high)
        return by_signal or asked != (None, None, 0.0, 1.0)

    @property
    def key(self) -> str:
        """What it is ordered by, whichever way round."""
        return self.order.removeprefix(DOWN)

    @property
    def falls(self) -> bool:
        """Whether the order is turned round."""
        return self.order.startswith(DOWN)

    @property
    def waits(self) -> bool:
        """Whether all of it waits for a decision, and is out of it once one is made."""
        return self.status in ("awaiting", "blind", "disputed")

    @property
    def needs_decisions(self) -> bool:
        """Whether nothing is left of it among images that nobody decided about."""
        return self.reviewer is not None or self.key == "decided"

    def as_query(self) -> dict[str, str]:
        """Return the parameters of a URL that mean it: none of those that may be left out."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        left_out = {field.name: field.default for field in fields(self)}
        left_out["status"] = _usual_status(self.reviewer, self.order)
        return {name: _as_text(value) for name, value in values.items() if value != left_out[name]}

    def url_query(self) -> str:
        """Return the same as it stands behind the question mark of a URL."""
        return urlencode(self.as_query())

    @classmethod
    def of_query(cls, query: Mapping[str, str]) -> Selection:
        """Return what the parameters of a URL mean; others among them are passed over.

        An empty parameter means as much as none. Without a status, who asks for decisions is
        shown what was decided about, and everybody else what awaits a decision.

        Raises:
            SelectionError: a value means nothing.
        """
        given = {f.name: query[f.name] for f in fields(cls) if query.get(f.name)}
        values: dict[str, Any] = dict(given)
        for name in ("low", "high"):
            if name in given:
                values[name] = _number(name, given[name])
        usual = _usual_status(given.get("reviewer"), given.get("order", ""))
        return cls(**{"status": usual} | values)


def _usual_status(reviewer: str | None, order: str) -> str:
    by_decision = order.removeprefix(DOWN) == "decided"
    return "any" if reviewer is not None or by_decision else "awaiting"


def _as_text(value: str | float) -> str:
    return written_name(value) if isinstance(value, str) else repr(value)


def _number(name: str, given: str) -> float:
    try:
        return float(given)
    except ValueError as error:
        raise SelectionError(f"{name} is {given!r}; give a number from 0 to 1.") from error


def _check(name: str, value: str, known: Sequence[str] | Mapping[str, str], more: str = "") -> None:
    if value not in known:
        raise SelectionError(f"{name} is {value!r}. Known: {', '.join(known)}{more}.")


# The queue as it stands; made here because making one asks the functions above.
QUEUE = Selection()
