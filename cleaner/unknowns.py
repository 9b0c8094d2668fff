"""The class folder of what belongs to no class: called ``unknown`` or ``background``."""

from __future__ import annotations

NAME = "unknown"
"""What a model answers where it had better not name a class."""

NAMES = frozenset((NAME, "background"))


def is_unknown(class_name: str) -> bool:
    """Tell whether a class is that of what belongs to no class.

    >>> [is_unknown(name) for name in ("Background", "unknown", "unknown bird")]
    [True, True, False]
    """
    return class_name.strip().casefold() in NAMES
