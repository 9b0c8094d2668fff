"""Heavy augmentation: one random, repeatable view of an image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from cleaner.arrays import RGBImage, SquareImage

# Part of the features' cache key: change it whenever a view would come out differently.
VERSION = 1


@dataclass(frozen=True, slots=True)
class Strength:
    """How far a view may stray from the image.

    Attributes:
        least_area: the smallest part of the picture that a crop keeps, 0..1.
        aspect: a crop's sides may be stretched by up to this factor.
        rotation_degrees: at most this much, either way.
        brightness: at most this much darker or brighter, as a share.
        contrast: likewise.
        saturation: likewise.
        flip: whether half the views are mirrored.
    """

    least_area: float = 0.4
    aspect: float = 1.25
    rotation_degrees: float = 12.0
    brightness: float = 0.25
    contrast: float = 0.25
    saturation: float = 0.35
    flip: bool = True


HEAVY = Strength()


def augmented(
    image: RGBImage, side_px: int, rng: np.random.Generator, strength: Strength = HEAVY
) -> SquareImage:
    """Return one view of (side_px, side_px, 3), uint8, drawn with `rng`."""
    picture = Image.fromarray(image)
    if rng.random() < 0.5 and strength.rotation_degrees:
        angle = rng.uniform(-strength.rotation_degrees, strength.rotation_degrees)
        fill = tuple(int(value) for value in image.mean(axis=(0, 1)))
        picture = picture.rotate(angle, Image.Resampling.BILINEAR, fillcolor=fill)
    picture = picture.resize(
        (side_px, side_px),
        Image.Resampling.BILINEAR,
        box=_crop_box(picture.size, rng, strength),
        reducing_gap=2.0,
    )
    if strength.flip and rng.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return _recoloured(np.asarray(picture), rng, strength)


def _crop_box(
    size: tuple[int, int], rng: np.random.Generator, strength: Strength
) -> tuple[float, float, float, float]:
    width, height = size
    share = np.sqrt(rng.uniform(strength.least_area, 1.0))
    stretch = np.exp(rng.uniform(-1, 1) * np.log(strength.aspect) / 2)
    crop_width = max(1.0, min(width, width * share * stretch))
    crop_height = max(1.0, min(height, height * share / stretch))
    left = rng.uniform(0, width - crop_width)
    top = rng.uniform(0, height - crop_height)
    return left, top, left + crop_width, top + crop_height


def _recoloured(image: RGBImage, rng: np.random.Generator, strength: Strength) -> RGBImage:
    """Change contrast, brightness and saturation in one matrix product a pixel."""
    brightness = 1 + rng.uniform(-strength.brightness, strength.brightness)
    contrast = 1 + rng.uniform(-strength.contrast, strength.contrast)
    saturation = 1 + rng.uniform(-strength.saturation, strength.saturation)
    grey = np.full((3, 3), 1 / 3, np.float32)
    mix = saturation * np.eye(3, dtype=np.float32) + (1 - saturation) * grey
    mean = float(image.mean())
    shifted = image @ (mix * np.float32(contrast * brightness))
    shifted += np.float32((1 - contrast) * mean * brightness)
    return np.clip(shifted, 0, 255, out=shifted).astype(np.uint8)
