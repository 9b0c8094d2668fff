"""Audits: trouble that shows in the files alone, or once a network has seen them."""

from __future__ import annotations

from collections.abc import Sequence

from cleaner.audits.base import Audit, RoundAudit, Seen
from cleaner.audits.blurry import find_blurry
from cleaner.audits.bright import find_bright
from cleaner.audits.dark import find_dark
from cleaner.audits.duplicates import duplicate_groups, find_duplicates
from cleaner.audits.greyscale import find_greyscale
from cleaner.audits.low_information import find_low_information
from cleaner.audits.odd_size import find_odd_sizes
from cleaner.audits.off_topic import find_off_topic
from cleaner.audits.twins import find_twins
from cleaner.items import Finding, ScannedFile

__all__ = [
    "AUDITS",
    "ROUND_AUDITS",
    "Audit",
    "RoundAudit",
    "Seen",
    "duplicate_groups",
    "run",
    "run_after_round",
]

AUDITS: dict[str, Audit] = {
    "duplicates": find_duplicates,
    "low_information": find_low_information,
    "dark": find_dark,
    "bright": find_bright,
    "blurry": find_blurry,
    "greyscale": find_greyscale,
    "odd_size": find_odd_sizes,
}

ROUND_AUDITS: dict[str, RoundAudit] = {
    "twins": find_twins,
    "off_topic": find_off_topic,
}


def run(files: Sequence[ScannedFile]) -> list[Finding]:
    """Return the findings of every audit, audit by audit."""
    return [finding for audit in AUDITS.values() for finding in audit(files)]


def run_after_round(seen: Seen) -> list[Finding]:
    """Return the findings of every audit that needs features, audit by audit."""
    return [finding for audit in ROUND_AUDITS.values() for finding in audit(seen)]
