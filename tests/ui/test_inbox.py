from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cleaner.errors import StoreError
from cleaner.project import Project
from cleaner.recording import Recorded, Request
from cleaner.store import catalogue
from cleaner.ui.inbox import Inbox, Inboxes
from tests.store.samples import scanned_file

REVIEWERS, EACH = 8, 25


class Unreadable(str):
    """Breaks what nobody thought could break."""

    __slots__ = ()

    def __hash__(self) -> int:
        raise ZeroDivisionError


def all_at_once(acts: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=act) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(50)


@pytest.fixture
def item_ids(project: Project) -> list[int]:
    new = [(scanned_file(f"cat/{n}.jpg", n), n, "train") for n in range(100, 300)]
    with project.store.write() as connection:
        catalogue.add_items(connection, new)  # type: ignore[arg-type]
    return [item.item_id for item in project.dataset().items][: REVIEWERS * EACH]


@pytest.fixture
def writer(project: Project) -> Iterator[Callable[[], None]]:
    """Hold the database as another process would, and let it go when called."""
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with project.store.write():
            held.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    yield done.set
    done.set()
    thread.join()


def test_each_decision_of_many_threads_is_recorded_once(
    project: Project, item_ids: list[int]
) -> None:
    inbox = Inbox(project)

    def review(number: int) -> None:
        for item_id in item_ids[number::REVIEWERS]:
            request = Request(item_id, "accept", op_id=f"reviewer-{number}-{item_id}")
            for _ in range(2):
                assert inbox.decide([request]).recorded == (request.op_id,)

    all_at_once([lambda number=n: review(number) for n in range(REVIEWERS)])  # type: ignore[misc]
    logged = Counter(decision.op_id for decision in project.history())
    assert (len(logged), set(logged.values())) == (REVIEWERS * EACH, {1})


def test_who_waits_for_a_writer_goes_into_one_transaction_and_hears_of_his_own(
    project: Project, item_ids: list[int], writer: Callable[[], None]
) -> None:
    inbox = Inboxes().of("key", project)
    answers: dict[int, Recorded] = {}

    def send(number: int) -> None:
        action = "move" if number % 2 else "accept"
        request = Request(item_ids[number], action, "no such class", reviewer=f"reviewer {number}")  # type: ignore[arg-type]
        answers[number] = inbox.decide([request])

    threads = [threading.Thread(target=send, args=[number]) for number in range(REVIEWERS)]
    for thread in threads:
        thread.start()
    while len(inbox._waiting) < REVIEWERS - 1:  # one has gone ahead and waits for the writer
        threading.Event().wait(0.01)
    writer()
    for thread in threads:
        thread.join(50)
    assert [bool(answers[number].rejected) for number in range(REVIEWERS)] == [False, True] * 4
    names = {decision.reviewer for decision in project.history()}
    assert names == {f"reviewer {number}" for number in range(0, REVIEWERS, 2)}


def test_a_refused_request_that_comes_twice_is_refused_twice(
    project: Project, item_ids: list[int]
) -> None:
    request = Request(item_ids[0], "move", "no such class")
    assert len(Inbox(project).decide([request, request]).rejected) == 2


def test_an_error_reaches_everybody_and_the_next_ones_are_written(
    project: Project, item_ids: list[int], tmp_path: Path
) -> None:
    inbox = Inbox(project)
    lock = project.state / "cleaner.sqlite.lock"
    lock.unlink()
    lock.mkdir()
    errors: list[Exception] = []

    def send() -> None:
        try:
            inbox.decide([Request(item_ids[0], "accept")])
        except StoreError as error:
            errors.append(error)

    all_at_once([send] * 5)
    assert len(errors) == 5
    lock.rmdir()
    assert inbox.decide([Request(item_ids[0], "accept")]).recorded
    assert len(project.history()) == 1


def test_a_request_that_breaks_does_not_take_the_others_with_it(
    project: Project, item_ids: list[int], writer: Callable[[], None]
) -> None:
    inbox = Inbox(project)
    outcomes: dict[int, object] = {}

    def send(number: int) -> None:
        op_id = Unreadable("op-id") if number == 2 else f"sound-op-{number}"
        try:
            outcomes[number] = inbox.decide([Request(item_ids[number], "accept", op_id=op_id)])
        except Exception as error:  # noqa: BLE001 - whatever it is
            outcomes[number] = error

    threads = [threading.Thread(target=send, args=[number]) for number in range(5)]
    for thread in threads:
        thread.start()
    while len(inbox._waiting) < 4:
        threading.Event().wait(0.01)
    writer()
    for thread in threads:
        thread.join(50)
    assert isinstance(outcomes.pop(2), Exception)
    assert all(isinstance(outcome, Recorded) for outcome in outcomes.values())
    assert len(project.history()) == 4
