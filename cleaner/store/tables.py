"""The tables, and how a file name becomes text that any database takes."""

from __future__ import annotations

import re

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")
_WRITTEN_BYTE = re.compile("//([89a-f][0-9a-f])")


class Name(TypeDecorator[str]):
    """A relative path or a class name, as `os.fsdecode` gives it.

    Databases refuse the surrogates that stand for bytes that are not UTF-8. Such a byte is
    written ``//ff``; no relative path holds two slashes in a row, so nothing is ambiguous.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        return None if value is None else _ESCAPED_BYTE.sub(_write_byte, value)

    def process_result_value(self, value: str | None, _dialect: Dialect) -> str | None:
        return None if value is None else _WRITTEN_BYTE.sub(_read_byte, value)


def _write_byte(found: re.Match[str]) -> str:
    return f"//{ord(found[0]) - 0xDC00:02x}"


def _read_byte(found: re.Match[str]) -> str:
    return chr(0xDC00 + int(found[1], 16))


metadata = MetaData()

facts = Table(
    "facts",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)

classes = Table(
    "classes",
    metadata,
    Column("name", Name, primary_key=True),
    Column("position", Integer, nullable=False),
)

items = Table(
    "items",
    metadata,
    Column("item_id", Integer, primary_key=True, autoincrement=True),
    Column("path", Name, nullable=False),
    Column("given_label", Name, nullable=False),
    Column("current_label", Name, nullable=False),
    Column("content_hash", String(64), nullable=False, index=True),
    Column("perceptual_hash", String(64), nullable=False),
    Column("group_id", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("byte_size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("split", String(10), nullable=False),
    Column("status", String(10), nullable=False),
    Column("quarantined", Boolean, nullable=False),
    # False once a scan no longer finds the file; the row keeps its decisions.
    Column("present", Boolean, nullable=False),
    # The rank in the open round while a decision is awaited, else NULL: the queue's page
    # is one range of this index instead of a join against every decision.
    Column("queue_position", Integer),
    sqlite_autoincrement=True,
)
Index("items_queue", items.c.queue_position)
Index("items_path", items.c.path)

rounds = Table(
    "rounds",
    metadata,
    Column("round_id", Integer, primary_key=True),
    Column("model_id", Text, nullable=False),
    Column("images", Integer, nullable=False),
    Column("flagged", Integer, nullable=False),
    Column("accuracy", Float, nullable=False),
    Column("seconds", JSON, nullable=False),
    Column("settings", JSON, nullable=False),
    Column("started_at", String(40), nullable=False),
    Column("closed_at", String(40)),
)

scores = Table(
    "scores",
    metadata,
    Column("round_id", ForeignKey("rounds.round_id"), primary_key=True),
    Column("item_id", ForeignKey("items.item_id"), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("suggested_label", Name, nullable=False),
    Column("self_confidence", Float, nullable=False),
    Column("suggested_confidence", Float, nullable=False),
    Column("label_quality", Float, nullable=False),
    Column("flagged", Boolean, nullable=False),
    Column("reasons", JSON, nullable=False),
)
Index("scores_position", scores.c.round_id, scores.c.position)

decisions = Table(
    "decisions",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("op_id", String(64), nullable=False, unique=True),
    Column("item_id", ForeignKey("items.item_id"), nullable=False, index=True),
    Column("action", String(10), nullable=False),
    Column("label_before", Name, nullable=False),
    Column("label_after", Name, nullable=False),
    Column("reviewer", Text, nullable=False),
    Column("decided_at", String(40), nullable=False),
    Column("round_id", Integer, index=True),
    Column("undoes", String(64), unique=True),
    sqlite_autoincrement=True,
)

moves = Table(
    "moves",
    metadata,
    Column("move_id", Integer, primary_key=True, autoincrement=True),
    Column("item_id", ForeignKey("items.item_id"), nullable=False, index=True),
    Column("source", Name, nullable=False),
    Column("destination", Name, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("state", String(10), nullable=False, index=True),
    sqlite_autoincrement=True,
)

findings = Table(
    "findings",
    metadata,
    Column("finding_id", Integer, primary_key=True, autoincrement=True),
    Column("kind", String(40), nullable=False, index=True),
    Column("paths", JSON, nullable=False),
    Column("severity", String(10), nullable=False),
    Column("detail", Text, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", Integer, primary_key=True, autoincrement=True),
    Column("kind", String(20), nullable=False),
    Column("settings", JSON, nullable=False),
    Column("state", String(10), nullable=False),
    Column("cancel_requested", Boolean, nullable=False),
    Column("pid", Integer),
    Column("stage", Text, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("message", Text, nullable=False),
    Column("curves", JSON, nullable=False),
    Column("result", JSON),
    Column("error", Text),
    Column("created_at", String(40), nullable=False),
    Column("stage_started_at", String(40)),
    Column("updated_at", String(40)),
    Column("finished_at", String(40)),
    sqlite_autoincrement=True,
)
# The database itself refuses a second active job, whoever asks for it.
_ACTIVE = text("state IN ('waiting', 'running')")
Index(
    "jobs_one_active",
    text("(1)"),
    unique=True,
    sqlite_where=_ACTIVE,
    postgresql_where=_ACTIVE,
    _table=jobs,
)

models = Table(
    "models",
    metadata,
    Column("model_id", String(64), primary_key=True),
    Column("architecture", Text, nullable=False),
    Column("class_names", JSON, nullable=False),
    Column("folder", Text, nullable=False),
    Column("history", JSON, nullable=False),
    Column("receipt", JSON, nullable=False),
    Column("created_at", String(40), nullable=False),
)
