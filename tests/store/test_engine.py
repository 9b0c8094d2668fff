from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import DatabaseError, IntegrityError

from cleaner.errors import StoreTooNew
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.store import Store, catalogue
from cleaner.store.decisions import known_ops
from cleaner.store.tables import decisions, facts
from tests.store.conftest import OpenStore

pytestmark = pytest.mark.every_store

_PROJECT = Path(__file__).resolve().parent.parent.parent

_COUNT_UP = """
import sys
from pathlib import Path
from cleaner.store import Store, catalogue

where = sys.argv[1]
store = Store(where if "://" in where else Path(where))
for _ in range(25):
    with store.write() as connection:
        count = int(catalogue.fact(connection, "count") or 0)
        catalogue.set_facts(connection, {"count": str(count + 1)})
"""


def test_what_was_written_is_there_after_reopening(open_store: OpenStore) -> None:
    first = open_store()
    with first.write() as connection:
        catalogue.set_facts(connection, {"root": "here"})
    first.close()
    with open_store().read() as connection:
        assert catalogue.fact(connection, "root") == "here"


def test_an_exception_keeps_nothing(store: Store) -> None:
    def write_and_fail() -> None:
        with store.write() as connection:
            catalogue.set_facts(connection, {"root": "here"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    with store.read() as connection:
        assert catalogue.fact(connection, "root") is None


def test_writers_in_several_processes_queue_up_and_lose_nothing(
    tmp_path: Path, store_url: str | None
) -> None:
    where = store_url or str(tmp_path / "cleaner.sqlite")
    writers = [
        subprocess.Popen([sys.executable, "-c", _COUNT_UP, where], cwd=_PROJECT) for _ in range(4)
    ]
    assert [writer.wait(timeout=240) for writer in writers] == [0, 0, 0, 0]
    store = Store(store_url or Path(where))
    with store.read() as connection:
        assert catalogue.fact(connection, "count") == "100"
    store.close()


def test_a_reader_sees_one_moment(store: Store) -> None:
    with store.read() as reader:
        before = catalogue.fact(reader, "root")
        with store.write() as writer:
            catalogue.set_facts(writer, {"root": "here"})
        assert catalogue.fact(reader, "root") == before


def test_a_reader_cannot_write(store: Store, store_url: str | None) -> None:
    if store_url is None:
        pytest.skip("SQLite's readers are not held back")
    with pytest.raises(DatabaseError, match="read-only"), store.read() as connection:
        catalogue.set_facts(connection, {"root": "here"})


def test_an_open_database_is_opened_while_somebody_writes(
    open_store: OpenStore, store: Store
) -> None:
    with store.write() as connection:
        catalogue.set_facts(connection, {"root": "here"})
        assert open_store().upgrade is None


def test_a_database_of_a_later_version_is_refused(open_store: OpenStore, store: Store) -> None:
    with store.write() as connection:
        connection.execute(update(facts).where(facts.c.name == "schema").values(value="99"))
    store.close()
    with pytest.raises(StoreTooNew, match="schema 99"):
        open_store()


def test_a_decision_can_neither_be_changed_nor_removed(ranked: Project) -> None:
    (first, second) = ranked.queue()
    ranked.decide([Request(first.item_id, "accept"), Request(second.item_id, "accept")])
    kept = ranked.history()
    with pytest.raises(IntegrityError, match="only appended"), ranked.store.write() as connection:
        connection.execute(update(decisions).values(label_after="dog"))
    with pytest.raises(IntegrityError, match="only appended"), ranked.store.write() as connection:
        connection.execute(delete(decisions))
    assert ranked.history() == kept


@pytest.mark.parametrize("op_id", ["a\0b", "caf\udce9"])
def test_an_id_that_a_database_refuses_is_kept_in_other_words(ranked: Project, op_id: str) -> None:
    request = Request(ranked.queue()[0].item_id, "accept", op_id=op_id)
    first = ranked.decide([request], reviewer="a\0b\udce9")
    assert first.recorded == ranked.decide([request]).recorded == (op_id,)
    assert len(ranked.history()) == 1


@pytest.mark.parametrize("number", [-1, 2**31, 2**63 - 1, 2**70])
def test_a_number_that_no_database_holds_is_nobodys(ranked: Project, number: int) -> None:
    assert len(ranked.decide([Request(number, "accept")]).rejected) == 1


def test_behind_the_largest_number_there_is_nothing(ranked: Project) -> None:
    assert ranked.queue(after=2**31) == ranked.ranking(after=2**63) == []


def test_a_batch_larger_than_a_statement_takes_is_looked_up(ranked: Project) -> None:
    ranked.decide([Request(ranked.queue()[0].item_id, "accept", op_id="there")])
    asked = [f"not there {number}" for number in range(66_000)]
    with ranked.store.read() as connection:
        assert known_ops(connection, [*asked, "there"]) == {"there"}
