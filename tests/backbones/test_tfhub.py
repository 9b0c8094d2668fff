"""A TF-Hub handle: fetched, checked against its pin, and one clear line when it cannot be had."""

from __future__ import annotations

import urllib.error
from pathlib import Path

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
