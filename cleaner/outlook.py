"""Whether the labels are clean enough: what each round brought, what is left, what to do.

All numbers of the page, of `status --json` and of the report come from here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from cleaner.decisions import CONFIRMED, Round
from cleaner.estimates import agreement, errors_left, stopping
from cleaner.estimates.agreement import Gain, Own, Share
from cleaner.estimates.errors_left import Estimate, Reviewing
from cleaner.estimates.stopping import Verdict
from cleaner.items import shown_path
from cleaner.sampling import Sampling, sampling
from cleaner.store import catalogue, lots, opinions, rounds, sealed

# So far down the ranking it is looked for where half of what is left would be found.
DEEPEST = 5_000
# From so many second opinions on, they say how often decisions are wrong.
LEAST_TWICE = 20


@dataclass(frozen=True, slots=True)
class Course:
    """One round, and what it brought.

    Attributes:
        round: its counts.
        own: how far its models agreed with the labels, as it began.
        sealed: how many sealed images they take for what those are labelled now.
        gain: by how much that is better than what the models of the round before say.
        left: the errors left, as plain values, when the next round began or now.
        alarm: why the models' own figure is not to be believed.
    """

    round: Round
    own: Own | None
    sealed: Share | None
    gain: Gain | None
    left: Mapping[str, Any] | None
    alarm: str | None

    @property
    def own_agreement(self) -> float | None:
        """The share of labels that train whose prediction they were; None if nobody has looked."""
        if self.own is None:
            return None
        return self.own.trained.agreeing / max(1, self.own.trained.images)

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "round": self.round.round_id,
            "images": self.round.images,
            "flagged": self.round.flagged,
            "reviewed": self.round.reviewed,
            "moved": self.round.relabelled,
            "excluded": self.round.excluded,
            "own_agreement": self.own_agreement,
            "sealed_accuracy": None if self.sealed is None else self.sealed.as_json(),
            "sealed_gain": None if self.gain is None else self.gain.as_json(),
            "errors_left": None if self.left is None else dict(self.left),
            "alarm": self.alarm,
        }


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is left to do.

    Attributes:
        courses: the rounds, the first one first.
        estimate: what is left; None while too little of the sample was looked at.
        still_needed: how many more of the sample to look at before there is an estimate.
        sampling: how images are drawn.
        sample_left: how many drawn images await a decision.
        to_halve: how many reviews, the most suspect first, are expected to halve what is left;
            None where DEEPEST would not do.
        verdict: whether to go on; None before anything was reviewed.
    """

    courses: tuple[Course, ...]
    estimate: Estimate | None
    still_needed: int
    sampling: Sampling
    sample_left: int
    to_halve: int | None
    verdict: Verdict | None

    @property
    def alarm(self) -> str | None:
        """What the latest round has to be alarmed about."""
        return self.courses[-1].alarm if self.courses else None

    def as_json(self) -> dict[str, Any]:
        """Return the fields that `status --json` promises, plain values only."""
        estimate, verdict = self.estimate, self.verdict
        return {
            "errors_left": None if estimate is None else _estimate_json(estimate),
            "sample": {
                "size": self.sampling.size,
                "left": self.sample_left,
                "needed_for_an_estimate": self.still_needed,
                "share": self.sampling.share,
            },
            "reviews_to_halve": self.to_halve,
            "advice": None if verdict is None else verdict.advice,
            "verdict": None if verdict is None else verdict.words,
            "alarm": self.alarm,
            "rounds": [course.as_json() for course in self.courses],
        }


def _estimate_json(estimate: Estimate) -> dict[str, Any]:
    reviewing = estimate.reviewing
    return estimate.overall.as_json() | {
        "sampled": estimate.drawn,
        "reviewer_error": reviewing.error,
        "reviewer_error_from": reviewing.twice,
        "classes": {shown_path(name): one.as_json() for name, one in estimate.classes.items()},
    }


def look(connection: Connection) -> Outlook:
    """Return how things stand now."""
    drawn = sampling(connection)
    cells = lots.cells(connection)
    estimate = estimate_of(connection, drawn, cells)
    courses = _courses(connection, estimate)
    awaiting = rounds.queue_length(connection)
    gain = courses[-1].gain if courses else None
    left = None if estimate is None else estimate.overall
    return Outlook(
        courses=courses,
        estimate=estimate,
        still_needed=errors_left.still_needed(cells),
        sampling=drawn,
        sample_left=len(lots.next_drawn(connection)),
        to_halve=None if left is None else _to_halve(connection, left.errors),
        verdict=stopping.verdict(
            [course.round for course in courses], left, gain, awaiting=awaiting
        ),
    )


def estimate_of(
    connection: Connection, drawn: Sampling, cells: Sequence[errors_left.Cell] | None = None
) -> Estimate | None:
    """Return how many errors are left now; None while too little is known."""
    cells = lots.cells(connection) if cells is None else cells
    if not cells:
        return None
    confirmed: Counter[str] = Counter()
    for (status, label), number in catalogue.counts(connection).items():
        if status in CONFIRMED:
            confirmed[label] += number
    return errors_left.estimate(cells, confirmed, _reviewing(connection, drawn))


def _reviewing(connection: Connection, drawn: Sampling) -> Reviewing:
    """Return how often decisions are wrong: as stated, else as second opinions have it."""
    if drawn.reviewer_error:
        return Reviewing(drawn.reviewer_error)
    twice = opinions.judged_twice(connection)
    if len(twice) < LEAST_TWICE:
        return Reviewing()
    disagreed = sum(one.first_says != one.second_says for one in twice)
    return Reviewing.of_opinions(len(twice), disagreed)


def _courses(connection: Connection, estimate: Estimate | None) -> tuple[Course, ...]:
    history, known = rounds.history(connection), rounds.known_of_models(connection)
    shares, gains = sealed.shares(connection), sealed.gains(connection)
    now = None if estimate is None else estimate.overall.as_json()
    courses = []
    for one in history:
        own = Own.from_json(known[one.round_id].own)
        kept = known[one.round_id].errors_left
        courses.append(
            Course(
                round=one,
                own=own,
                sealed=shares.get(one.round_id),
                gain=gains.get(one.round_id),
                left=now if one.closed_at is None else kept,
                alarm=None if own is None else agreement.alarm(own),
            )
        )
    return tuple(courses)


def _to_halve(connection: Connection, errors: float) -> int | None:
    """Return how many of the most suspect images hold half of the errors, as their models expect.

    The chances are those of the round that ranked them.
    """
    found = 0.0
    for number, chance in enumerate(rounds.doubts(connection, limit=DEEPEST), 1):
        if 2 * found >= errors:
            return number - 1
        found += chance
    return None if 2 * found < errors else DEEPEST
