"""MobileNets by name: which version, how wide, and how large the photos are that it sees."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from cleaner.errors import UnknownBackbone

WIDTHS: Mapping[str, tuple[float, ...]] = {
    "v1": (0.25, 0.5, 0.75, 1.0),
    "v2": (0.35, 0.5, 0.75, 1.0, 1.3, 1.4),
    "v3_large": (0.35, 0.5, 0.75, 1.0, 1.25),
    "v3_small": (0.35, 0.5, 0.75, 1.0, 1.25),
}
"""Those of the papers: Howard et al. 2017, Sandler et al. 2018, Howard et al. 2019."""
SIDES_PX = (96, 128, 160, 192, 224, 256)
"""Those of the papers; any multiple of `SIDE_STEP_PX` will do."""
SIDE_STEP_PX = 32
"""The networks halve the picture five times."""
MOST_SIDE_PX = 512
LARGER = ("efficientnet_lite2", "efficientnet_lite0")
"""No MobileNets, but trained like them: what is left of a larger network is known beside one."""
_NAME = re.compile(r"mobilenet_(v1|v2|v3[_-]large|v3[_-]small)_(\d+(?:\.\d+)?)_(\d+)")
_SUGGESTED = 3


@dataclass(frozen=True, slots=True)
class MobileNet:
    """One member of the family.

    Attributes:
        version: one of `WIDTHS`.
        width: how many channels it has, beside the network of width 1.
        side_px: of the square photos it sees.
    """

    version: str
    width: float
    side_px: int

    @property
    def name(self) -> str:
        """As it is written everywhere.

        >>> MobileNet("v3_small", 0.75, 160).name
        'mobilenet_v3_small_0.75_160'
        """
        return f"mobilenet_{self.version}_{self.width}_{self.side_px}"


def parse(name: str) -> MobileNet:
    """Return the network of that name.

    Raises:
        UnknownBackbone: there is none; the message has the nearest names.

    Example:
        >>> parse("mobilenet_v2_1.0_224")
        MobileNet(version='v2', width=1.0, side_px=224)
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise _unknown(name)
    found = MobileNet(match[1].replace("-", "_"), float(match[2]), int(match[3]))
    has_side = SIDE_STEP_PX <= found.side_px <= MOST_SIDE_PX and not found.side_px % SIDE_STEP_PX
    if found.width not in WIDTHS[found.version] or not has_side:
        raise _unknown(name)
    return found


def names() -> tuple[str, ...]:
    """Return every name with a width and a side of the papers, large photos first."""
    return tuple(
        MobileNet(version, width, side_px).name
        for version, widths in WIDTHS.items()
        for width in widths[::-1]
        for side_px in SIDES_PX[::-1]
    )


def _near(name: str) -> list[str]:
    match = _NAME.fullmatch(name.lower())
    if match is None:
        return difflib.get_close_matches(name.lower(), names(), n=_SUGGESTED, cutoff=0.8)
    version, width, side_px = match[1].replace("-", "_"), float(match[2]), int(match[3])
    pairs = [(w, side) for w in WIDTHS[version] for side in SIDES_PX]
    pairs.sort(key=lambda pair: (abs(pair[0] - width), abs(pair[1] - side_px)))
    return [MobileNet(version, *pair).name for pair in pairs[:_SUGGESTED]]


def _unknown(name: str) -> UnknownBackbone:
    close = _near(name)
    near = f" Near: {', '.join(close)}." if close else ""
    widths = "; ".join(
        f"{version} {', '.join(str(width) for width in widths)}"
        for version, widths in WIDTHS.items()
    )
    return UnknownBackbone(
        f"No network {name!r} to train.{near} Names are mobilenet_VERSION_WIDTH_SIDE, of these "
        f"versions and widths: {widths}; a side is a multiple of {SIDE_STEP_PX} up to "
        f"{MOST_SIDE_PX}."
    )
