"""What several test files stand on: a small dataset, a project over it, a round without a model."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from cleaner.project import Project
from tests.pictures import write_dataset
from tests.postgres import Server
from tests.ranking import open_round

# How long an example takes says more about the machine than about the code.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")

# Where a process that a test starts finds what coverage wants of it.
_COUNTING = "COVERAGE_PROCESS_CONFIG"
_SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep logs and settings of a test out of the home of whoever runs it."""
    home = tmp_path_factory.mktemp("home")
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(home))


@pytest.fixture(scope="module", autouse=True)
def _what_is_loaded_is_kept() -> None:
    """Let the garbage collector leave alone what stays: modules, and what pytest remembers.

    Streamlit collects after each run of a page. With TensorFlow loaded that walks through millions
    of objects each time.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def _slow_files_start_what_is_uncounted(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave out of the coverage what a file of slow tests starts, as `uncounted` does for a test.

    It lasts a third longer under it; what these tests do in their own process counts.
    """
    with pytest.MonkeyPatch.context() as patch:
        if request.node.get_closest_marker("slow") is not None:
            patch.delenv(_COUNTING, raising=False)
        yield


@pytest.fixture
def uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out of the coverage what a test starts: TensorFlow takes far longer under it.

    For long runs through lines that quicker tests go through too.
    """
    monkeypatch.delenv(_COUNTING, raising=False)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Three classes of four small, different pictures: cat, dog, owl."""
    return write_dataset(tmp_path / "pets", {"cat": 4, "dog": 4, "owl": 4})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that train networks first, or one of them might be left to the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow") is not None}
    items.sort(key=lambda item: item.path not in slow)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marked = metafunc.definition.get_closest_marker("every_store") is not None
    if marked and "store_url" in metafunc.fixturenames:
        metafunc.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server of the tests' own, started for those that ask for one."""
    started = Server.start()
    if started is None:
        pytest.skip("no PostgreSQL server found: install postgresql to run this")
    yield started
    started.stop()


@pytest.fixture
def store_url(request: pytest.FixtureRequest) -> str | None:
    """Where a test's project keeps its decisions: None is SQLite in the state folder."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return None
    server: Server = request.getfixturevalue("server")
    return server.new_url()


@pytest.fixture
def project(dataset: Path, store_url: str | None) -> Iterator[Project]:
    """The dataset, scanned."""
    opened = Project(dataset, store=store_url)
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
