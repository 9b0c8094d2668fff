from __future__ import annotations

from cleaner.audits.odd_size import find_odd_sizes
from cleaner.items import ScannedFile


def files(*sizes: tuple[int, int]) -> list[ScannedFile]:
    return [
        ScannedFile(f"c/{number}.png", "c", str(number), "00", width, height, 1, 1)
        for number, (width, height) in enumerate(sizes)
    ]


def test_an_icon_among_photos_is_odd() -> None:
    (finding,) = find_odd_sizes(files((640, 480), (16, 16), (500, 500)))

    assert finding.paths == ("c/1.png",)
    assert "16 x 16 px" in finding.detail


def test_in_a_dataset_of_thumbnails_none_is_odd() -> None:
    assert find_odd_sizes(files((28, 28), (28, 28), (20, 28))) == []


def test_a_strip_is_odd() -> None:
    found = find_odd_sizes(files((100, 500), (600, 100), (499, 100)))

    assert [finding.paths for finding in found] == [("c/0.png",), ("c/1.png",)]
