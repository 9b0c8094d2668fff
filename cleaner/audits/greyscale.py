"""Pictures without colour among coloured ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cleaner import looks
from cleaner.audits.base import LEAST_PICTURES
from cleaner.items import Finding, ScannedFile

# Distance of the channels, of 255, where they are furthest apart. Compression alone makes up to 8
# of grey; a grey toy with a brown nose has 12.
GREY = 8
# A dataset counts as coloured if the middle picture has at least so much,
_COLOURED = 40
# and if at most this share of it is grey: else grey is one of its ways.
_MOST_GREY = 0.2


def find_greyscale(files: Sequence[ScannedFile]) -> list[Finding]:
    """Return grey pictures, if grey is the exception in this dataset.

    A network may learn the lack of colour instead of the class, if one class has most of them.
    """
    found, known = looks.read([file.looks for file in files])
    rows = np.flatnonzero(known)
    colour = found["colourfulness"][rows]
    grey = colour <= GREY
    if rows.size < LEAST_PICTURES or np.median(colour) < _COLOURED or grey.mean() > _MOST_GREY:
        return []
    return [
        Finding(
            "greyscale",
            (files[row].path,),
            "info",
            f"It has no colour, as {_share(grey.mean())} of the pictures here.",
        )
        for row in rows[grey].tolist()
    ]


def _share(share: float) -> str:
    return "less than 1%" if share < 0.01 else f"{share:.0%}"
