"""The tables, and how a file name becomes text that any database takes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    DDL,
    JSON,
    BigInteger,
    Boolean,
    Column,
    Computed,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    event,
    false,
    text,
    true,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from cleaner.items import read_name, shown_path, written_path
from cleaner.store import append_only


class Name(TypeDecorator[str]):
    """A relative path or a class name, as `os.fsdecode` gives it.

    Databases refuse the surrogates that stand for bytes that are not UTF-8.
    """

    impl = Text
    cache_ok = True
    python_type = str

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        return None if value is None else written_path(value)

    def process_result_value(self, value: str | None, _dialect: Dialect) -> str | None:
        return None if value is None else read_name(value)


# Halves of pairs that stand for no byte; JSON may hold them, and no encoding takes them.
_LONE_HALF = re.compile("[\ud800-\udc7f\udd00-\udfff]")


class Words(TypeDecorator[str]):
    """Any other text; what a database refuses, NUL and lone surrogates, is kept as an escape."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        return None if value is None else written(value)


def written(words: str) -> str:
    r"""Return a text as `Words` keeps it.

    >>> written("caf\udce9"), written("a\0b"), written("\ud800")
    ('caf\\xe9', 'a\\x00b', '\\ud800')
    """
    shown = _LONE_HALF.sub(lambda found: f"\\u{ord(found[0]):04x}", words)
    return shown_path(shown).replace("\0", "\\x00")


# PostgreSQL has no larger whole number in the columns that number things.
LARGEST_NUMBER = 2**31 - 1

# An image belongs into the folder of its label, or into the quarantine if it is excluded.
# A byte that is not UTF-8 is written //ff, so "a//ff/1.jpg" does not lie in the folder "a".
MISPLACED = """present AND CASE
WHEN quarantined OR status = 'excluded' THEN quarantined <> (status = 'excluded')
ELSE NOT (
    substr(path, 1, length(current_label) + 1) = current_label || '/'
    AND (
        substr(path, length(current_label) + 2, 1) <> '/'
        OR substr(path, length(current_label) + 3, 1) = '/'
    )
) END"""

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
    Column("perceptual_hash", Text, nullable=False),
    # Empty where an earlier version scanned the file; the next scan reads it again.
    Column("looks", Text, nullable=False, server_default=""),
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
    # The decision that gave the status, by its number in the log; NULL while unreviewed.
    Column("decision", Integer),
    # Whether the file lies elsewhere than label and status say, so that an apply is due.
    Column("misplaced", Boolean, Computed(MISPLACED, persisted=True)),
    sqlite_autoincrement=True,
)
Index("items_path", items.c.path)


def _index_where(condition: str, name: str, *columns: Any) -> None:
    """Index only the rows that are asked for; the others cost neither space nor time."""
    # As the queries spell it, or SQLite would not see that the index fits.
    in_sqlite = condition if " " in condition else f"{condition} = 1"
    Index(name, *columns, sqlite_where=text(in_sqlite), postgresql_where=text(condition))


_index_where("queue_position IS NOT NULL", "items_queue", items.c.queue_position)
_index_where("decision IS NOT NULL", "items_decision", items.c.decision)
_index_where("misplaced", "items_misplaced", items.c.item_id)
_index_where("NOT present", "items_gone", items.c.item_id)
# In this order, so that one walk through it counts by status and class, and what became of each.
_index_where("present", "items_counts", items.c.status, items.c.current_label, items.c.given_label)

rounds = Table(
    "rounds",
    metadata,
    Column("round_id", Integer, primary_key=True),
    Column("model_id", Text, nullable=False),
    Column("images", Integer, nullable=False),
    Column("flagged", Integer, nullable=False),
    # What stands of the decisions made in it; brought along with each of them.
    Column("reviewed", Integer, nullable=False, server_default="0"),
    Column("relabelled", Integer, nullable=False, server_default="0"),
    Column("excluded", Integer, nullable=False, server_default="0"),
    Column("accuracy", Float, nullable=False),
    Column("seconds", JSON, nullable=False),
    Column("settings", JSON, nullable=False),
    Column("started_at", String(40), nullable=False),
    Column("closed_at", String(40)),
    # False while its scores are being added: to everybody else it is not there yet.
    Column("ready", Boolean, nullable=False, server_default=true()),
    # How far its models agreed with labels that may train, as `agreement.Own` has it.
    Column("own", JSON, nullable=False, server_default="{}"),
    # What was estimated when the next round began, as `errors_left.Estimate` has it.
    Column("errors_left", JSON),
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
    # Of which kinds the reasons are, as in `selection.REASONS`, a space between them.
    Column("reason_kinds", String(60), nullable=False, server_default=""),
    # Name of a signal -> what it said when the round was opened, but for the self-confidence.
    Column("signals", JSON, nullable=False, server_default="{}"),
)
Index("scores_position", scores.c.round_id, scores.c.position)

# What a round's models said of images that train nothing; never brought up to date.
sealed_predictions = Table(
    "sealed_predictions",
    metadata,
    Column("round_id", ForeignKey("rounds.round_id"), primary_key=True),
    Column("item_id", ForeignKey("items.item_id"), primary_key=True),
    Column("predicted_label", Name, nullable=False),
)

# Of which images lots are drawn: those of one label and one band of suspicion.
strata = Table(
    "strata",
    metadata,
    Column("stratum_id", Integer, primary_key=True, autoincrement=True),
    # The round by whose probabilities they were told apart, before anybody had seen them.
    Column("round_id", ForeignKey("rounds.round_id"), nullable=False),
    # 0 is the most suspect.
    Column("band", Integer, nullable=False),
    Column("label", Name, nullable=False),
    Column("images", Integer, nullable=False),
    sqlite_autoincrement=True,
)

# When each image's turn comes to be looked at blind; drawn once, whatever is decided since.
lots = Table(
    "lots",
    metadata,
    Column("item_id", ForeignKey("items.item_id"), primary_key=True),
    Column("stratum_id", ForeignKey("strata.stratum_id"), nullable=False),
    # The first ones are drawn; all strata alike up to any place, but for their weights.
    Column("place", Float, nullable=False),
)
Index("lots_place", lots.c.place, lots.c.item_id)

decisions = Table(
    "decisions",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("op_id", Words, nullable=False, unique=True),
    Column("item_id", ForeignKey("items.item_id"), nullable=False, index=True),
    Column("action", String(10), nullable=False),
    Column("label_before", Name, nullable=False),
    Column("label_after", Name, nullable=False),
    Column("reviewer", Words, nullable=False, index=True),
    Column("decided_at", String(40), nullable=False),
    Column("round_id", Integer, index=True),
    Column("undoes", Words, unique=True),
    Column("reason", Words),
    sqlite_autoincrement=True,
)


def _only_append(log: Table, keys: Sequence[str]) -> None:
    for database in ("sqlite", "postgresql"):
        for statement in append_only.statements(database, log.name, keys):
            ddl = DDL(statement)  # type: ignore[no-untyped-call]
            event.listen(log, "after_create", ddl.execute_if(dialect=database))


_only_append(decisions, append_only.DECISIONS)

# Images about whose decision somebody else is asked for an opinion of their own.
questions = Table(
    "questions",
    metadata,
    Column("item_id", ForeignKey("items.item_id"), primary_key=True),
    # Its number in the log; once another one stands, the question has lapsed.
    Column("decision", Integer, nullable=False),
    Column("asker", Words, nullable=False),
    Column("asked_at", String(40), nullable=False),
)

# What they say. None of it changes an image; a decision that settles it does.
opinions = Table(
    "opinions",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("op_id", Words, nullable=False, unique=True),
    Column("item_id", ForeignKey("items.item_id"), nullable=False),
    Column("action", String(10), nullable=False),
    Column("label", Name, nullable=False),
    Column("reviewer", Words, nullable=False),
    Column("given_at", String(40), nullable=False),
    Column("decision", Integer, nullable=False, index=True),
    Column("differs", Boolean, nullable=False),
    Column("class_edit", Integer, nullable=False),
    Column("undoes", Words, unique=True),
    sqlite_autoincrement=True,
)
_only_append(opinions, append_only.OPINIONS)

class_edits = Table(
    "class_edits",
    metadata,
    Column("edit_id", Integer, primary_key=True, autoincrement=True),
    Column("kind", String(10), nullable=False),
    Column("name", Name, nullable=False),
    Column("new_name", Name),
    Column("images", Integer, nullable=False),
    Column("reviewer", Words, nullable=False),
    Column("edited_at", String(40), nullable=False),
    # Which decisions and images were there before it, and so may speak of earlier names.
    Column("after_decision", Integer, nullable=False),
    Column("after_item", Integer, nullable=False),
    Column("round_id", Integer),
    Column("undoes", Integer, unique=True),
    sqlite_autoincrement=True,
)
_only_append(class_edits, append_only.CLASS_EDITS)

# Which images somebody's page has in hand, and until when, in seconds since 1970.
leases = Table(
    "leases",
    metadata,
    Column("item_id", ForeignKey("items.item_id"), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("expires_at", Float, nullable=False),
)

# Images that somebody drew a line around, so that an address can name them.
picks = Table(
    "picks",
    metadata,
    Column("pick_id", String(16), primary_key=True),
    Column("item_id", ForeignKey("items.item_id"), primary_key=True),
    Column("made_at", String(40), nullable=False),
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
    Column("detail", Words, nullable=False),
    # Who found it, `scan` or `score`; the next one of the same replaces it.
    Column("found_by", String(10), nullable=False, server_default="scan"),
    # It stands while so many of its images are in the dataset: 2 for a group, 0 if it has none.
    Column("needs", Integer, nullable=False, server_default="0"),
    # Whether a person said that it is fine.
    Column("dismissed", Boolean, nullable=False, server_default=false()),
)
Index("findings_severity", findings.c.severity, findings.c.finding_id)

# Which images a finding is about; files that are no images have no line here.
finding_items = Table(
    "finding_items",
    metadata,
    Column("finding_id", ForeignKey("findings.finding_id"), primary_key=True),
    Column("item_id", ForeignKey("items.item_id"), primary_key=True, index=True),
    # Its place among the paths of the finding.
    Column("place", Integer, nullable=False),
)

# What a person said is fine, by content: it outlives scans, which find anew.
dismissals = Table(
    "dismissals",
    metadata,
    Column("dismissal_id", Integer, primary_key=True, autoincrement=True),
    Column("kind", String(40), nullable=False, index=True),
    Column("contents", JSON, nullable=False),
    Column("reviewer", Words, nullable=False),
    Column("dismissed_at", String(40), nullable=False),
    sqlite_autoincrement=True,
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
    Column("stage", Words, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("message", Words, nullable=False),
    Column("curves", JSON, nullable=False),
    Column("result", JSON),
    Column("error", Words),
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
    Column("folder", Words, nullable=False),
    Column("history", JSON, nullable=False),
    Column("receipt", JSON, nullable=False),
    Column("created_at", String(40), nullable=False),
)
