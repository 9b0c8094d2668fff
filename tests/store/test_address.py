"""Which database a dataset's decisions are in, and how a server is named."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from cleaner.errors import StoreError
from cleaner.project import Project, default_state
from tests.pictures import write_dataset
from tests.postgres import Server


def _scanned(root: Path, store: str | None = None) -> Project:
    project = Project(root, store=store)
    project.scan()
    project.store.close()
    return project


def test_a_server_is_named_once(dataset: Path, server: Server) -> None:
    url = server.new_url()
    _scanned(dataset, url)
    again = Project(dataset)
    assert len(again.dataset().items) == 12
    assert again.status()["store"] == "postgresql://postgres@/postgres"
    again.store.close()
    assert not (default_state(dataset) / "cleaner.sqlite").exists()


def test_nobody_else_reads_the_password(dataset: Path, server: Server) -> None:
    url = server.new_url().replace("postgres@", "postgres:secret@")
    project = _scanned(dataset, url)
    kept = project.state / "store.url"
    assert "secret" in kept.read_text()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert "secret" not in project.store.shown


def test_a_database_of_another_dataset_is_refused(
    dataset: Path, tmp_path: Path, server: Server
) -> None:
    url = server.new_url()
    _scanned(dataset, url)
    other = write_dataset(tmp_path / "birds", {"tit": 2})
    with pytest.raises(StoreError, match=f"holds another dataset, {dataset}"):
        Project(other, store=url)
    Project(other).store.close()  # and is not remembered


def test_a_dataset_with_a_database_in_its_state_stays_there(dataset: Path, server: Server) -> None:
    _scanned(dataset)
    with pytest.raises(StoreError, match="not on a server"):
        Project(dataset, store=server.new_url())
    assert len(Project(dataset).dataset().items) == 12


def test_an_empty_server_does_not_take_the_place_of_a_full_one(
    dataset: Path, server: Server
) -> None:
    _scanned(dataset, server.new_url())
    with pytest.raises(StoreError, match="is empty"):
        Project(dataset, store=server.new_url())
    again = Project(dataset)
    assert len(again.dataset().items) == 12
    again.store.close()


def test_a_database_that_has_moved_is_named_anew(dataset: Path, server: Server) -> None:
    first, second = server.new_url(), server.new_url()
    _scanned(dataset, first)
    old, new = (url.rsplit("%3D", 1)[1] for url in (first, second))
    server.run(server.url, f"DROP SCHEMA {new}; ALTER SCHEMA {old} RENAME TO {new}")
    _scanned(dataset, second)
    assert (default_state(dataset) / "store.url").read_text().strip().endswith(new)


@pytest.mark.parametrize(
    "typed",
    ["not a url", "mysql://ann:secret@host/cats", "postgresql://ann:secret@host", "http://"],
)
def test_what_is_no_server_is_refused_in_words(dataset: Path, typed: str) -> None:
    with pytest.raises(StoreError, match="postgresql://USER@HOST/DATABASE") as refused:
        Project(dataset, store=typed)
    assert "secret" not in str(refused.value)


def test_a_remembered_server_that_cannot_be_read_is_no_new_start(dataset: Path) -> None:
    state = default_state(dataset)
    (state / "store.url").mkdir(parents=True)
    with pytest.raises(StoreError, match="nobody knows which server"):
        Project(dataset)
