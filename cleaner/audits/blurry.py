"""Pictures that are out of focus, shaken, or enlarged from a few pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cleaner import looks
from cleaner.audits.base import FAR, deviations
from cleaner.items import Finding, ScannedFile

# Share of the rise between neighbours that another blur takes away; photos have 0.4 to 0.6, and
# 0.1 to 0.2 after a blur over a hundredth of their side.
SOFT = 0.25
_LEAST_SPREAD = 0.03


def find_blurry(files: Sequence[ScannedFile]) -> list[Finding]:
    """Return pictures without a sharp edge, far softer than is usual here.

    What is looked at has about 100 px a side: a blur that a network would not see either is not
    found.
    """
    found, known = looks.read([file.looks for file in files])
    rows = np.flatnonzero(known)
    sharpness = found["sharpness"][rows].astype(float)
    stands_out = (sharpness < SOFT) & (deviations(sharpness, least_spread=_LEAST_SPREAD) <= -FAR)
    usual = float(np.median(sharpness)) if sharpness.size else 0.0
    return [
        Finding(
            "blurry",
            (files[row].path,),
            "warning",
            f"No edge in it is sharp: sharpness {sharpness[place]:.2f} of 1, usually "
            f"{usual:.2f} here.",
        )
        for place, row in enumerate(rows.tolist())
        if stands_out[place]
    ]
