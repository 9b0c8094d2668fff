"""What audits are shown after a round, also when images or machines are out of reach."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cleaner.audits import Seen
from cleaner.engines import Engine
from cleaner.errors import EngineError
from cleaner.items import Item
from cleaner.learning import gallery
from cleaner.learning.bottlenecks import Source
from tests.damage import damage_rows
from tests.pictures import detailed

COUNT = 6


class Lost:
    """An engine whose workers are gone."""

    workers = 2

    def run(
        self, work: object, chunks: Sequence[Any], tick: Callable[[int], None]
    ) -> Iterator[Any]:
        raise EngineError("Ray lost its workers (gone).")


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "photos" / f"{number}.png" for number in range(COUNT)]
    paths[0].parent.mkdir()
    for number, path in enumerate(paths):
        detailed(number).save(path)
    return paths


@pytest.fixture
def seen(photos: list[Path], tmp_path: Path) -> Callable[..., Seen]:
    hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in photos]
    sources = [Source(path, path.parent, key) for path, key in zip(photos, hashes, strict=True)]
    features = (np.random.default_rng(0).random((2, COUNT, 8)).astype(np.float32),)
    items = [
        Item(n + 1, f"a/{n}.png", "a", "a", key, n, 160, 120, "train", "unreviewed")
        for n, key in enumerate(hashes)
    ]

    def of(engine: Engine | None = None) -> Seen:
        return gallery.seen_of(items, sources, features, tmp_path / "cache", engine)

    return of


def test_a_photo_that_could_not_be_read_once_is_read_in_the_next_round(
    seen: Callable[..., Seen], photos: list[Path]
) -> None:
    everyone = range(COUNT)
    away = photos[1].rename(photos[1].with_suffix(".away"))
    first = seen()
    found = first.miniatures(everyone)
    assert [picture.any() for picture in found] == [n != 1 for n in everyone]
    assert first.kept("pairs", lambda: (np.array([1]),))[0] == 1
    away.rename(photos[1])

    again = seen()

    assert again.miniatures(everyone)[1].any()
    assert again.kept("pairs", lambda: (np.array([2]),))[0] == 2
    assert seen().kept("pairs", lambda: (np.array([3]),))[0] == 2


def test_this_machine_stands_in_for_a_cluster_that_is_lost(
    seen: Callable[..., Seen], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        found = seen(Lost()).miniatures([3, 0])
    assert found.any(axis=(1, 2)).all()
    assert caplog.messages == [
        "Ray lost its workers (gone). The small pictures are made on this machine."
    ]


def test_small_pictures_that_are_damaged_on_the_disk_are_made_anew(
    seen: Callable[..., Seen], tmp_path: Path
) -> None:
    places = list(range(COUNT))
    made = seen().miniatures(places)
    damage_rows(next(tmp_path.glob("cache/miniatures-*/*.npz")))
    np.testing.assert_array_equal(seen().miniatures(places), made)
