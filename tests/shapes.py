"""Photos of coloured shapes that a network can learn to tell apart in no time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SHAPES = ("circle", "square", "triangle")


def shape(kind: str, seed: int, side_px: int = 64) -> Image.Image:
    """Return a shape in one of its kind's hues, somewhere on a noisy ground."""
    rng = np.random.default_rng([SHAPES.index(kind), seed])
    ground = rng.integers(150, 256, (side_px, side_px, 3), dtype=np.uint8)
    image = Image.fromarray(ground)
    left, top = (int(rng.integers(4, side_px // 3)) for _ in range(2))
    width = int(rng.integers(side_px // 3, side_px // 2))
    box = (left, top, left + width, top + width)
    colour = [int(rng.integers(0, 60)) for _ in range(3)]
    colour[SHAPES.index(kind)] += 170
    draw = ImageDraw.Draw(image)
    if kind == "circle":
        draw.ellipse(box, fill=tuple(colour))
    elif kind == "square":
        draw.rectangle(box, fill=tuple(colour))
    else:
        draw.polygon([(box[0], box[3]), (box[2], box[3]), (box[0], box[1])], fill=tuple(colour))
    return image


def write_shapes(root: Path, *, each: int) -> Path:
    """Write one class folder a shape, with so many pictures in it."""
    for kind in SHAPES:
        (root / kind).mkdir(parents=True)
        for number in range(each):
            shape(kind, number).save(root / kind / f"{number}.png")
    return root
