"""Names of MobileNets: every width and side of the papers, and what a misspelt one is told."""

from __future__ import annotations

import pytest

from cleaner import mobilenets
from cleaner.errors import UnknownBackbone


def test_every_name_is_read_as_it_is_written() -> None:
    names = mobilenets.names()
    assert len(names) == (4 + 6 + 5 + 5) * 6
    assert all(mobilenets.parse(name).name == name for name in names)
    assert {"mobilenet_v1_0.25_128", "mobilenet_v3_small_0.75_160"} <= set(names)


def test_an_earlier_spelling_means_the_same() -> None:
    assert mobilenets.parse("mobilenet_v3-large_1.0_224").name == "mobilenet_v3_large_1.0_224"


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("mobilenet_v2_1.0_220", "mobilenet_v2_1.0_224"),
        ("mobilenet_v1_0.3_128", "mobilenet_v1_0.25_128"),
        ("MobileNet_v3_small_0.75_16", "mobilenet_v3_small_0.75_160"),
        ("mobilenet_v2_1.0_1024", "mobilenet_v2_1.0_192"),
    ],
)
def test_an_unknown_name_is_told_the_nearest_in_one_line(typed: str, near: str) -> None:
    with pytest.raises(UnknownBackbone) as caught:
        mobilenets.parse(typed)
    assert near in str(caught.value)
    assert "\n" not in str(caught.value)
