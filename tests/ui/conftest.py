"""Small datasets with made-up rounds, and a registry that forgets nothing between requests."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.components.v2 import manifest_scanner

from cleaner.project import Project
from cleaner.ui.registry import Registry
from tests.ui.samples import filled_project, make_images


@pytest.fixture(scope="session", autouse=True)
def _packages_are_read_once() -> Iterator[None]:
    """Spare each run of a page what Streamlit does once: read about every installed package."""
    with pytest.MonkeyPatch.context() as patch:
        once = functools.cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", once)
        yield


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the tests' datasets out of what this computer remembers."""
    folder = tmp_path / "home"
    for name in [name for name in os.environ if name.startswith("CLEANER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CLEANER_HOME", str(folder))
    return folder


@pytest.fixture
def idle_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers end at once; their jobs' rows tell what was started."""
    monkeypatch.setattr(sys, "executable", "/bin/true")


@pytest.fixture
def registry(home: Path) -> Registry:
    return Registry(home)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A dataset of 24 images in 4 classes with one round; the first 10 await a decision."""
    project = filled_project(tmp_path, flagged=10)
    yield project
    project.store.close()


@pytest.fixture
def fresh_project(tmp_path: Path) -> Iterator[Project]:
    """A dataset that nobody has scanned."""
    project = Project(make_images(tmp_path / "fresh", each=2))
    yield project
    project.store.close()
