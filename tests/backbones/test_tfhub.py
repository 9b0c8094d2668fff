"""A TF-Hub handle: fetched, checked against its pin, and one clear line when it cannot be had."""

from __future__ import annotations

import email.message
import hashlib
import io
import tarfile
import urllib.error
import urllib.response
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cleaner.backbones import open_backbone
from cleaner.backbones.base import OFFLINE_NAMES
from cleaner.errors import BackboneError, WeightsUnavailable

# tensorflow_hub asks setuptools for the deprecated pkg_resources.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

HANDLE = "https://tfhub.dev/google/imagenet/mobilenet_v2_035_224/feature_vector/5"
HUB_STYLE = (
    Path(__file__).resolve().parents[3]
    / "shared/weights/hub_style_mobilenet_v2_035_224_feature_vector"
)


def _unreachable(handle: str) -> str:
    raise urllib.error.URLError(f"Name or service not known\n  while asking for {handle}")


def test_a_handle_that_cannot_be_fetched_is_one_line_with_what_is_available(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tensorflow_hub.resolve", _unreachable)
    backbone = open_backbone(HANDLE)

    with pytest.raises(WeightsUnavailable) as caught:
        backbone.extractor()

    message = str(caught.value)
    assert "\n" not in message
    assert HANDLE in message
    assert all(name in message for name in OFFLINE_NAMES)
    assert backbone.info.note == message


@pytest.mark.skipif(not HUB_STYLE.exists(), reason="no hub-style module beside the repository")
def test_a_pinned_handle_refuses_other_content(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tensorflow_hub.resolve", lambda handle: str(HUB_STYLE))

    with pytest.raises(BackboneError, match="not the module you meant"):
        open_backbone(f"{HANDLE}#sha256={'0' * 64}").build()


@pytest.mark.skipif(not HUB_STYLE.exists(), reason="no hub-style module beside the repository")
def test_an_unpinned_handle_logs_how_to_pin_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("tensorflow_hub.resolve", lambda handle: str(HUB_STYLE))
    unpinned = open_backbone(HANDLE)

    content_id = unpinned.content_id

    (warning,) = caplog.messages
    pinned = open_backbone(warning.split()[-1])
    assert pinned.content_id == content_id
    assert pinned.info.feature_count == 1280


def _module(folder: Path, *, side_px: int | None = 16, output: str = "default") -> Path:
    """Write a small module as TF-Hub's are: photos 0..1 in, the mean of each colour out."""
    import tensorflow as tf

    module = tf.Module()
    given = tf.TensorSpec((None, side_px, side_px, 3), tf.float32, name="inputs")
    module.call = tf.function(
        lambda inputs: {output: tf.reduce_mean(inputs, axis=(1, 2))}, input_signature=[given]
    )
    tf.saved_model.save(module, str(folder), signatures=module.call)
    return folder


def _packed(folder: Path, archive: Path) -> Path:
    with tarfile.open(archive, "w:gz") as packing:
        packing.add(folder, arcname=".")
    return archive


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "hub"))
    return tmp_path / "hub"


def test_a_handle_that_was_fetched_once_needs_no_network(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("urllib.request.urlopen", _unreachable)
    _module(cache / hashlib.sha1(HANDLE.encode()).hexdigest())  # noqa: S324 - TF-Hub's own naming

    backbone = open_backbone(HANDLE)

    assert backbone.info.input_side_px == 16
    assert backbone.info.feature_count == 3


def test_a_packed_module_is_the_module(tmp_path: Path, cache: Path) -> None:
    folder = _module(tmp_path / "module")
    packed = open_backbone(str(_packed(folder, tmp_path / "module.tar.gz")))
    photos = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)

    features = packed.extractor()(photos)

    np.testing.assert_allclose(features, photos.mean(axis=(1, 2)) / 255, atol=1e-5)
    assert packed.content_id == open_backbone(str(folder)).content_id
    assert len(list(cache.iterdir())) == 1
    np.testing.assert_array_equal(packed.extractor()(photos), features)


def test_a_url_is_fetched_unpacked_and_kept(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = _packed(_module(tmp_path / "module"), tmp_path / "module.tar.gz")
    asked: list[str] = []

    def answer(request: Any, **_options: Any) -> Any:
        asked.append(request.full_url)
        return urllib.response.addinfourl(
            archive.open("rb"), email.message.Message(), request.full_url, 200
        )

    monkeypatch.setattr("urllib.request.urlopen", answer)
    for _time in range(2):
        assert open_backbone("https://example.com/m.tar.gz").info.feature_count == 3
    assert len(asked) == 1


@pytest.mark.usefixtures("cache")
def test_a_packed_file_that_leads_out_of_its_folder_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "bad.tar.gz", "w:gz") as packing:
        packing.addfile(tarfile.TarInfo("../out"), io.BytesIO())
    (tmp_path / "half.tar.gz").write_bytes(b"\x1f\x8b\x08 not whole")

    for name in ("bad.tar.gz", "half.tar.gz"):
        with pytest.raises(BackboneError, match="not an archive that can be unpacked") as caught:
            open_backbone(str(tmp_path / name)).build()
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("cache")
def test_a_classification_module_gives_its_scores_as_features(tmp_path: Path) -> None:
    backbone = open_backbone(str(_module(tmp_path / "module", output="logits")))
    assert backbone.info.feature_count == 3


def test_a_module_without_a_side_has_that_of_its_handle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _module(tmp_path / "module", side_px=None)
    monkeypatch.setattr("tensorflow_hub.resolve", lambda handle: str(folder))

    sides = [
        open_backbone(f"https://tfhub.dev/google/{name}/5").info.input_side_px
        for name in ("imagenet/mobilenet_v2_035_128/feature_vector", "something/classification")
    ]

    assert sides == [128, 224]
