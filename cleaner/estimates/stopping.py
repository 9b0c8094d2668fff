"""Whether another round is worth it, in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cleaner.decisions import Round
from cleaner.estimates.agreement import Gain
from cleaner.estimates.errors_left import Left

# Another round is worth it if it changes at least this share of the labels.
LEAST_SHARE = 0.001
# Before two rounds are done, nothing says how fast they find less: half as much each time.
_USUAL_DECLINE = 0.5

Advice = Literal["review", "another", "stop"]

_ADVICE: dict[Advice, str] = {
    "review": "{awaiting} suspects still await a decision",
    "another": "another round is probably worth it",
    "stop": "another round is probably not worth it",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to make of the rounds so far.

    Attributes:
        advice: whether to go on reviewing, to begin another round, or to stop.
        next_changes: how many labels another round is expected to change.
        words: one sentence with the figures.
    """

    advice: Advice
    next_changes: float
    words: str


def verdict(
    rounds: Sequence[Round], left: Left | None, gain: Gain | None, *, awaiting: int
) -> Verdict | None:
    """Return it; None before anything was changed or reviewed.

    Args:
        rounds: all of them, the first one first.
        left: how many labels are estimated to be wrong still, if that is known.
        gain: what the latest models are better by on sealed images than those before, if known.
        awaiting: how many suspects nobody has decided about.
    """
    if not any(one.reviewed for one in rounds):
        return None
    # One that has just begun says nothing yet; one that put nothing up says a lot.
    is_fresh = awaiting > 0 and not rounds[-1].reviewed
    done = rounds[:-1] if is_fresh else rounds
    latest = done[-1]
    changes = expected_changes([one.relabelled + one.excluded for one in done], left)
    least = max(1.0, LEAST_SHARE * latest.images)
    advice: Advice = "another" if changes >= least else "stop"
    if awaiting and not is_fresh:
        advice = "review"
    parts = [
        f"{latest.relabelled:,} moved, {latest.excluded:,} excluded",
        *([] if left is None else [f"errors left {told(left)}"]),
        *([] if gain is None else [f"sealed accuracy {told_gain(gain)}"]),
        _ADVICE[advice].format(awaiting=f"{awaiting:,}"),
    ]
    return Verdict(advice, changes, "; ".join(parts) + ".")


def expected_changes(changes: Sequence[int], left: Left | None) -> float:
    """Return how many labels another round would change, if rounds go on as they did.

    A round finds as much less than the one before as that one did, and no more than is left.

    >>> expected_changes([300, 30], None)
    3.0
    >>> expected_changes([300], Left(images=1000, errors=20.0, low=5.0, high=40.0))
    20.0
    """
    decline = changes[-1] / changes[-2] if len(changes) > 1 and changes[-2] else _USUAL_DECLINE
    expected = changes[-1] * min(1.0, decline)
    return expected if left is None else min(expected, left.errors)


def told(left: Left) -> str:
    """Return a rate with its interval.

    >>> told(Left(images=1000, errors=18.0, low=11.0, high=29.0))
    '1.8% (1.1 to 2.9)'
    """
    low, high = left.interval
    return f"{left.rate:.1%} ({100 * low:.1f} to {100 * high:.1f})"


def told_gain(gain: Gain) -> str:
    """Return a difference in percentage points, with half the width of its interval.

    >>> told_gain(Gain(images=400, value=0.023, low=0.015, high=0.031))
    '+2.3 ± 0.8'
    """
    return f"{100 * gain.value:+.1f} ± {100 * gain.reach:.1f}"
