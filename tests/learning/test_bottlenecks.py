from __future__ import annotations

import hashlib
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cleaner import engines
from cleaner.backbones import open_backbone
from cleaner.errors import CacheDamaged, JobCancelled
from cleaner.learning.bottlenecks import (
    Bottlenecks,
    Source,
    _Column,
    _Drawing,
    _Look,
    committee_features,
    view_features,
)
from cleaner.progress import Progress, Report, silent
from cleaner.settings import Distortions
from tests.damage import damage_rows
from tests.pictures import write_image

BACKBONE = "mobilenet_v2_1.0_224"
# Of different input sides, and one of them in int8.
COMMITTEE = (("efficientnet_lite2", "int8"), (BACKBONE, "float32"))


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


def test_distorted_views_are_kept_like_plain_ones(tmp_path: Path) -> None:
    sources = _sources(tmp_path / "photos", 2)
    distortions = Distortions(crop_percent=30.0)
    seen: list[Progress] = []

    first, second = (
        view_features(
            sources,
            open_backbone(BACKBONE),
            views=2,
            seed=1,
            cache_folder=tmp_path / "cache",
            report=seen.append,
            distortions=distortions,
        )
        for _time in range(2)
    )

    assert len(seen) == 2  # one an image, the first time
    np.testing.assert_array_equal(first.features, second.features)
    usual = _features(sources, tmp_path / "cache").features
    np.testing.assert_array_equal(first.features[0], usual[0])
    assert np.abs(first.features[1] - usual[1]).max() > 0


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
    assert not seen or seen[-1].total <= 2


def _committee(
    sources: list[Source], cache: Path, report: Report = silent
) -> tuple[Bottlenecks, ...]:
    backbones = [open_backbone(*names) for names in COMMITTEE]
    return committee_features(
        sources, backbones, views=3, seed=1, cache_folder=cache, report=report
    )


def test_a_backbone_s_features_do_not_depend_on_the_company(tmp_path: Path) -> None:
    paths = [write_image(tmp_path / f"{n}.png", seed=n, size=(700, 640)) for n in range(2)]
    sources = [Source(p, tmp_path, hashlib.sha256(p.read_bytes()).hexdigest()) for p in paths]
    together = _committee(sources, tmp_path / "together")
    for names, found in zip(COMMITTEE, together, strict=True):
        alone = view_features(
            sources,
            open_backbone(*names),
            views=3,
            seed=1,
            cache_folder=tmp_path / names[0],
        )
        np.testing.assert_array_equal(found.features, alone.features)


def test_only_what_one_backbone_lacks_is_computed(tmp_path: Path) -> None:
    sources = _sources(tmp_path / "photos", 3)
    first = _committee(sources, tmp_path / "cache")
    shelf = tmp_path / "cache" / "features"
    kept = shelf / open_backbone(*COMMITTEE[0]).content_id
    before = sorted(kept.rglob("*.npz"))
    shutil.rmtree(shelf / open_backbone(*COMMITTEE[1]).content_id / "mirrored")
    again = _committee(sources, tmp_path / "cache")
    assert sorted(kept.rglob("*.npz")) == before
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.features, other.features)


def test_an_unreadable_file_is_left_out_for_every_backbone(tmp_path: Path) -> None:
    sources = _sources(tmp_path / "photos", 3)
    _features(sources[1:2], tmp_path / "cache")
    sources[1].path.unlink()
    found = _committee(sources, tmp_path / "cache")
    assert [each.readable for each in found] == [(0, 2), (0, 2)]
    assert [each.features.shape[1] for each in found] == [2, 2]


def test_a_kill_costs_at_most_the_chunks_at_work_and_changes_no_feature(tmp_path: Path) -> None:
    sources = _sources(tmp_path / "photos", 14)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "photos"), str(tmp_path / "cache")],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    seen: list[Progress] = []
    resumed = _committee(sources, tmp_path / "cache", seen.append)
    assert 0 < seen[-1].total < 14
    whole = _committee(sources, tmp_path / "fresh")
    for one, other in zip(resumed, whole, strict=True):
        np.testing.assert_array_equal(one.features, other.features)


KILLED = """
import os, signal, sys
from pathlib import Path
from cleaner.engines import base
from tests.learning.test_bottlenecks import _committee, _sources

def report(progress):
    if progress.done == 11:
        os.kill(os.getpid(), signal.SIGKILL)

base._SMALLEST_CHUNK = 2
_committee(_sources(Path(sys.argv[1]), 14), Path(sys.argv[2]), report)
"""


@pytest.mark.parametrize(
    ("names", "uses_gpu"), [((BACKBONE,), False), ((BACKBONE, "ResNet50"), True)]
)
def test_images_are_looked_at_on_a_card_if_a_network_uses_one(
    tmp_path: Path, names: tuple[str, ...], uses_gpu: bool
) -> None:
    columns = tuple(_Column(open_backbone(name), 224, 0, tmp_path) for name in names)
    assert engines.uses_gpu(_Look(columns, _Drawing(0), ())) == uses_gpu


def test_rows_that_are_damaged_on_the_disk_are_computed_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sources = _sources(tmp_path / "photos", 2)
    sound = _features(sources, tmp_path / "cache")
    damaged = next(tmp_path.glob("cache/features/*/mirrored/*.npz"))
    damage_rows(damaged)
    np.testing.assert_array_equal(_features(sources, tmp_path / "cache").features, sound.features)
    assert f"{damaged.name} is damaged" in caplog.text


def test_damaged_rows_of_an_image_that_is_gone_are_named(tmp_path: Path) -> None:
    sources = _sources(tmp_path / "photos", 1)
    _features(sources, tmp_path / "cache")
    damage_rows(next(tmp_path.glob("cache/features/*/plain/*.npz")))
    sources[0].path.unlink()
    with pytest.raises(CacheDamaged, match=r"^[^\n]+Scan again\.$"):
        _features(sources, tmp_path / "cache")
