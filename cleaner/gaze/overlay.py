"""A map becomes a picture that is laid over the photo: two colours, clear where nothing speaks."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from cleaner.gaze.activation import Cells

LONGEST_SIDE_PX = 320
# As the deck marks the suggested and the current label: one pair that the colour-blind tell apart.
TOWARD_RGB, AGAINST_RGB = (38, 99, 235), (255, 138, 0)
_MOST_OPAQUE = 150
# What is weaker than this share of the strongest stays clear, so that the photo can be seen.
_LEAST = 0.12
# The width of a cell's influence, in cells: wide enough that no grid shows.
_SOFTNESS = 0.6


def overlay(found: Sequence[Cells], width: int, height: int) -> bytes:
    """Return a PNG with the proportions of a photo of `width` x `height` pixels."""
    shrink = min(1.0, LONGEST_SIDE_PX / max(width, height))
    size = max(1, round(width * shrink)), max(1, round(height * shrink))
    drawn = io.BytesIO()
    Image.fromarray(_coloured(spread(found, *size))).save(drawn, "PNG", compress_level=4)
    return drawn.getvalue()


def spread(found: Sequence[Cells], columns: int, rows: int) -> np.ndarray:
    """Return (row, column), the sum of the maps over the whole picture, smoothly."""
    field = np.zeros((rows, columns))
    for each in found:
        down, across = each.values.shape
        field += (
            _reach(rows, down, each.pitch) @ each.values @ _reach(columns, across, each.pitch).T
        )
    return field


def _reach(points: int, cells: int, pitch: float) -> np.ndarray:
    """Return (point, cell), how much of each cell a point has; the cells share each point."""
    at = ((np.arange(points) + 0.5) / points - 0.5) / pitch + (cells - 1) / 2
    near = np.exp(-0.5 * ((at[:, None] - np.arange(cells)) / _SOFTNESS) ** 2)
    shares: np.ndarray = near / near.sum(axis=1, keepdims=True)
    return shares


def _coloured(field: np.ndarray) -> np.ndarray:
    strength = np.abs(field) / max(float(np.abs(field).max()), 1e-12)
    opaque = np.clip((strength - _LEAST) / (1 - _LEAST), 0, 1) * _MOST_OPAQUE
    picture = np.empty((*field.shape, 4), np.uint8)
    picture[..., :3] = np.where(field[..., None] > 0, TOWARD_RGB, AGAINST_RGB)
    picture[..., 3] = opaque.astype(np.uint8)
    return picture
