"""Points in the plane for rows of features: what is alike lies together.

The main directions first (PCA), then t-SNE, which keeps neighbours together and lets distances
go. Of very many rows a sample is laid out, and the others are put among the rows of the sample
that are most like them.

Reference: van der Maaten and Hinton, JMLR 9 (2008), for t-SNE; Linderman et al., Nature Methods
16 (2019), for the interpolation that makes its time grow with the rows alone; Poličar, Stražar
and Zupan, Journal of Statistical Software 109 (2024), for the library and for how rows are put
among others. The settings are the library's, but for fewer turns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float16

from cleaner.arrays import Likeness
from cleaner.progress import Progress, Report, silent

Places = Float16[np.ndarray, "item 2"]

# So many rows are laid out with t-SNE; the others are put among them.
LANDMARKS = 20_000
_DIRECTIONS = 50
_PERPLEXITY = 30
_NEIGHBOURS = 10
_EARLY_TURNS, _TURNS = 200, 400
_TURNS_A_REPORT = 10
_PLACED_AT_ONCE = 10_000
# With fewer rows neighbours say nothing.
_FEWEST = 10


def projected(
    rows: Likeness, *, rng: np.random.Generator, report: Report = silent, landmarks: int = LANDMARKS
) -> Places:
    """Return a place for each row, both coordinates within -1 and 1.

    Args:
        rows: unit length.
        rng: draws the sample, and seeds what follows.
        report: told how far it is; may raise to end it.
        landmarks: of more rows than these a sample of so many is laid out.
    """
    if len(rows) < _FEWEST or (rows == rows[0]).all():
        return _within(_padded(rows.astype(np.float32)))
    order = rng.permutation(len(rows))
    first, others = np.sort(order[:landmarks]), np.sort(order[landmarks:])
    seed = int(rng.integers(2**31))
    report(Progress("Finding the main directions"))
    reduce = _main_directions(rows[first].astype(np.float32), seed)
    laid_out = _laid_out(reduce(rows[first].astype(np.float32)), seed, report)
    places = np.empty((len(rows), 2), np.float32)
    places[first] = laid_out
    for start in range(0, len(others), _PLACED_AT_ONCE):
        report(Progress("Placing the other images", start, len(others)))
        part = others[start : start + _PLACED_AT_ONCE]
        places[part] = _among(laid_out, reduce(rows[part].astype(np.float32)))
    return _within(places)


def _padded(rows: np.ndarray) -> np.ndarray:
    """Return the first two coordinates; too few rows have no neighbourhood to keep."""
    centred = rows - rows.mean(axis=0) if len(rows) else rows
    return np.pad(centred[:, :2], ((0, 0), (0, max(0, 2 - centred.shape[1]))))


def _main_directions(rows: np.ndarray, seed: int) -> Callable[[np.ndarray], np.ndarray]:
    from sklearn.decomposition import PCA

    count = min(_DIRECTIONS, *rows.shape)
    found: Callable[[np.ndarray], np.ndarray] = PCA(count, random_state=seed).fit(rows).transform
    return found


def _laid_out(rows: np.ndarray, seed: int, report: Report) -> Any:
    """Return t-SNE's places: an array, which also knows how to put others among them."""
    from openTSNE import TSNE

    done = 0

    def tell(_turn: int, _error: float, _places: np.ndarray) -> bool:
        nonlocal done
        done += _TURNS_A_REPORT
        report(Progress("Laying out the map", done, _EARLY_TURNS + _TURNS))
        return False

    report(Progress("Finding who is alike"))
    layout = TSNE(
        perplexity=min(_PERPLEXITY, (len(rows) - 1) / 3),
        early_exaggeration_iter=_EARLY_TURNS,
        n_iter=_TURNS,
        random_state=seed,
        callbacks=tell,
        callbacks_every_iters=_TURNS_A_REPORT,
    )
    return layout.fit(rows)


def _among(laid_out: Any, rows: np.ndarray) -> np.ndarray:
    """Return places in the midst of the rows most like each: the median of their places."""
    near = laid_out.prepare_partial(rows, initialization="median", k=_NEIGHBOURS)
    return np.asarray(near)


def _within(places: np.ndarray) -> Places:
    centred = places - (places.max(axis=0) + places.min(axis=0)) / 2 if len(places) else places
    found: Places = (centred / max(float(np.abs(centred).max(initial=0)), 1e-12)).astype(np.float16)
    return found
