from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cleaner.errors import StoreError
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.store import Store, catalogue
from tests.postgres import Server

_PROJECT = Path(__file__).resolve().parent.parent.parent


def test_an_answer_is_on_the_disk_however_the_server_is_set_up(server: Server) -> None:
    store = Store(f"{server.url}&options=-csynchronous_commit%3Doff")
    with store.write() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
    store.close()


def test_a_server_that_does_not_answer_is_one_line_without_the_password() -> None:
    with pytest.raises(StoreError) as refused:
        Store("postgresql://ann:secret@127.0.0.1:1/cats")
    assert "ann@127.0.0.1:1/cats" in str(refused.value)
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_connection_that_went_stale_is_made_anew(server: Server) -> None:
    store = Store(server.new_url())
    with store.read():
        pass
    server.run(
        server.url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
    )
    with store.write() as connection:
        catalogue.set_facts(connection, {"root": "here"})
    store.close()


def test_a_server_that_crashes_in_the_middle_loses_nothing_that_was_answered(
    server: Server, dataset: Path
) -> None:
    project = Project(dataset, store=server.new_url())
    project.scan()
    item_id = project.dataset().items[0].item_id
    request = Request(item_id, "accept")
    answered = project.decide([Request(item_id, "skip")]).recorded

    def crash_in_the_middle() -> None:
        with project.store.write() as connection:
            catalogue.set_facts(connection, {"root": "elsewhere"})
            server.crash()

    with pytest.raises(StoreError) as caught:
        crash_in_the_middle()
    with pytest.raises(StoreError):
        project.decide([request])

    server.restart()

    assert "\n" not in str(caught.value)
    assert "Check that the server runs" in str(caught.value)
    answered += project.decide([request]).recorded
    assert project.decide([request]).recorded == (request.op_id,)
    assert {decision.op_id for decision in project.history()} == set(answered)
    with project.store.read() as connection:
        assert catalogue.fact(connection, "root") == str(dataset)
    project.store.close()


def test_without_its_driver_one_line_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "psycopg.py").write_text("raise ImportError('not here')")
    program = "from cleaner.store import Store; Store('postgresql://localhost/cats')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=_PROJECT,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{_PROJECT}"},
    )
    assert "requirements-postgres.txt" in done.stderr.splitlines()[-1]
