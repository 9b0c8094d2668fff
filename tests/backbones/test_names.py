"""What a person may type for a backbone, and what an unknown name is told."""

from __future__ import annotations

import pytest

from cleaner.backbones import backbone_names, list_backbones, open_backbone
from cleaner.backbones.local import LocalBackbone
from cleaner.backbones.tfhub import HubBackbone
from cleaner.errors import BackboneError, UnknownBackbone


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("mobilenet_v2_1.0_24", "mobilenet_v2_1.0_224"),
        ("inceptionv3", "InceptionV3"),
        ("Resnet-50", "ResNet50"),
    ],
)
def test_an_unknown_name_suggests_the_closest_and_lists_the_known(typed: str, meant: str) -> None:
    with pytest.raises(UnknownBackbone) as caught:
        open_backbone(typed)

    message = str(caught.value)
    assert f"Did you mean {meant!r}?" in message
    assert all(name in message for name in backbone_names())
    assert "\n" not in message


def test_a_name_like_no_other_gets_no_suggestion() -> None:
    with pytest.raises(UnknownBackbone) as caught:
        open_backbone("zzzz")

    assert "Did you mean" not in str(caught.value)


def test_only_https_handles_are_fetched() -> None:
    assert isinstance(open_backbone("https://tfhub.dev/google/some/1"), HubBackbone)
    with pytest.raises(UnknownBackbone):
        open_backbone("http://tfhub.dev/google/some/1")


@pytest.mark.parametrize("path", ["models/mine", "mine.keras", "mine.keras@-1..1", "~/mine"])
def test_a_path_opens_a_local_network(path: str) -> None:
    assert isinstance(open_backbone(path), LocalBackbone)


def test_names_are_listed_once_and_in_order() -> None:
    listed = tuple(info.name for info in list_backbones())

    assert listed == backbone_names()
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("name", ["ResNet50", "https://tfhub.dev/google/some/1", "mine.keras"])
def test_int8_asked_of_a_network_that_has_none_is_told_in_one_line(name: str) -> None:
    with pytest.raises(BackboneError) as caught:
        open_backbone(name, "int8")

    message = str(caught.value)
    assert "\n" not in message
    assert name in message
    assert "efficientnet_lite2" in message
    assert type(open_backbone(name, "auto")) is type(open_backbone(name))
