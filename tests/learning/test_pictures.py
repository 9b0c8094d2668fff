from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from cleaner import images
from cleaner.errors import JobCancelled
from cleaner.learning import pictures
from cleaner.learning.bottlenecks import Source
from cleaner.progress import Progress
from tests.pictures import write_image

SIDE_PX = 24


@pytest.fixture
def sources(tmp_path: Path) -> list[Source]:
    root = tmp_path / "photos"
    paths = [write_image(root / f"{number}.png", seed=number) for number in range(4)]
    return [Source(p, root, hashlib.sha256(p.read_bytes()).hexdigest()) for p in paths]


def test_each_picture_is_the_whole_image_at_the_side(sources: list[Source], tmp_path: Path) -> None:
    found = pictures.gathered(sources, SIDE_PX, tmp_path / "cache")
    assert len(found) == 4
    for place, source in enumerate(sources):
        whole = images.load(source.path, root=source.root)
        np.testing.assert_array_equal(found[place], images.squared(whole, SIDE_PX))


def test_what_was_read_is_not_read_again_even_after_a_move(
    sources: list[Source], tmp_path: Path
) -> None:
    first = pictures.gathered(sources, SIDE_PX, tmp_path / "cache")
    for source in sources:
        source.path.unlink()
    told: list[Progress] = []
    again = pictures.gathered(sources[::-1], SIDE_PX, tmp_path / "cache", told.append)
    assert told == []
    np.testing.assert_array_equal(again[0], first[3])


def test_unreadable_and_changed_files_are_named_and_passed_over(
    sources: list[Source], tmp_path: Path
) -> None:
    sources[0].path.write_bytes(b"no picture")
    sources[2].path.unlink()
    found = pictures.gathered(sources, SIDE_PX, tmp_path / "cache")
    assert found.readable == (1, 3)
    assert found.content_hashes == (sources[1].content_hash, sources[3].content_hash)
    reasons = {source.path.name: reason for source, reason in found.rejected}
    assert "changed" in reasons["0.png"]
    assert set(reasons) == {"0.png", "2.png"}


def test_a_choice_of_them_comes_in_the_order_asked_for(
    sources: list[Source], tmp_path: Path
) -> None:
    found = pictures.gathered(sources, SIDE_PX, tmp_path / "cache")
    chosen = found.only([sources[3].content_hash, sources[0].content_hash])
    assert chosen.readable == (3, 0)
    np.testing.assert_array_equal(chosen[0], found[3])
    with pytest.raises(KeyError):
        found.only(["0" * 64])


def test_a_cancelled_reading_keeps_what_it_has(sources: list[Source], tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.done == 2:
            raise JobCancelled("Cancelled by the user.")

    with pytest.raises(JobCancelled):
        pictures.gathered(sources, SIDE_PX, tmp_path / "cache", stop)
    told: list[Progress] = []
    pictures.gathered(sources, SIDE_PX, tmp_path / "cache", told.append)
    assert told[-1].total == 2


def test_a_damaged_shard_is_read_again(sources: list[Source], tmp_path: Path) -> None:
    pictures.gathered(sources, SIDE_PX, tmp_path / "cache")
    for path in (tmp_path / "cache").rglob("*.npy"):
        path.write_bytes(path.read_bytes()[:100])
    found = pictures.gathered(sources, SIDE_PX, tmp_path / "cache")
    assert found.readable == (0, 1, 2, 3)
