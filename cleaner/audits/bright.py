"""Pictures so bright that hardly anything can be made out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cleaner import looks
from cleaner.audits.base import FAR, deviations
from cleaner.items import Finding, ScannedFile

# Of 255. A thing on a white ground has darker parts than that, if only its outlines.
BRIGHT = 190
_LEAST_SPREAD = 10.0


def find_bright(files: Sequence[ScannedFile]) -> list[Finding]:
    """Return pictures whose darkest parts are bright, and far brighter than is usual here."""
    found, known = looks.read([file.looks for file in files])
    rows = np.flatnonzero(known)
    darkest = found["dark_end"][rows].astype(float)
    stands_out = (darkest > BRIGHT) & (deviations(darkest, least_spread=_LEAST_SPREAD) >= FAR)
    usual = float(np.median(darkest)) if darkest.size else 0.0
    return [
        Finding(
            "bright",
            (files[row].path,),
            "warning",
            f"Even the darkest parts have a brightness of {darkest[place]:.0f} of 255; here they "
            f"usually have {usual:.0f}.",
        )
        for place, row in enumerate(rows.tolist())
        if stands_out[place]
    ]
