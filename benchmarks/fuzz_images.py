"""Broken pictures by the thousand: none may hang or crash what reads it.

    python -m benchmarks.fuzz_images --count 10000 --seed 0

Sound pictures of every format that is read are damaged (bits flipped, cut, pieces swapped between
formats, lengths and sizes rewritten) and read as the scan, the features and the page read
them. Prints what became of them and the most time and memory one took; exits with 1 where one
took more than it may, or was neither read nor refused with a reason.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
import time
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from cleaner import decoders, images
from cleaner.errors import ImageRejected

MOST_SECONDS = 10.0
MOST_MEGABYTES = 512
# The kernel's timer has a tick, and the answer a way back.
_SLACK_SECONDS = 0.5
# Repeated again and again a picture would become larger than any that is read at all.
_LONG_BYTES = 2**22
_WORDS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 10_000, 9_000)


@dataclass(slots=True)
class Findings:
    """What became of the pictures so far."""

    outcomes: Counter[str] = field(default_factory=Counter)
    most_seconds: float = 0.0
    most_megabytes: int = 0
    kept: list[str] = field(default_factory=list)


def main() -> None:
    """Read so many broken pictures, and say what became of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for the pictures that break a promise")
    arguments = parser.parse_args()
    findings = run(arguments.count, arguments.seed, arguments.keep)
    lines = [
        *(f"{outcome:<20} {count:>7,}" for outcome, count in findings.outcomes.most_common()),
        f"most seconds         {findings.most_seconds:7.2f}     (at most {MOST_SECONDS:g})",
        f"most memory          {findings.most_megabytes:7,} MB  (at most {MOST_MEGABYTES})",
        f"promises broken      {len(findings.kept):7,}",
        *findings.kept,
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.exit(1 if findings.kept else 0)


def run(count: int, seed: int, keep: Path | None = None) -> Findings:
    """Read `count` broken pictures, each as the scan and as the features read it."""
    seeds = sound_pictures()
    findings = Findings()
    decoder = _Watched()
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        name = list(seeds)[number % len(seeds)]
        data = broken(seeds[name], list(seeds.values()), rng)
        for verb, asked in (("inspect", {}), ("decode", {"min_side_px": 291})):
            outcome = decoder.read(verb, data, asked)
            findings.outcomes[outcome] += 1
            _note(findings, decoder, f"{number} {name} {verb}: {outcome}", data, keep)
    decoder.end()
    return findings


def _note(findings: Findings, decoder: _Watched, what: str, data: bytes, keep: Path | None) -> None:
    findings.most_seconds = max(findings.most_seconds, decoder.seconds)
    findings.most_megabytes = max(findings.most_megabytes, decoder.megabytes)
    is_over = decoder.seconds > MOST_SECONDS + _SLACK_SECONDS or decoder.megabytes > MOST_MEGABYTES
    is_named = what.rpartition(" ")[2] in ("read", *images.REASONS)
    if is_over or not is_named:
        findings.kept.append(f"{what} ({decoder.seconds:.2f} s, {decoder.megabytes} MB)")
    if keep is not None and (is_over or not is_named or "crashed" in what or "too_slow" in what):
        keep.mkdir(parents=True, exist_ok=True)
        (keep / re.sub(r"\W+", "-", what)).write_bytes(data)


class _Watched:
    """One decoder at a time, and what the last picture took of processor and memory."""

    def __init__(self) -> None:
        self._decoder = decoders.Decoder()
        self.seconds = 0.0
        self.megabytes = 0

    def read(self, verb: str, data: bytes, asked: dict[str, int]) -> str:
        """Return ``read``, or the reason why not."""
        limits = {"limits": {"max_seconds": MOST_SECONDS}}
        self._forget_peak()
        before = os.times()
        started = time.perf_counter()
        try:
            facts, _ = self._decoder.ask(verb, data, asked | limits)
            outcome = facts.get("reason", "read")
            self.seconds = time.perf_counter() - started
            self.megabytes = self._peak()
        except ImageRejected as rejected:
            outcome = rejected.reason
            after = os.times()  # the process was waited for, so its time is known
            self.seconds = after.children_user + after.children_system
            self.seconds -= before.children_user + before.children_system
            self._decoder = decoders.Decoder()
        return outcome

    def end(self) -> None:
        self._decoder.end()

    def _forget_peak(self) -> None:
        Path(f"/proc/{self._decoder.pid}/clear_refs").write_text("5")

    def _peak(self) -> int:
        status = Path(f"/proc/{self._decoder.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        return int(found[1]) // 1024 if found else 0


# -- the pictures ------------------------------------------------------------------------


def sound_pictures() -> dict[str, bytes]:
    """Return small pictures of every format and of its variants, by name."""
    rng = np.random.default_rng(1)
    blobs = Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8))
    photo = blobs.resize((160, 120), Image.Resampling.BICUBIC)
    clear = photo.copy()
    clear.putalpha(photo.convert("L"))
    deep = Image.fromarray(np.asarray(photo.convert("L")).astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[0x0112] = 6
    frames = {"save_all": True, "append_images": [photo.rotate(n) for n in (90, 180)]}
    return {
        "jpeg": _file(photo, "JPEG", exif=exif),
        "jpeg-progressive": _file(photo, "JPEG", progressive=True),
        "jpeg-grey": _file(photo.convert("L"), "JPEG"),
        "jpeg-cmyk": _file(photo.convert("CMYK"), "JPEG"),
        "png": _file(photo, "PNG"),
        "png-palette": _file(photo.quantize(16), "PNG"),
        "png-alpha": _file(clear, "PNG", exif=exif),
        "png-16bit": _file(deep, "PNG"),
        "png-animated": _file(photo, "PNG", **frames),
        "gif": _file(photo.quantize(32), "GIF"),
        "gif-animated": _file(photo, "GIF", **frames),
        "bmp": _file(photo, "BMP"),
        "bmp-palette": _file(photo.quantize(16), "BMP"),
        "tiff": _file(photo, "TIFF", exif=exif),
        "tiff-deflate": _file(photo, "TIFF", compression="tiff_adobe_deflate"),
        "tiff-lzw": _file(photo, "TIFF", compression="tiff_lzw"),
        "tiff-jpeg": _file(photo, "TIFF", compression="jpeg"),
        "tiff-fax": _file(photo.convert("1"), "TIFF", compression="group4"),
        "webp": _file(photo, "WEBP"),
        "webp-lossless": _file(clear, "WEBP", lossless=True),
        "webp-animated": _file(photo, "WEBP", **frames),
        "avif": _file(photo, "AVIF"),
        "heif": _file(photo, "HEIF"),
        "heif-alpha": _file(clear, "HEIF"),
    }


def _file(image: Image.Image, container: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, container, **options)
    return buffer.getvalue()


def broken(sound: bytes, others: list[bytes], rng: np.random.Generator) -> bytes:
    """Return the picture with one to three kinds of damage."""
    data = bytearray(sound)
    for kind in rng.integers(0, len(_DAMAGES), rng.integers(1, 4)):
        data = _DAMAGES[kind](data, others, rng)
        if not data:
            break
    # A wrong check sum is all that most damaged PNGs would ever show of themselves.
    return _with_sums(data) if rng.random() < 0.7 else bytes(data)


def _with_sums(data: bytearray) -> bytes:
    """Return a PNG with the check sums that its chunks should have; others as they are."""
    if not data.startswith(b"\x89PNG"):
        return bytes(data)
    place = 8
    while place + 12 <= len(data):
        end = place + 8 + int.from_bytes(data[place : place + 4])
        if end + 4 > len(data):
            break
        data[end : end + 4] = zlib.crc32(data[place + 4 : end]).to_bytes(4)
        place = end + 4
    return bytes(data)


def _flip(data: bytearray, _others: list[bytes], rng: np.random.Generator) -> bytearray:
    for place in rng.integers(0, len(data), rng.integers(1, 30)):
        data[place] ^= 1 << int(rng.integers(0, 8))
    return data


def _flip_in_header(data: bytearray, _others: list[bytes], rng: np.random.Generator) -> bytearray:
    for place in rng.integers(0, min(len(data), 400), rng.integers(1, 6)):
        data[place] = int(rng.integers(0, 256))
    return data


def _cut(data: bytearray, _others: list[bytes], rng: np.random.Generator) -> bytearray:
    return data[: int(rng.integers(0, len(data)))]


def _number(data: bytearray, _others: list[bytes], rng: np.random.Generator) -> bytearray:
    """Rewrite a few whole numbers near the start, where lengths and sizes stand."""
    for _time in range(int(rng.integers(1, 4))):
        width = int(rng.choice([1, 2, 4]))
        place = int(rng.integers(0, max(1, min(len(data), 1_000) - width)))
        value = int(rng.choice(_WORDS)) % 256**width
        data[place : place + width] = value.to_bytes(width, str(rng.choice(["big", "little"])))
    return data


def _splice(data: bytearray, others: list[bytes], rng: np.random.Generator) -> bytearray:
    other = others[int(rng.integers(0, len(others)))]
    start, end = sorted(int(n) for n in rng.integers(0, len(other), 2))
    place = int(rng.integers(0, len(data)))
    return data[:place] + other[start:end] + data[place:]


def _repeat(data: bytearray, _others: list[bytes], rng: np.random.Generator) -> bytearray:
    start, end = sorted(int(n) for n in rng.integers(0, len(data), 2))
    if len(data) > _LONG_BYTES:
        return data
    return data[:end] + data[start:end] * int(rng.choice([1, 2, 50])) + data[end:]


def _remove(data: bytearray, _others: list[bytes], rng: np.random.Generator) -> bytearray:
    start, end = sorted(int(n) for n in rng.integers(0, len(data), 2))
    return data[:start] + data[min(end, start + 64) :]


_DAMAGES = (_flip, _flip_in_header, _cut, _number, _splice, _repeat, _remove)

if __name__ == "__main__":
    main()
