"""Pictures whose size hints at an icon, a banner or a broken download."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from cleaner.items import Finding, ScannedFile

TINY_SIDE_PX = 32
TINY_SHARE = 0.5
EXTREME_ASPECT = 5.0


def find_odd_sizes(files: Sequence[ScannedFile]) -> list[Finding]:
    """Return pictures far smaller than the rest, or five times as long as they are wide.

    A picture is far smaller if its shorter side is under 32 px and under half the median: in a
    dataset of thumbnails nothing is.
    """
    if not files:
        return []
    usual_px = float(median(min(file.width, file.height) for file in files))
    findings = (_finding(file, usual_px) for file in files)
    return [finding for finding in findings if finding is not None]


def _finding(file: ScannedFile, usual_px: float) -> Finding | None:
    shorter, longer = sorted((file.width, file.height))
    size = f"{file.width} x {file.height} px"
    if shorter < TINY_SIDE_PX and shorter < usual_px * TINY_SHARE:
        detail = f"At {size} the picture is tiny; the shorter side is usually {usual_px:g} px here."
    elif longer >= shorter * EXTREME_ASPECT:
        detail = f"At {size} the picture is a strip; a network sees it squeezed to a square."
    else:
        return None
    return Finding("odd_size", (file.path,), "info", detail)
