from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cleaner.cache import PieceCache, RowCache, append_pieces


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
