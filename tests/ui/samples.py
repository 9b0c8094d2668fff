"""A small dataset with a round that was made up, for tests of the page."""

from __future__ import annotations

import colorsys
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from cleaner import maps
from cleaner.items import Item, shown_path
from cleaner.jobs import now
from cleaner.maps import Map
from cleaner.project import Project
from cleaner.settings import ScoreSettings
from cleaner.store import rounds

CLASS_NAMES = ("circle", "square", "star", "triangle")


def make_images(
    root: Path, *, class_names: Sequence[str] = CLASS_NAMES, each: int = 6, side_px: int = 240
) -> Path:
    """Write `each` pictures into every class folder; no two are alike."""
    for name in class_names:
        (root / name).mkdir(parents=True)
        for number in range(each):
            picture = _picture(f"{name} {number}", side_px)
            picture.save(root / name / f"{number:03d}.jpg", quality=88)
    return root


def _picture(seed: str, side_px: int) -> Image.Image:
    chance = zlib.crc32(seed.encode(errors="surrogateescape"))
    hue = (chance % 360) / 360
    back = tuple(int(255 * part) for part in colorsys.hls_to_rgb(hue, 0.85, 0.5))
    front = tuple(int(255 * part) for part in colorsys.hls_to_rgb((hue + 0.5) % 1, 0.4, 0.7))
    picture = Image.new("RGB", (side_px * 4 // 3, side_px), back)
    draw = ImageDraw.Draw(picture)
    radius = side_px // 5 + chance // 360 % (side_px // 5)
    centre = (side_px // 2 + chance // 7 % (side_px // 3), side_px // 2)
    draw.regular_polygon((*centre, radius), 3 + chance // 11 % 6, rotation=chance % 90, fill=front)
    for line in range(8):
        start = (chance >> line) % side_px
        draw.line((start, 0, side_px - start, side_px), fill=front, width=1 + line % 3)
    draw.text((8, 8), shown_path(seed), fill="black")
    return picture


def open_round(project: Project, *, flagged: int | None = None) -> int:
    """Rank all images in the order of their numbers, suggesting the next class to each."""
    names = project.class_names()
    items = project.dataset().items
    most = len(items) if flagged is None else flagged
    ranking = [_score(item, position, names, most) for position, item in enumerate(items)]
    values = {
        "model_id": "made-up",
        "images": len(items),
        "flagged": min(most, len(items)),
        "accuracy": 0.8125,
        "seconds": {"features": 6.0, "training": 1.5, "total": 7.5},
        "settings": ScoreSettings().as_json(),
        "started_at": now(),
    }
    with project.store.write() as connection:
        return rounds.open_round(connection, values, ranking)


def place_on_map(project: Project) -> None:
    """Keep a map on which the images stand in a grid, in the order of their numbers."""
    numbers = np.array([item.item_id for item in project.dataset().items], np.int64)
    steps = np.linspace(-1, 1, int(np.ceil(len(numbers) ** 0.5)))
    grid = np.array([(x, y) for y in steps for x in steps][: len(numbers)])
    opening = (project.rounds()[-1].round_id, project.rounds()[-1].started_at)
    maps.keep(project, Map(numbers, grid.astype(np.float16), len(numbers), *opening, "made up"))


def _score(item: Item, position: int, names: Sequence[str], flagged: int) -> dict[str, object]:
    suggested = names[(names.index(item.current_label) + 1) % len(names)]
    return {
        "item_id": item.item_id,
        "position": position,
        "suggested_label": suggested,
        "self_confidence": 0.04 + 0.01 * (position % 9),
        "suggested_confidence": 0.93 - 0.01 * (position % 9),
        "label_quality": position / 1000,
        "flagged": position < flagged,
        "reasons": ["The prediction disagrees with the label.", "All views agree with each other."],
    }


def filled_project(folder: Path, *, each: int = 6, flagged: int | None = None) -> Project:
    """Return a scanned project of made-up pictures with one open round."""
    project = Project(make_images(folder / "shapes", each=each))
    project.scan()
    open_round(project, flagged=flagged)
    return project
