"""Tiny pictures for tests, each the same every time."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def picture(seed: int = 0, size: tuple[int, int] = (48, 32)) -> Image.Image:
    """Return smooth blobs of colour, width x height as `size`; other seeds look unlike it."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def detailed(seed: int = 0, size: tuple[int, int] = (160, 120)) -> Image.Image:
    """Return blobs of colour under fine grain, from dark to bright, as sharp photos have."""
    rng = np.random.default_rng(seed)
    grain = rng.integers(-40, 41, (size[1], size[0], 1))
    grain[:2], grain[-2:] = -255, 255
    coloured = np.asarray(picture(seed, size), np.int64) + grain
    return Image.fromarray(coloured.clip(0, 255).astype(np.uint8))


def encoded(image: Image.Image, container: str = "PNG", **options: Any) -> bytes:
    """Return the bytes of a file of that format, such as ``"JPEG"``."""
    file = io.BytesIO()
    image.save(file, container, **options)
    return file.getvalue()


def write_image(
    path: Path,
    *,
    seed: int = 0,
    colour: str | tuple[int, int, int] | None = None,
    size: tuple[int, int] = (48, 32),
) -> Path:
    """Write a picture, of one colour if that is given; the ending says the format."""
    image = picture(seed, size) if colour is None else Image.new("RGB", size, colour)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return path


def write_dataset(root: Path, classes: dict[str, int], *, size: tuple[int, int] = (48, 32)) -> Path:
    """Write class folders with so many different pictures each, named 0.png, 1.png, ..."""
    seed = 0
    for class_name, count in classes.items():
        (root / class_name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            write_image(root / class_name / f"{number}.png", seed=seed, size=size)
            seed += 1
    return root
