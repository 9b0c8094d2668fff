"""What is remembered between runs: one database a dataset.

`Store` opens it and hands out transactions; every other file holds the statements of one
concept, as functions over an open connection, so that several of them can share one
transaction:

    with store.write() as connection:
        decisions.record(connection, [decision])
"""

from __future__ import annotations

from cleaner.store.engine import Store

__all__ = ["Store"]
