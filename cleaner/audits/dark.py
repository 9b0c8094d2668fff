"""Pictures in which hardly anything is lit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cleaner import looks
from cleaner.audits.base import FAR, deviations
from cleaner.items import Finding, ScannedFile

# Of 255. What is lit at night by one lamp is brighter somewhere.
DARK = 90
_LEAST_SPREAD = 10.0


def find_dark(files: Sequence[ScannedFile]) -> list[Finding]:
    """Return pictures whose brightest parts are dark, and far darker than is usual here.

    In a dataset of night shots, where all are dark, none is found.
    """
    found, known = looks.read([file.looks for file in files])
    rows = np.flatnonzero(known)
    lit = found["bright_end"][rows].astype(float)
    stands_out = (lit < DARK) & (deviations(lit, least_spread=_LEAST_SPREAD) <= -FAR)
    usual = float(np.median(lit)) if lit.size else 0.0
    return [
        Finding(
            "dark",
            (files[row].path,),
            "warning",
            f"The brightest parts reach {lit[place]:.0f} of 255; here they usually reach "
            f"{usual:.0f}.",
        )
        for place, row in enumerate(rows.tolist())
        if stands_out[place]
    ]
