from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cleaner.errors import StoreError
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
