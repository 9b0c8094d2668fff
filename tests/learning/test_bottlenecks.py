from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from cleaner.backbones import open_backbone
from cleaner.errors import JobCancelled
from cleaner.learning.bottlenecks import Bottlenecks, Source, view_features
from cleaner.progress import Progress, Report, silent
from tests.pictures import write_image

BACKBONE = "mobilenet_v2_1.0_224"


def _sources(root: Path, count: int) -> list[Source]:
    paths = [write_image(root / f"{number}.png", seed=number) for number in range(count)]
    return [Source(p, root, hashlib.sha256(p.read_bytes()).hexdigest()) for p in paths]


def _features(sources: list[Source], cache: Path, report: Report = silent) -> Bottlenecks:
    backbone = open_backbone(BACKBONE)
    return view_features(sources, backbone, views=3, seed=1, cache_folder=cache, report=report)


def test_every_view_is_computed_once_whatever_the_order_and_the_name(tmp_path: Path) -> None:
    sources = _sources(tmp_path / "photos", 3)
    first = _features(sources, tmp_path / "cache")
    renamed = sources[0].path.rename(sources[0].path.with_name("moved.png"))
    again = [sources[2], sources[1], Source(renamed, tmp_path, sources[0].content_hash)]
    seen: list[Progress] = []
    second = _features(again, tmp_path / "cache", seen.append)
    assert seen == []
    np.testing.assert_array_equal(second.features, first.features[:, ::-1])


def test_views_differ_and_the_second_is_the_mirror_image(tmp_path: Path) -> None:
    plain, mirrored, heavy = _features(_sources(tmp_path, 1), tmp_path / "cache").features[:, 0]
    assert np.abs(plain - mirrored).max() > 0
    assert np.corrcoef(plain, mirrored)[0, 1] > np.corrcoef(plain, heavy)[0, 1]


def test_a_file_changed_since_the_scan_is_named_and_not_cached(tmp_path: Path) -> None:
    sources = _sources(tmp_path / "photos", 2)
    original = sources[1].path.read_bytes()
    write_image(sources[1].path, seed=77)
    found = _features(sources, tmp_path / "cache")
    assert found.readable == (0,)
    assert [(source, reason[:7]) for source, reason in found.rejected] == [(sources[1], "changed")]
    sources[1].path.write_bytes(original)
    assert _features(sources, tmp_path / "cache").readable == (0, 1)


def test_a_cancelled_run_keeps_what_it_had(tmp_path: Path) -> None:
    sources = _sources(tmp_path / "photos", 4)

    def cancel(progress: Progress) -> None:
        if progress.done == 2:
            raise JobCancelled("Enough.")

    with pytest.raises(JobCancelled):
        _features(sources, tmp_path / "cache", cancel)
    seen: list[Progress] = []
    _features(sources, tmp_path / "cache", seen.append)
    assert seen[-1].total == 2
