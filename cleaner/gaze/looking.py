"""The networks of a round look at one photo once more."""

from __future__ import annotations

from cleaner import images
from cleaner.arrays import NetworkSquare
from cleaner.backbones.embedded import CELL_PX, NETWORKS
from cleaner.errors import BackboneError
from cleaner.gaze.activation import Cells, Lead, cells
from cleaner.gaze.onlooker import Onlooker
from cleaner.settings import ScoreSettings


def look(
    data: bytes, settings: ScoreSettings, found: Lead, onlooker: Onlooker
) -> tuple[Cells, ...]:
    """Return what each cell of the plain view, the whole picture, adds to a lead.

    Args:
        data: the bytes of the image file.
        settings: of the round.
        found: from `activation.lead`.
        onlooker: runs the networks.

    Raises:
        BackboneError: a network of the round shows no map, or cannot be run.
        ImageRejected: the file is no picture.
        NotScored: the networks are not those of the round.
    """
    for name in settings.backbones:
        if name not in NETWORKS:
            raise BackboneError(
                f"Where the model looks can be told of {', '.join(NETWORKS)}; "
                f"this round looked through {name}."
            )
    sides = [NETWORKS[name].input_side_px for name in settings.backbones]
    squares = [_squared(data, side) for side in sides]
    maps = onlooker.maps(settings.backbones, settings.precision, squares)
    return cells(maps, [CELL_PX / side for side in sides], found)


def _squared(data: bytes, side_px: int) -> NetworkSquare:
    """Return the picture as `learning.bottlenecks` shows it to a network."""
    least_side_px = round(side_px * images.DECODE_MARGIN)
    return images.squared(images.decode(data, min_side_px=least_side_px), side_px)
