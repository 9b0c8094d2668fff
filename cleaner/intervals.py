"""How sure a share is that was counted on some images."""

from __future__ import annotations

import math

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
