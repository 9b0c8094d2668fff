"""The classes of ImageNet by name."""

from __future__ import annotations

from cleaner import imagenet
from cleaner.backbones.embedded import imagenet_top, weights_folder

CATEGORIES = imagenet.read(weights_folder())


def test_there_are_as_many_as_a_network_answers() -> None:
    kernel, bias = imagenet_top("efficientnet_lite2")
    assert len(CATEGORIES) == kernel.shape[1] == len(bias) == imagenet.COUNT


def test_no_two_labels_are_the_same() -> None:
    assert len(set(imagenet.labels(CATEGORIES))) == imagenet.COUNT


def test_a_class_is_found_by_each_of_its_names() -> None:
    index = imagenet.Index(CATEGORIES)
    for name in ("n02102040", "English springer", "english_springer_spaniel"):
        assert index.find(name) == {217}
    assert len(index.find("crane")) == 2
    assert not index.find("sunflower")
