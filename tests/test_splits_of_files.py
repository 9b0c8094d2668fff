"""Whatever people do with the files of a dataset, no image changes its part of the data."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cleaner.items import Split
from cleaner.project import Project
from tests.pictures import write_dataset

_CLASSES = ("cat", "dog", "owl")
_EACH = 10


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a dataset of thirty images and what a scan noted of it."""
    root = write_dataset(tmp_path_factory.mktemp("splits") / "pets", dict.fromkeys(_CLASSES, _EACH))
    project = Project(root)
    project.scan()
    project.store.close()
    return root.parent


@contextmanager
def _copy_of(folder: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as place:
        shutil.copytree(folder, Path(place) / "copy")
        yield Path(place) / "copy" / "pets"


def _splits(project: Project) -> dict[str, set[Split]]:
    """Return content -> the parts in which it is."""
    found: dict[str, set[Split]] = {}
    for item in project.dataset().items:
        found.setdefault(item.content_hash, set()).add(item.split)
    return found


def _move(file: Path, to: Path) -> None:
    file.rename(to / f"moved-{file.parent.name}-{file.name}")


def _rename(file: Path, _to: Path) -> None:
    file.rename(file.with_name(f"other-{file.name}"))


def _copy(file: Path, to: Path) -> None:
    shutil.copy(file, to / f"copy-{file.parent.name}-{file.name}")


_A_FIFTH = st.lists(
    st.tuples(
        st.sampled_from([f"{name}/{number}.png" for name in _CLASSES for number in range(_EACH)]),
        st.sampled_from([_move, _rename, _copy]),
        st.sampled_from(_CLASSES),
    ),
    min_size=6,
    max_size=6,
    unique_by=lambda one: one[0],
)


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_A_FIFTH)
def test_moving_renaming_or_copying_a_fifth_of_the_files_changes_no_split(
    scanned: Path, deeds: list[tuple[str, object, str]]
) -> None:
    with _copy_of(scanned) as root:
        project = Project(root)
        before = _splits(project)
        for path, deed, to in deeds:
            deed(root / path, root / to)  # type: ignore[operator]
        project.scan()
        after = _splits(project)
        project.store.close()
    assert after == before
    assert all(len(splits) == 1 for splits in after.values())
    assert {"train", "test"} <= {split for splits in after.values() for split in splits}
