"""How sure a share is that was counted on some images."""

from __future__ import annotations

import math

from cleaner.arrays import ItemMask

Z_95 = 1.959963984540054


def wilson_interval(hits: int, images: int) -> tuple[float, float]:
    """Return the 95% interval of a share; everything is possible without images.

    Reference: Wilson, Journal of the American Statistical Association 22 (1927).

    >>> [round(bound, 3) for bound in wilson_interval(9, 10)]
    [0.596, 0.982]
    >>> wilson_interval(0, 0)
    (0.0, 1.0)
    """
    if not images:
        return 0.0, 1.0
    share, z_squared = hits / images, Z_95**2
    middle = share + z_squared / (2 * images)
    reach = Z_95 * math.sqrt(share * (1 - share) / images + z_squared / (4 * images**2))
    scale = 1 + z_squared / images
    return max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)


def paired_difference(was_right: ItemMask, is_right: ItemMask) -> tuple[float, float, float]:
    """Return the second accuracy less the first on the same images, and its 95% interval.

    Without images the difference is 0 and everything from -1 to 1 is possible.

    Reference: Agresti and Min, Statistics in Medicine 24 (2005), on paired proportions.

    >>> import numpy as np
    >>> better = np.array([True] * 90 + [False] * 10)
    >>> [round(value, 3) for value in paired_difference(better, ~better)]
    [-0.8, -0.903, -0.665]
    """
    images = len(was_right)
    gained, lost = int((is_right & ~was_right).sum()), int((was_right & ~is_right).sum())
    # Half an image is added to each cell of the table, so that few images make no false promise.
    middle = (gained - lost) / (images + 2)
    spread = gained + lost + 1 - (gained - lost) ** 2 / (images + 2)
    reach = Z_95 * math.sqrt(spread) / (images + 2)
    low, high = max(-1.0, middle - reach), min(1.0, middle + reach)
    return (gained - lost) / images if images else 0.0, low, high
