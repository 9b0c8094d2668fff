"""Decisions that several browsers send at the same moment are written in one transaction.

A transaction ends when the disk has it, which takes as long for one decision as for sixteen. So
whoever comes while one is being written waits, and goes into the next together with all others
who came meanwhile. Nobody waits for somebody who might come.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from cleaner.errors import CleanerError
from cleaner.project import Project
from cleaner.recording import Recorded, Request

# What one transaction takes at most, so that whoever comes behind it does not wait for long.
_MOST_REQUESTS = 200


@dataclass(slots=True)
class _Letter:
    """What one browser sent, and what became of it.

    Attributes:
        turn: set once it is answered, or has to write.
    """

    requests: list[Request]
    turn: threading.Event = field(default_factory=threading.Event)
    answer: Recorded | None = None
    error: Exception | None = None

    @property
    def is_settled(self) -> bool:
        return self.answer is not None or self.error is not None


class Inbox:
    """Takes the decisions about one dataset, from any number of threads."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._lock = threading.Lock()
        self._waiting: list[_Letter] = []
        self._has_writer = False

    def decide(self, requests: Sequence[Request]) -> Recorded:
        """Record decisions as `Project.decide` does, and return once the disk has them.

        Raises:
            CleanerError: none of them was recorded.
        """
        letter = _Letter(list(requests))
        with self._lock:
            self._waiting.append(letter)
            if not self._has_writer:
                self._has_writer = True
                letter.turn.set()
        letter.turn.wait()
        if not letter.is_settled:
            self._write()
        if letter.error is not None:
            raise letter.error
        assert letter.answer is not None  # noqa: S101 - for the type checker
        return letter.answer

    def _write(self) -> None:
        """Write what waits, the first of it being this thread's; then let the next one write."""
        with self._lock:
            batch = self._next_batch()
        try:
            self._settle(batch)
        finally:
            with self._lock:
                for letter in batch[1:]:
                    letter.turn.set()
                self._has_writer = bool(self._waiting)
                if self._waiting:
                    self._waiting[0].turn.set()

    def _next_batch(self) -> list[_Letter]:
        size, count = 0, 0
        for letter in self._waiting:
            size += len(letter.requests)
            if count and size > _MOST_REQUESTS:
                break
            count += 1
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        return batch

    def _settle(self, batch: Sequence[_Letter]) -> None:
        try:
            outcome = self.project.decide(one for letter in batch for one in letter.requests)
        except CleanerError as error:
            for letter in batch:
                letter.error = error
        except Exception as error:  # noqa: BLE001 - each has to hear of it, whoever caused it
            if len(batch) == 1:
                batch[0].error = error
                return
            for letter in batch:
                self._settle([letter])
        else:
            for letter in batch:
                letter.answer = _part(outcome, letter.requests)


def _part(outcome: Recorded, requests: Sequence[Request]) -> Recorded:
    refused = {id(one.request): one for one in outcome.rejected}
    return Recorded(
        tuple(one.op_id for one in requests if id(one) not in refused),
        tuple(refused[id(one)] for one in requests if id(one) in refused),
    )


class Inboxes:
    """One inbox for each open dataset."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inboxes: dict[str, Inbox] = {}

    def of(self, key: str, project: Project) -> Inbox:
        """Return the inbox of the dataset with this key."""
        with self._lock:
            known = self._inboxes.get(key)
            if known is None or known.project is not project:
                known = self._inboxes[key] = Inbox(project)
            return known
