from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cleaner.cache import PieceCache, RowCache, append_pieces
from cleaner.errors import CacheDamaged
from tests.damage import damage_rows


def _rows(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, 8)).astype(np.float32)


def test_rows_come_back_in_the_order_asked_for(tmp_path: Path) -> None:
    cache = RowCache(tmp_path / "plain")
    cache.add(["a", "b"], _rows(2, seed=1))
    cache.add(["c"], _rows(1, seed=2))
    expected = np.stack([_rows(1, seed=2)[0], _rows(2, seed=1)[0]])
    again = RowCache(tmp_path / "plain")
    np.testing.assert_allclose(again.rows(["c", "a"]), expected, atol=1e-3)
    assert "b" in again
    assert "d" not in again


def test_a_damaged_shard_is_forgotten_not_trusted(tmp_path: Path) -> None:
    RowCache(tmp_path).add(["a"], _rows(1))
    shard = next(tmp_path.glob("*.npz"))
    shard.write_bytes(shard.read_bytes()[:-30])
    assert "a" not in RowCache(tmp_path)


def test_rows_in_which_any_byte_has_changed_are_missing_or_sound(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    RowCache(tmp_path).add(["a", "b"], _rows(2))
    (shard,) = tmp_path.glob("*.npz")
    data, sound = shard.read_bytes(), RowCache(tmp_path).rows(["a", "b"])
    found_late = 0
    for place in range(0, len(data), 5):
        shard.write_bytes(data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])
        cache = RowCache(tmp_path)
        if "a" not in cache or "b" not in cache:
            continue
        try:
            np.testing.assert_array_equal(cache.rows(["b", "a"]), sound[::-1])
        except CacheDamaged:
            found_late += 1
            assert "a" not in cache
            assert not shard.exists()
    assert found_late > 5
    assert f"{shard.name} is damaged" in caplog.text


def test_rows_that_are_damaged_are_computed_anew(tmp_path: Path) -> None:
    cache = RowCache(tmp_path)
    for number, name in enumerate("abc"):
        cache.add([name], _rows(1, seed=number))
    sound = cache.rows(list("abc"))
    for place in (0, 2):
        damage_rows(cache._where["abc"[place]][0])

    def compute() -> None:
        assert "b" in cache
        cache.add(["a"], _rows(1, seed=0))
        cache.add(["c"], _rows(1, seed=2))

    np.testing.assert_array_equal(cache.rows_or(list("abc"), compute), sound)


def test_what_a_kill_left_half_written_is_not_read(tmp_path: Path) -> None:
    RowCache(tmp_path).add(["a"], _rows(1))
    (tmp_path / "0123.part").write_bytes(b"half")
    assert "a" in RowCache(tmp_path)


def test_asking_for_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        RowCache(tmp_path).rows(["a"])


def test_a_piece_in_which_any_byte_has_changed_is_missing_or_sound(tmp_path: Path) -> None:
    pieces = {"a": b"the first piece", "b": b"another"}
    append_pieces(tmp_path, pieces)
    (shard,) = tmp_path.glob("*.npz")
    sound = shard.read_bytes()
    missing = 0
    for place in range(0, len(sound), 3):
        shard.write_bytes(sound[:place] + bytes([sound[place] ^ 0x55]) + sound[place + 1 :])
        cache = PieceCache(tmp_path)
        assert all(cache[key] == piece for key, piece in pieces.items() if key in cache)
        missing += "a" not in cache
    assert missing > len(sound) / 6
