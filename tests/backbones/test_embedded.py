"""The committed weights are the recorded ones, and their absence is told in one line."""

from __future__ import annotations

import hashlib
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from cleaner.arrays import ImageBatch
from cleaner.backbones import open_backbone
from cleaner.backbones.base import OFFLINE_NAMES
from cleaner.backbones.embedded import weights_folder
from cleaner.errors import WeightsUnavailable

RECORDED = json.loads((Path(__file__).parent / "embedded_features.json").read_text())
EXPECTED_FLOAT32_HASHES = {
    "efficientnet_lite0": "2a31b22f4582abd9",
    "efficientnet_lite2": "7146d8976349b450",
    "mobilenet_v2_1.0_224": "93d8e572c68b41ab",
    "mobilenet_v1_1.0_224": "39d4c95aa606242f",
}


def gradient(side_px: int) -> ImageBatch:
    """Return one photo that runs from black over orange to blue."""
    down, across = np.mgrid[0:side_px, 0:side_px] * 255 // (side_px - 1)
    return np.stack([across, (across + down) // 2, 255 - down], axis=-1)[np.newaxis].astype(
        np.uint8
    )


@pytest.mark.parametrize("name", OFFLINE_NAMES)
def test_features_are_as_recorded(name: str) -> None:
    backbone = open_backbone(name)

    features = backbone.extractor()(gradient(backbone.info.input_side_px))[0]

    recorded = RECORDED[name]
    np.testing.assert_allclose(features[:: recorded["step"]], recorded["features"], atol=0.02)
    assert features.mean() == pytest.approx(recorded["mean"], rel=0.01)


@pytest.mark.parametrize("name", OFFLINE_NAMES)
def test_int8_features_are_as_recorded(name: str) -> None:
    backbone = open_backbone(name, "int8")

    features = backbone.extractor()(gradient(backbone.info.input_side_px))[0]

    recorded = np.array(RECORDED[name]["int8"])
    found = features[:: RECORDED[name]["step"]]
    # A processor that rounds one step of 256 differently is no fault.
    cosine = found @ recorded / (np.linalg.norm(found) * np.linalg.norm(recorded))
    assert cosine > 0.98
    assert features.mean() == pytest.approx(RECORDED[name]["int8_mean"], rel=0.05)


def test_every_file_in_the_manifest_is_here_and_unchanged() -> None:
    manifest = json.loads((weights_folder() / "manifest.json").read_text())

    assert sorted(manifest) == sorted(OFFLINE_NAMES)
    for entry in manifest.values():
        for file_name, expected in entry["sha256"].items():
            content = (weights_folder() / file_name).read_bytes()
            assert hashlib.sha256(content).hexdigest() == expected, file_name


def test_weights_were_made_from_the_expected_float32_values() -> None:
    manifest = json.loads((weights_folder() / "manifest.json").read_text())

    found = {name: entry["float32_sha256_16"] for name, entry in manifest.items()}

    assert found == EXPECTED_FLOAT32_HASHES


def test_weights_stay_small_enough_to_commit() -> None:
    total_bytes = sum(path.stat().st_size for path in weights_folder().iterdir())

    assert total_bytes < 80_000_000


def test_an_empty_weights_folder_is_one_line_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEANER_WEIGHTS", str(tmp_path))
    backbone = open_backbone("mobilenet_v2_1.0_224")

    with pytest.raises(WeightsUnavailable) as caught:
        backbone.extractor()

    message = str(caught.value)
    assert "\n" not in message
    assert str(tmp_path) in message
    assert "CLEANER_WEIGHTS" in message
    assert not backbone.info.available
    assert backbone.info.note == message


def test_a_damaged_weights_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file_name in ("manifest.json", "mobilenet_v2_1.0_224.tflite"):
        shutil.copy(weights_folder() / file_name, tmp_path)
    with (tmp_path / "mobilenet_v2_1.0_224.tflite").open("ab") as file:
        file.write(b"\0")
    monkeypatch.setenv("CLEANER_WEIGHTS", str(tmp_path))

    with pytest.raises(WeightsUnavailable, match="is not the file in the manifest"):
        open_backbone("mobilenet_v2_1.0_224").extractor()


def test_a_missing_file_is_named_in_the_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(weights_folder() / "manifest.json", tmp_path)
    monkeypatch.setenv("CLEANER_WEIGHTS", str(tmp_path))

    info = open_backbone("efficientnet_lite0").info

    assert not info.available
    assert "efficientnet_lite0.tflite" in info.note


def test_two_threads_with_their_own_extractors_agree() -> None:
    backbone = open_backbone("mobilenet_v2_1.0_224")
    photo = gradient(224)
    extractors = [backbone.extractor() for _ in range(2)]

    with ThreadPoolExecutor(max_workers=2) as pool:
        first, second = pool.map(lambda extract: extract(photo), extractors)

    np.testing.assert_array_equal(first, second)
