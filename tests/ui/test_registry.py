from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from cleaner.errors import DatasetError
from cleaner.project import Project
from cleaner.ui.registry import Registry, from_environment, key_of


def test_a_restarted_server_knows_what_the_last_one_opened(
    registry: Registry, project: Project, home: Path
) -> None:
    key = registry.open(project.root)
    assert Registry(home).get(key).root == project.root


def test_the_key_holds_no_path_and_tells_states_apart(tmp_path: Path) -> None:
    key = key_of(tmp_path, tmp_path / "state")
    assert len(key) == 12
    assert key.isalnum()
    assert key != key_of(tmp_path, tmp_path / "other")


def test_an_unknown_key_is_refused(registry: Registry) -> None:
    with pytest.raises(DatasetError, match="not opened here"):
        registry.get("0" * 12)


def test_a_missing_folder_is_refused_and_not_remembered(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(DatasetError):
        registry.open(tmp_path / "nowhere")
    assert registry.recent() == []


def test_the_latest_opened_comes_first_and_only_once(
    registry: Registry, project: Project, fresh_project: Project
) -> None:
    for root in (project.root, fresh_project.root, project.root):
        registry.open(root)
    assert [entry.root for entry in registry.recent()] == [
        str(project.root),
        str(fresh_project.root),
    ]


def test_a_deleted_state_is_made_anew(registry: Registry, project: Project) -> None:
    key = registry.open(project.root)
    shutil.rmtree(project.state)
    assert registry.get(key).rounds() == []


def test_a_damaged_memory_is_forgotten(registry: Registry, project: Project, home: Path) -> None:
    registry.open(project.root)
    (home / "recent.json").write_text("{not json", "utf-8")
    assert registry.recent() == []
    registry.open(project.root)
    assert len(registry.recent()) == 1


def test_a_name_that_is_not_utf8_is_remembered(registry: Registry, tmp_path: Path) -> None:
    root = tmp_path / os.fsdecode(b"caf\xe9")
    root.mkdir()
    key = registry.open(root)
    assert registry.recent()[0].root == str(root)
    assert registry.get(key).root == root


def test_the_environment_names_a_dataset_or_the_reason_why_not(
    registry: Registry, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert from_environment(registry).key is None
    monkeypatch.setenv("CLEANER_DATASET", str(project.root))
    assert from_environment(registry).key == key_of(project.root, project.state)
    monkeypatch.setenv("CLEANER_DATASET", str(project.root / "nowhere"))
    named = from_environment(registry)
    assert named.key is None
    assert named.problem is not None
