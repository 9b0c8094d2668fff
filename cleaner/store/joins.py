"""A join whose tables SQLite takes in turn, as they are written."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Join
from sqlalchemy.ext.compiler import compiles


class InTurn(Join):
    """Goes through the table on the left, and looks each row up in the one on the right.

    SQLite does not know how many rows a round has, takes them for a few, and would start with
    them wherever it may. PostgreSQL knows, and finds the better way itself.
    """

    inherit_cache = True
    __visit_name__ = "join_in_turn"


@compiles(InTurn)
def _join(join: InTurn, compiler: Any, **options: Any) -> str:
    words: str = compiler.visit_join(join, **options)
    return words


@compiles(InTurn, "sqlite")
def _cross_join(join: InTurn, compiler: Any, **options: Any) -> str:
    left, right = (
        compiler.process(table, **options | {"asfrom": True}) for table in (join.left, join.right)
    )
    on = compiler.process(join.onclause, **options | {"asfrom": False})
    return f"{left} CROSS JOIN {right} ON {on}"
