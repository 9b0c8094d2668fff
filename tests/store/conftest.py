from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cleaner.store import Store

OpenStore = Callable[[], Store]


@pytest.fixture
def open_store(tmp_path: Path, store_url: str | None) -> Iterator[OpenStore]:
    """Open one and the same database, each time anew."""
    opened: list[Store] = []

    def again() -> Store:
        opened.append(Store(store_url or tmp_path / "cleaner.sqlite"))
        return opened[-1]

    yield again
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: OpenStore) -> Store:
    return open_store()
