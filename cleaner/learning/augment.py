"""Heavy augmentation, or distortions in percent: one random, repeatable view of an image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from cleaner.arrays import RGBImage, SquareImage
from cleaner.settings import Distortions

# Parts of the features' cache keys: change one whenever a view would come out differently.
VERSION = 2
_DISTORTED_VERSION = 1


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


def key(distortions: Distortions | None) -> str:
    """Name how views are drawn; features with equal names and seeds are interchangeable."""
    if distortions is None:
        return f"heavy{VERSION}"
    return (
        f"distorted{_DISTORTED_VERSION}-{'flip-' if distortions.flip else ''}"
        f"crop{distortions.crop_percent:g}-scale{distortions.scale_percent:g}-"
        f"brightness{distortions.brightness_percent:g}"
    )


def view(
    image: RGBImage, side_px: int, rng: np.random.Generator, distortions: Distortions | None
) -> SquareImage:
    """Return one view, heavily augmented unless distortions are asked for."""
    if distortions is None:
        return augmented(image, side_px, rng)
    return distorted(image, side_px, rng, distortions)


def distorted(
    image: RGBImage, side_px: int, rng: np.random.Generator, distortions: Distortions
) -> SquareImage:
    """Return one view of (side_px, side_px, 3), uint8, as retrain.py would draw it.

    The picture is enlarged by the crop's margin and up to the scale's, and a square of the wanted
    side is cut out anywhere. Where retrain.py let bright pixels exceed white, they end there.
    """
    larger = 1 + distortions.crop_percent / 100
    larger *= 1 + rng.uniform(0, distortions.scale_percent / 100)
    height, width = image.shape[:2]
    left, top = (rng.uniform(0, side - side / larger) for side in (width, height))
    picture = Image.fromarray(image).resize(
        (side_px, side_px),
        Image.Resampling.BILINEAR,
        box=(left, top, left + width / larger, top + height / larger),
        reducing_gap=2.0,
    )
    if distortions.flip and rng.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    share = distortions.brightness_percent / 100
    brighter = np.asarray(picture) * rng.uniform(1 - share, 1 + share)
    return np.asarray(brighter.round().clip(0, 255), np.uint8)


def augmented(
    image: RGBImage, side_px: int, rng: np.random.Generator, strength: Strength = HEAVY
) -> SquareImage:
    """Return one view of (side_px, side_px, 3), uint8, drawn with `rng`."""
    picture = Image.fromarray(image)
    rotated = rng.random() < 0.5 and strength.rotation_degrees > 0
    degrees = rng.uniform(-1, 1) * strength.rotation_degrees if rotated else 0.0
    box = _crop_box(picture.size, rng, strength)
    size = (side_px, side_px)
    if rotated:
        picture = _rotated(picture, size, degrees, box)
    else:
        picture = picture.resize(size, Image.Resampling.BILINEAR, box=box, reducing_gap=2.0)
    if strength.flip and rng.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return _recoloured(picture, rng, strength)


def _rotated(
    picture: Image.Image, size: tuple[int, int], degrees: float, box: tuple[float, ...]
) -> Image.Image:
    """Rotate about the centre, cut out `box` and scale it to `size`, in one step.

    One step takes half the time of three. It samples two by two pixels, so a picture that is
    more than twice too large is reduced first.
    """
    left, top, right, bottom = box
    least = max(1, int(min((right - left) / size[0], (bottom - top) / size[1])))
    smaller = picture.reduce(least) if least > 1 else picture
    across, down = (right - left) / size[0], (bottom - top) / size[1]
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    middle_x, middle_y = picture.width / 2, picture.height / 2
    x, y = left - middle_x, top - middle_y
    coefficients = (
        *(cos * across, -sin * down, cos * x - sin * y + middle_x),
        *(sin * across, cos * down, sin * x + cos * y + middle_y),
    )
    return smaller.transform(
        size,
        Image.Transform.AFFINE,
        tuple(float(value) / least for value in coefficients),
        Image.Resampling.BILINEAR,
        fillcolor=_mean_colour(picture),
    )


def _mean_colour(picture: Image.Image) -> tuple[int, ...]:
    mean = picture.resize((1, 1), Image.Resampling.BOX, reducing_gap=1.0).getpixel((0, 0))
    return tuple(int(value) for value in mean)  # type: ignore[union-attr]


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


def _recoloured(picture: Image.Image, rng: np.random.Generator, strength: Strength) -> SquareImage:
    """Change contrast, brightness and saturation in one matrix product a pixel."""
    brightness = 1 + rng.uniform(-strength.brightness, strength.brightness)
    contrast = 1 + rng.uniform(-strength.contrast, strength.contrast)
    saturation = 1 + rng.uniform(-strength.saturation, strength.saturation)
    mix = saturation * np.eye(3) + (1 - saturation) * np.full((3, 3), 1 / 3)
    shift = (1 - contrast) * np.asarray(picture).mean() * brightness
    matrix = np.hstack([mix * contrast * brightness, np.full((3, 1), shift)])
    return np.asarray(picture.convert("RGB", tuple(matrix.ravel().tolist())))
