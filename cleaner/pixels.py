"""A file's bytes become an upright RGB picture, or one clear reason why not.

Runs in the processes of `cleaner.decoders`, which bound time and memory; everything else asks
`cleaner.images`. The format is told by the first bytes, and the number of pixels is checked
before any are decoded.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pillow_heif
from PIL import Image, UnidentifiedImageError

from cleaner import looks
from cleaner.arrays import RGBImage, SquareImage
from cleaner.errors import ImageRejected

RISE_BYTES = 32
TONES_SIDE = 6
"""A perceptual hash: so many bytes of brightness rises, then this side squared of colours."""

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
_FOREIGN: tuple[tuple[bytes, str, str], ...] = (
    (b"version https://git-lfs", "not_an_image", "a Git LFS pointer; fetch it with git lfs pull"),
    (b"<!doctype html", "not_an_image", "a web page"),
    (b"<html", "not_an_image", "a web page"),
    (b"%pdf", "unsupported_format", "a PDF document"),
    (b"%!ps", "unsupported_format", "PostScript"),
    (b"<svg", "unsupported_format", "an SVG drawing"),
    (b"<?xml", "unsupported_format", "XML, perhaps an SVG drawing"),
    (b"\0\0\0\x0cjp  \r\n\x87\n", "unsupported_format", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "unsupported_format", "JPEG 2000"),
    (b"\0\0\x01\0", "unsupported_format", "an icon"),
    (b"8bps", "unsupported_format", "Photoshop"),
    *((b"p%d" % kind, "unsupported_format", "a PNM bitmap") for kind in range(1, 8)),
)
_AVIF_BRANDS = frozenset((b"avif", b"avis"))
_HEIF_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"))

_PLAIN_MODES = frozenset(("1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr"))
_ALPHA_MODES = frozenset(("LA", "PA", "RGBA", "RGBa"))
_SIXTEEN_BIT_MODES = frozenset(("I;16", "I;16L", "I;16B", "I;16N"))

_EXIF_ORIENTATION = 0x0112
_TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TURNED = frozenset((5, 6, 7, 8))

_HASHED_SIDE_PX = 64
_LARGE_PIXELS = 24_000_000

large_picture_turn: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
"""Held while a large picture is decoded; the processes share one, and need the memory of one."""

pillow_heif.register_heif_opener()
# What Pillow warns of and logs is either harmless or refused below with a reason. Set once rather
# than around each decode: warnings.catch_warnings is not safe in threads.
warnings.filterwarnings("ignore", module=r"PIL\.")
logging.getLogger("PIL").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused before memory is spent on it.

    Attributes:
        max_bytes: of the file.
        max_pixels: width times height; below the 144 megapixels of the smallest known bomb.
        max_side_px: of the longer side; no camera format reaches further.
        max_seconds: of one processor, for one picture.
        max_memory_bytes: for one picture, while it is decoded.
    """

    max_bytes: int = 256 * 2**20
    max_pixels: int = 100_000_000
    max_side_px: int = 65_535
    max_seconds: float = 10.0
    max_memory_bytes: int = 512 * 2**20


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Inspected:
    """What the scan learns from one reading of a picture.

    Attributes:
        width: pixels, after EXIF orientation.
        height: pixels, after EXIF orientation.
        perceptual_hash: in hex, 256 bits that say where brightness rises from one of 17 x 16
            cells to the next, then the red, green and blue of 6 x 6 cells, a byte each.
            Scaling and compressing change little of it. `audits.duplicates` compares them.
        looks: light, sharpness, colours and border, as `cleaner.looks` reads them.
    """

    width: int
    height: int
    perceptual_hash: str
    looks: str


def decode(
    data: bytes, *, min_side_px: int | None = None, limits: Limits = DEFAULT_LIMITS
) -> RGBImage:
    """Return the picture upright, as RGB; transparent parts are white, animations stand still.

    With `min_side_px` the picture comes smaller, in less time, by a whole factor: its shorter
    side stays at least that long (less than about twice that). It is never enlarged.

    Raises:
        ImageRejected: these bytes are no picture that is read here.
    """

    def factor(width: int, height: int) -> int:
        return 1 if min_side_px is None else min(width, height) // max(min_side_px, 1)

    return np.asarray(_decoded(data, factor, limits).upright())


def square(
    data: bytes, *, side_px: int, min_side_px: int, limits: Limits = DEFAULT_LIMITS
) -> SquareImage:
    """Return what `squared` makes of what `decode` returns.

    Raises:
        ImageRejected: these bytes are no picture that is read here.
    """

    def factor(width: int, height: int) -> int:
        return min(width, height) // max(min_side_px, 1)

    picture = _decoded(data, factor, limits).upright()
    return np.asarray(_resized(picture, side_px))


def squared(image: RGBImage, side_px: int) -> SquareImage:
    """Return the whole picture resized to a square, smoothly; its proportions are lost."""
    if image.shape[:2] == (side_px, side_px):
        return image
    return np.asarray(_resized(Image.fromarray(image), side_px))


def _resized(picture: Image.Image, side_px: int) -> Image.Image:
    size = (side_px, side_px)
    return picture if picture.size == size else picture.resize(size, Image.Resampling.BICUBIC)


def inspect(data: bytes, *, limits: Limits = DEFAULT_LIMITS) -> Inspected:
    """Return size, perceptual hash and looks; the whole stream is read, so damage shows.

    Raises:
        ImageRejected: these bytes are no picture that is read here.
    """

    def factor(width: int, height: int) -> int:
        return min(width, height) // _HASHED_SIDE_PX

    decoded = _decoded(data, factor, limits)
    grid = _grid(decoded)
    brightness = grid.convert("L")
    # Green alone: most of brightness, and no conversion of all pixels.
    found = looks.measured(
        np.asarray(decoded.picture.getchannel("G")),
        np.asarray(grid),
        brightness.histogram(),
        brightness.entropy(),
    )
    return Inspected(decoded.width, decoded.height, _perceptual_hash(grid, brightness), found)


def thumbnail(
    data: bytes, *, side_px: int, quality: int = 85, limits: Limits = DEFAULT_LIMITS
) -> bytes:
    """Return a JPEG that fits a square of `side_px`, without metadata and never enlarged.

    Raises:
        ImageRejected: these bytes are no picture that is read here.
    """

    def factor(width: int, height: int) -> int:
        return max(width, height) // side_px

    # A fresh picture carries none of the original's metadata into the JPEG.
    picture = Image.fromarray(np.asarray(_decoded(data, factor, limits).upright()))
    picture.thumbnail((side_px, side_px), Image.Resampling.BICUBIC)
    jpeg = io.BytesIO()
    picture.save(jpeg, "JPEG", quality=quality)
    return jpeg.getvalue()


@dataclass(frozen=True, slots=True)
class _Decoded:
    """A picture in RGB, perhaps reduced, not yet turned.

    Attributes:
        width: of the whole picture, upright.
        height: likewise.
        picture: as stored.
        filled: how much of `picture` is filled; its last column and row may be parts.
        turn: what makes it upright.
    """

    width: int
    height: int
    picture: Image.Image
    filled: tuple[float, float]
    turn: Image.Transpose | None

    def upright(self) -> Image.Image:
        return self.picture if self.turn is None else self.picture.transpose(self.turn)


def _decoded(data: bytes, factor: Callable[[int, int], int], limits: Limits) -> _Decoded:
    """Return the picture, reduced by at most `factor(width, height)`."""
    container = _sniff(data)
    try:
        image = Image.open(io.BytesIO(data), formats=[container])
        _check_size(image, limits)
        if container == "PNG":
            _check_png_sums(data)
        _check_coefficients(image, limits)
        with image, _turn(image.width * image.height):
            return _loaded(image, max(1, factor(image.width, image.height)))
    except ImageRejected:
        raise
    except Exception as error:
        # Given hostile bytes a decoder raises anything from KeyError to RuntimeError.
        raise _undecodable(error, container) from error


def _loaded(image: Image.Image, factor: int) -> _Decoded:
    whole = image.size
    drafted = _draft(image, factor)
    image.load()
    # After loading, since a TIFF turns itself meanwhile and then has no orientation left.
    orientation = _orientation(image)
    picture = _as_rgb(image)
    width, height = whole if drafted > 1 else picture.size
    rest = max(1, factor // drafted)
    if rest > 1:
        picture = picture.reduce(rest)
    filled = (width / (drafted * rest), height / (drafted * rest))
    if orientation in _TURNED:
        width, height = height, width
    return _Decoded(width, height, picture, filled, _TRANSPOSES.get(orientation))


def _draft(image: Image.Image, factor: int) -> int:
    """Have a JPEG decoded at 1/2, 1/4 or 1/8, which is quicker; return by how much."""
    if factor == 1 or image.format not in ("JPEG", "MPO"):
        # HEIF would answer with its embedded thumbnail and leave the picture unverified.
        return 1
    width, height = image.size
    wanted = (max(1, width // factor), max(1, height // factor))
    drafted = image.draft(image.mode, wanted)
    return 1 if drafted is None else round(width / drafted[1][2])


def _grid(decoded: _Decoded) -> Image.Image:
    """Return the upright picture as a small square."""
    # Smooth filters and the exact filled area: with box filters, or with the rounded area, the
    # same photo as JPEG and as WebP differed in three times as many bits.
    grid = decoded.picture.resize(
        (_HASHED_SIDE_PX, _HASHED_SIDE_PX), Image.Resampling.BILINEAR, box=(0, 0, *decoded.filled)
    )
    return grid if decoded.turn is None else grid.transpose(decoded.turn)


def _perceptual_hash(grid: Image.Image, brightness: Image.Image) -> str:
    cells = np.asarray(brightness.resize((17, 16), Image.Resampling.BILINEAR))
    rises = np.packbits(cells[:, 1:] > cells[:, :-1])
    tones = grid.resize((TONES_SIDE, TONES_SIDE), Image.Resampling.BOX)
    return rises.tobytes().hex() + tones.tobytes().hex()


def _check_png_sums(data: bytes) -> None:
    # Decoding stops with the last row and so misses damage behind it; this reads every chunk.
    with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
        image.verify()


def _sniff(data: bytes) -> str:
    """Return Pillow's name for the format that the first bytes announce."""
    for magic, container in _MAGIC:
        if data.startswith(magic):
            return container
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        return _sniff_brand(data)
    raise _foreign(data)


def _sniff_brand(data: bytes) -> str:
    box = data[8 : min(int.from_bytes(data[:4]), 256)]
    brands = {box[start : start + 4] for start in range(0, len(box), 4)}
    if brands & _AVIF_BRANDS:
        return "AVIF"
    if brands & _HEIF_BRANDS:
        return "HEIF"
    raise ImageRejected("unsupported_format", "a film or an ISO media file of another kind.")


def _foreign(data: bytes) -> ImageRejected:
    if not data:
        return ImageRejected("empty", "0 bytes; fetch it again or delete it.")
    start = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for magic, reason, kind in _FOREIGN:
        if start.startswith(magic):
            return ImageRejected(reason, f"the content is {kind}.")
    if not any(data[:4096]):
        return ImageRejected("not_an_image", "it starts with zero bytes, as after a crash.")
    return ImageRejected("not_an_image", "its first bytes belong to no format that is read.")


def _check_size(image: Image.Image, limits: Limits) -> None:
    width, height = image.size
    if width * height > limits.max_pixels or max(width, height) > limits.max_side_px:
        raise ImageRejected(
            "too_many_pixels",
            f"{width} x {height}; at most {limits.max_pixels:,} pixels and "
            f"{limits.max_side_px:,} a side are decoded.",
        )


def _check_coefficients(image: Image.Image, limits: Limits) -> None:
    """Refuse a progressive JPEG whose coefficients, held until the last scan, would not fit.

    Its decoder would say no more than that something is broken.
    """
    if "progressive" not in image.info:
        return
    needed = 2 * len(image.getbands()) * image.width * image.height
    if needed > limits.max_memory_bytes:
        raise ImageRejected(
            "too_much_memory",
            f"a progressive JPEG of {image.width} x {image.height}; save it as a baseline one.",
        )


def _turn(pixels: int) -> contextlib.AbstractContextManager[object]:
    return large_picture_turn if pixels > _LARGE_PIXELS else contextlib.nullcontext()


def _undecodable(error: Exception, container: str) -> ImageRejected:
    if isinstance(error, Image.DecompressionBombError):
        return ImageRejected("too_many_pixels", f"a {container} of more pixels than are decoded.")
    if isinstance(error, MemoryError):
        return ImageRejected("too_much_memory", f"this {container} asks for more than is given.")
    if isinstance(error, UnidentifiedImageError):
        return ImageRejected("damaged", f"the header of this {container} makes no sense.")
    words = " ".join(str(error).split())[:160] or type(error).__name__
    cut = any(sign in words.lower() for sign in ("truncated", "end of file", "eof", "incomplete"))
    return ImageRejected("truncated" if cut else "damaged", f"{container} decoder: {words}.")


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_EXIF_ORIENTATION, 1)
        return value if isinstance(value, int) else 1
    except Exception:  # noqa: BLE001 - broken metadata must not cost a sound picture
        return 1


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode in _SIXTEEN_BIT_MODES:
        # Pillow's own conversion clips, which turns nearly everything white.
        high_bytes = (np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8)
        return Image.fromarray(high_bytes).convert("RGB")
    if image.mode not in _PLAIN_MODES | _ALPHA_MODES:
        raise ImageRejected(
            "unsupported_pixels", f"mode {image.mode}; save it with 8 or 16 bits a channel."
        )
    if image.mode in _ALPHA_MODES or "transparency" in image.info:
        seen_through = image if image.mode == "RGBA" else image.convert("RGBA")
        on_white = Image.new("RGB", image.size, "white")
        on_white.paste(seen_through, mask=seen_through.getchannel("A"))
        return on_white
    # To convert it anyway would be a second copy of all pixels.
    return image if image.mode == "RGB" else image.convert("RGB")
