from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cleaner import jobs, maps
from cleaner.errors import JobError, NotScored
from cleaner.progress import Progress
from cleaner.project import Project
from tests.rescoring.projects import followed_project, open_solved_round
from tests.rescoring.rounds import solved_round


@pytest.fixture
def solved(tmp_path: Path) -> Iterator[Project]:
    """90 images with a round that left features."""
    project = followed_project(tmp_path)
    yield project
    project.store.close()


def test_each_image_of_the_round_has_a_place_and_keeps_it(solved: Project) -> None:
    assert maps.read(solved) is None
    made = maps.make(solved)
    known = maps.read(solved)
    assert known is not None
    assert known.item_ids.tolist() == [item.item_id for item in solved.dataset().items]
    assert np.array_equal(known.places, made.places)
    assert (known.round_id, known.laid_out, maps.is_current(solved, known)) == (1, 90, True)


def test_a_map_of_the_same_images_is_not_computed_again(solved: Project) -> None:
    before = maps.make(solved)
    open_solved_round(solved, solved_round())
    told: list[Progress] = []
    assert not maps.is_current(solved, before)
    after = maps.make(solved, told.append)
    assert "Laying out the map" not in {progress.stage for progress in told}
    assert (after.round_id, after.fingerprint) == (2, before.fingerprint)


def test_without_features_the_way_to_them_is_named(ranked: Project) -> None:
    with pytest.raises(NotScored, match="cleaner score"):
        maps.make(ranked)
    job = jobs.start(ranked, "map", {})
    with pytest.raises(JobError, match="cleaner score"):
        jobs.follow(ranked, job, lambda _job: None)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 cut short", b"no archive"])
def test_a_damaged_map_is_made_anew(solved: Project, damage: bytes) -> None:
    maps.make(solved)
    maps.file_of(solved).write_bytes(damage)
    assert maps.read(solved) is None
    assert len(maps.make(solved).item_ids) == 90


def test_a_full_disk_leaves_nothing_behind(solved: Project) -> None:
    maps.file_of(solved).mkdir()
    with pytest.raises(OSError, match="directory"):
        maps.make(solved)
    assert list(maps.file_of(solved).parent.glob("*.part")) == []


def test_a_worker_draws_the_map_and_tells_how_far_it_is(solved: Project) -> None:
    job = jobs.start(solved, "map", {})
    stages: set[str] = set()
    result = jobs.follow(solved, job, lambda job: stages.add(job.stage))
    assert (result["images"], result["laid_out"], result["round"]) == (90, 90, 1)
    assert maps.read(solved) is not None
