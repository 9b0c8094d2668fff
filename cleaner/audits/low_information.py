"""Pictures that show next to nothing: one tone, a line of text, a placeholder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cleaner import looks
from cleaner.audits.base import FAR, deviations
from cleaner.items import Finding, ScannedFile

# Bits a pixel; 8 if every brightness is as frequent, 0 in one tone. A thing before a white ground
# has 3 and more.
FEW_BITS = 2.0
_LEAST_SPREAD = 0.4


def find_low_information(files: Sequence[ScannedFile]) -> list[Finding]:
    """Return pictures of few tones, far fewer than is usual here.

    Among line drawings, where all have few, none is found.
    """
    found, known = looks.read([file.looks for file in files])
    rows = np.flatnonzero(known)
    bits = found["entropy"][rows].astype(float)
    stands_out = (bits < FEW_BITS) & (deviations(bits, least_spread=_LEAST_SPREAD) <= -FAR)
    usual = float(np.median(bits)) if bits.size else 0.0
    return [
        Finding(
            "low_information",
            (files[row].path,),
            "warning",
            f"It holds {max(bits[place], 0):.1f} bits a pixel, usually {usual:.1f} here: nearly "
            "all of it is of one tone.",
        )
        for place, row in enumerate(rows.tolist())
        if stands_out[place]
    ]
