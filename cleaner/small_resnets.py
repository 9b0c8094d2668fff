"""The names of the small residual networks, which begin with random weights."""

from __future__ import annotations

from cleaner.errors import UnknownBackbone

SIDES_PX = (32, 48, 64, 96)
_PREFIX = "small_resnet"


def is_name(name: str) -> bool:
    """Tell whether an architecture is one of these, such as ``small_resnet_32``."""
    return name.startswith(_PREFIX)


def side_of(name: str) -> int:
    """Return the side in pixels of the photos that a network reads.

    Raises:
        UnknownBackbone: there is none of this name; the message lists them.

    >>> side_of("small_resnet_64")
    64
    """
    sides = {f"{_PREFIX}_{side_px}": side_px for side_px in SIDES_PX}
    if name not in sides:
        raise UnknownBackbone(
            f"No network {name!r} to train from nothing. Known: {', '.join(sides)}."
        )
    return sides[name]
