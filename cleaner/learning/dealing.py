"""The order in which an epoch shows the images, such that what is read lies together.

A file is read in blocks of rows. So the blocks are dealt out to buffers, each of which memory holds
whole and whose images are then shuffled. Images lie in the order of their folders, a class after
the other: every buffer is dealt one block of each stretch of the file, drawn at random, and so has
the classes in nearly the shares that all images have them in. All that fits into one buffer is
shuffled as a whole.
"""

from __future__ import annotations

import numpy as np

# Images of a block; with 4 views of 256 numbers it is 256 kB.
BLOCK = 64
# Images of a buffer, or a few more.
BUFFER = 2**16


def dealt(items: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Return the items cut into buffers, each in the order of the file.

    Args:
        items: (item,), places in the file, rising.
        rng: draws who is together; it is not asked where one buffer holds all.
    """
    buffers = -(-items.size // BUFFER)
    if buffers <= 1:
        return [items]
    stretches = -(-(int(items[-1]) // BLOCK + 1) // buffers)
    buffer_of = rng.permuted(np.tile(np.arange(buffers), (stretches, 1)), axis=1).ravel()
    own = buffer_of[items // BLOCK]
    borders = np.cumsum(np.bincount(own, minlength=buffers))[:-1]
    found = np.split(items[np.argsort(own, kind="stable")], borders)
    return [buffer for buffer in found if buffer.size]
