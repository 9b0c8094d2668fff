"""What several test files stand on: a small dataset, a project over it, a round without a model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from cleaner.project import Project
from tests.pictures import write_dataset
from tests.ranking import open_round

# How long an example takes says more about the machine than about the code.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")

_SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep logs and settings of a test out of the home of whoever runs it."""
    home = tmp_path_factory.mktemp("home")
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(home))


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Three classes of four small, different pictures: cat, dog, owl."""
    return write_dataset(tmp_path / "pets", {"cat": 4, "dog": 4, "owl": 4})


@pytest.fixture
def project(dataset: Path) -> Iterator[Project]:
    """The dataset, scanned."""
    opened = Project(dataset)
    opened.scan()
    yield opened
    opened.store.close()


@pytest.fixture
def ranked(project: Project) -> Project:
    """The scanned dataset with one round: cat/0.png and dog/1.png flagged, in this order."""
    open_round(project, flagged={"cat/0.png": "dog", "dog/1.png": "owl"})
    return project


@pytest.fixture
def shared() -> Path:
    """Photo sets and weights too large for the project; tests that need them skip without."""
    if not _SHARED.is_dir():
        pytest.skip("no folder of shared test material beside the project")
    return _SHARED
