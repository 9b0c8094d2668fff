from __future__ import annotations

import io
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from cleaner.backbones.embedded import CELL_PX, NETWORKS, EmbeddedBackbone
from cleaner.errors import BackboneError, NotScored
from cleaner.gaze.activation import Cells, Lead, cells, lead
from cleaner.gaze.looking import look
from cleaner.gaze.onlooker import Onlooker
from cleaner.gaze.overlay import AGAINST_RGB, LONGEST_SIDE_PX, TOWARD_RGB, overlay, spread
from cleaner.learning.inputs import joined
from cleaner.settings import ScoreSettings
from tests.rescoring.rounds import ridge_solved_anew, solved_round

ROUND = solved_round()
# One of a pair and of a triple of duplicates, a sealed one, one like any other.
PLACES = (3, 4, 85, 50)


@pytest.fixture(scope="module")
def onlooker() -> Iterator[Onlooker]:
    onlooker = Onlooker()
    yield onlooker
    onlooker.end()


def _blob(side: int, row: float, column: float) -> np.ndarray:
    """A grey square with something striped in one place, given as shares of the side."""
    rng = np.random.default_rng(0)
    picture = np.full((side, side, 3), 128, np.uint8) + rng.integers(0, 4, (side, side, 1))
    top, left, size = round(row * side), round(column * side), round(0.3 * side)
    stripes = np.arange(size) // 4 % 2 * 255
    picture[top : top + size, left : left + size] = stripes[:, None]
    return picture.astype(np.uint8)


def _png(picture: np.ndarray) -> bytes:
    written = io.BytesIO()
    Image.fromarray(picture).save(written, "PNG")
    return written.getvalue()


# -- the map ---------------------------------------------------------------------------


@pytest.mark.parametrize("place", PLACES)
def test_the_lead_is_that_of_a_ridge_taught_without_the_image_and_its_duplicates(
    place: int,
) -> None:
    testimony = ROUND.kept.testimony
    assert testimony is not None
    examples = ROUND.examples
    found = lead(ROUND.kept, testimony, place, toward=1, against=2)
    predictions = ridge_solved_anew(ROUND, examples.labels, ~examples.sealed)[place]
    inputs = joined(examples.view_features).rows[place]
    # The constant says which class is larger; no place in the picture does.
    taught_constant = _constant(place)
    told = inputs[:-1] @ found.weights + taught_constant
    assert told == pytest.approx(predictions[1] - predictions[2], abs=1e-4)


def _constant(place: int) -> float:
    """What the constant input adds to the lead: a zero input in place of the features."""
    testimony = ROUND.kept.testimony
    assert testimony is not None
    swapped = np.zeros_like(testimony.basis)
    swapped[0] = testimony.basis[-1]
    alone = lead(ROUND.kept, replace(testimony, basis=swapped), place, toward=1, against=2)
    return float(alone.weights[0])


def test_the_cells_of_a_map_add_up_to_the_lead() -> None:
    rng = np.random.default_rng(0)
    maps = [
        np.maximum(rng.normal(size=(7, 7, 12)), 0).astype(np.float32),
        np.maximum(rng.normal(size=(9, 9, 8)), 0).astype(np.float32),
    ]
    means = np.abs(rng.normal(size=20)).astype(np.float32)
    found = Lead(rng.normal(size=20).astype(np.float32), means)
    features = [each.mean(axis=(0, 1))[None, None] for each in maps]
    rows = []
    for each, mean in zip(features, np.split(means, [12]), strict=True):
        centred = np.sqrt(each[0, 0]) - mean
        rows.append(centred / np.linalg.norm(centred) / 2**0.5)
    added = sum(each.values.mean() for each in cells(maps, [0.14, 0.12], found))
    assert added == pytest.approx(np.concatenate(rows) @ found.weights, abs=1e-4)


def test_other_networks_than_those_of_the_round_are_refused() -> None:
    found = Lead(np.zeros(20, np.float32), np.zeros(20, np.float32))
    with pytest.raises(NotScored, match="21 features"):
        cells([np.zeros((7, 7, 21), np.float32)], [0.1], found)


@pytest.mark.parametrize(
    ("row", "column"), [(0.05, 0.05), (0.05, 0.65), (0.65, 0.05), (0.35, 0.35)]
)
def test_where_one_place_decides_the_class_the_map_is_highest_there(
    onlooker: Onlooker, row: float, column: float
) -> None:
    settings = ScoreSettings(backbones=("efficientnet_lite2", "efficientnet_lite0"))
    found = _taught_stripes(settings)
    field = spread(look(_png(_blob(240, row, column)), settings, found, onlooker), 100, 100)
    highest = np.array(np.unravel_index(field.argmax(), field.shape)) / 100
    middle = np.array([row, column]) + 0.15
    assert np.abs(highest - middle).max() <= 0.15  # within the striped place
    inside = np.zeros((100, 100), bool)
    top, left = round(100 * row), round(100 * column)
    inside[top : top + 30, left : left + 30] = True
    assert field[inside].mean() > 5 * abs(field[~inside].mean())


def _taught_stripes(settings: ScoreSettings) -> Lead:
    """Tell pictures with a striped place from plain ones by the difference of their means."""
    places = [(0.05, 0.35), (0.35, 0.05), (0.35, 0.65), (0.65, 0.35), (0.2, 0.2), (0.65, 0.65)]
    weights, means = [], []
    for name in settings.backbones:
        side = NETWORKS[name].input_side_px
        extractor = EmbeddedBackbone(name, settings.precision).extractor()
        striped = np.sqrt(extractor(np.stack([_blob(side, *place) for place in places])))
        plain = np.sqrt(extractor(np.full((1, side, side, 3), 128, np.uint8)))
        means.append((striped.mean(axis=0) + plain[0]) / 2)
        weights.append(striped.mean(axis=0) - plain[0])
    return Lead(np.concatenate(weights), np.concatenate(means))


# -- the picture -----------------------------------------------------------------------


def test_the_picture_has_the_photos_proportions_and_two_colours() -> None:
    values = np.zeros((7, 7), np.float32)
    values[1, 1], values[5, 5] = 1, -1
    with Image.open(io.BytesIO(overlay([Cells(values, CELL_PX / 224)], 1600, 400))) as drawn:
        assert drawn.size == (LONGEST_SIDE_PX, LONGEST_SIDE_PX // 4)
        pixels = np.asarray(drawn)
    columns, rows = drawn.size
    assert tuple(pixels[round(rows * 1.5 / 7), round(columns * 1.5 / 7), :3]) == TOWARD_RGB
    assert tuple(pixels[round(rows * 5.5 / 7), round(columns * 5.5 / 7), :3]) == AGAINST_RGB
    assert pixels[rows // 2, 0, 3] == 0


@pytest.mark.parametrize(("width", "height"), [(1, 1), (5000, 3), (3, 5000)])
def test_odd_proportions_and_an_empty_map_are_drawn(width: int, height: int) -> None:
    drawn = overlay([Cells(np.zeros((9, 9), np.float32), 0.12)], width, height)
    with Image.open(io.BytesIO(drawn)) as picture:
        assert max(picture.size) <= LONGEST_SIDE_PX
        assert min(picture.size) >= 1


# -- the process -----------------------------------------------------------------------


@pytest.mark.parametrize("precision", ["float32", "int8"])
@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_the_mean_of_the_map_is_the_features(onlooker: Onlooker, name: str, precision: str) -> None:
    side = NETWORKS[name].input_side_px
    picture = _blob(side, 0.3, 0.3)
    (found,) = onlooker.maps([name], precision, [picture])
    features = EmbeddedBackbone(name, precision).extractor()(picture[None])[0]
    assert found.shape[0] >= 7
    np.testing.assert_allclose(found.mean(axis=(0, 1)), features, atol=0.02 * features.max())


def test_a_process_that_was_killed_is_followed_by_another(onlooker: Onlooker) -> None:
    picture = _blob(224, 0.3, 0.3)
    onlooker.maps(["efficientnet_lite0"], "int8", [picture])
    first = onlooker.pid
    onlooker.end()
    onlooker.maps(["efficientnet_lite0"], "int8", [picture])
    assert onlooker.pid not in (first, None)


def test_a_process_that_nobody_asks_ends() -> None:
    onlooker = Onlooker(idle_seconds=0.05)
    onlooker.maps(["efficientnet_lite0"], "int8", [_blob(224, 0.3, 0.3)])
    deadline = time.monotonic() + 120
    while onlooker.pid is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert onlooker.pid is None


def test_weights_that_are_not_there_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEANER_WEIGHTS", "/nowhere")
    onlooker = Onlooker()
    with pytest.raises(BackboneError, match="/nowhere"):
        onlooker.maps(["efficientnet_lite0"], "int8", [_blob(224, 0.3, 0.3)])
    onlooker.end()


def test_a_round_of_other_networks_shows_no_map(onlooker: Onlooker) -> None:
    found = Lead(np.zeros(20, np.float32), np.zeros(20, np.float32))
    with pytest.raises(BackboneError, match="ResNet50"):
        look(b"", ScoreSettings(backbones=("ResNet50",)), found, onlooker)
