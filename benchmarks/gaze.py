"""How much of a lead hangs on the places that the map of where the model looks marks.

    python -m benchmarks.gaze DATASET --images 40

DATASET must be scored, with networks that ship with Cleaner; nothing in it is changed. Of each
suspect a fifth of the picture is covered with its mean colour, in 5 x 5 tiles: the tiles the map
marks most, those that covering one by one finds to matter most (occlusion, 25 passes), and some
drawn at random. What is told is the share of the lead of the suggested label over the current one
that is lost, the mean over the suspects, and how long a map takes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cleaner import images
from cleaner.backbones.embedded import CELL_PX, NETWORKS
from cleaner.exhibits import Showcase
from cleaner.gaze.activation import Cells, Lead, cells, lead
from cleaner.gaze.onlooker import Onlooker
from cleaner.gaze.overlay import overlay, spread
from cleaner.project import Project
from cleaner.settings import ScoreSettings
from cleaner.ui.actions import score_settings

TILES, COVERED = 5, 5


def main() -> None:
    """Measure, and print a line for each way to choose what is covered."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--images", type=int, default=40)
    arguments = parser.parse_args()
    project, onlooker = Project(arguments.dataset), Onlooker()
    lost: dict[str, list[float]] = {"the map": [], "occlusion": [], "chance": []}
    seconds = []
    for suspect in _suspects(project, onlooker, arguments.images):
        began = time.perf_counter()
        overlay(suspect.seen(()), 640, 480)
        seconds.append(time.perf_counter() - began)
        for way, tiles in _chosen(suspect).items():
            lost[way].append(1 - suspect.lead(tiles) / suspect.lead(()))
    onlooker.end()
    for way, shares in lost.items():
        _say(f"covered by {way:<10} {np.mean(shares):5.0%} of the lead is lost")
    first, middle = seconds[0] * 1e3, np.median(seconds) * 1e3
    _say(f"{len(seconds)} maps: the first {first:.0f} ms, then {middle:.0f} ms (median)")


@dataclass(frozen=True, slots=True)
class Suspect:
    """One suspect and all that its lead is made with."""

    photo: np.ndarray
    found: Lead
    settings: ScoreSettings
    onlooker: Onlooker

    def lead(self, covered: Sequence[int]) -> float:
        """Return by how much the suggested label leads, some tiles covered."""
        return float(sum(each.values.mean() for each in self.seen(covered)))

    def seen(self, covered: Sequence[int]) -> tuple[Cells, ...]:
        photo = _covered(self.photo, covered)
        sides = [NETWORKS[name].input_side_px for name in self.settings.backbones]
        squares = [images.squared(photo, side) for side in sides]
        maps = self.onlooker.maps(self.settings.backbones, self.settings.precision, squares)
        return cells(maps, [CELL_PX / side for side in sides], self.found)


def _suspects(project: Project, onlooker: Onlooker, count: int) -> list[Suspect]:
    """Return the worst ones in which the ridge sees the suggested label, with a clear lead."""
    showcase, settings = Showcase(project.store, project.state), score_settings(project)
    suspects = []
    for item in project.queue():
        case = showcase.case(item.item_id)
        toward, against = case.number(case.suggested), case.number(case.current)
        if toward is None or against is None:
            continue
        found = lead(case.kept, case.testimony, case.place, toward, against)
        photo = images.load(project.path_of(case.item), root=project.root)
        suspect = Suspect(photo, found, settings, onlooker)
        if suspect.lead(()) > 0.1:
            suspects.append(suspect)
        if len(suspects) == count:
            break
    onlooker.end()  # so that the first map is timed with its process
    return suspects


def _chosen(suspect: Suspect) -> dict[str, list[int]]:
    field = spread(suspect.seen(()), 20 * TILES, 20 * TILES)
    marked = field.reshape(TILES, 20, TILES, 20).mean(axis=(1, 3)).ravel()
    mattering = [-suspect.lead([tile]) for tile in range(TILES**2)]
    rng = np.random.default_rng(0)
    return {
        "the map": np.argsort(-marked)[:COVERED].tolist(),
        "occlusion": np.argsort(-np.array(mattering))[:COVERED].tolist(),
        "chance": rng.permutation(TILES**2)[:COVERED].tolist(),
    }


def _covered(photo: np.ndarray, tiles: Sequence[int]) -> np.ndarray:
    covered = photo.copy()
    rows, columns = (np.linspace(0, size, TILES + 1).astype(int) for size in photo.shape[:2])
    for tile in tiles:
        row, column = divmod(tile, TILES)
        part = np.s_[rows[row] : rows[row + 1], columns[column] : columns[column + 1]]
        covered[part] = photo.mean(axis=(0, 1))
    return covered


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
