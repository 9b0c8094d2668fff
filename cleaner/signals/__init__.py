"""Signals: what makes a label suspect, each as a quality from 0 to 1."""

from __future__ import annotations

from cleaner.signals.base import Signal
from cleaner.signals.committee_disagreement import committee_disagreement
from cleaner.signals.normalized_margin import normalized_margin
from cleaner.signals.self_confidence import self_confidence
from cleaner.signals.view_disagreement import view_disagreement

SIGNALS: dict[str, Signal] = {
    "self_confidence": self_confidence,
    "normalized_margin": normalized_margin,
    "committee_disagreement": committee_disagreement,
    "view_disagreement": view_disagreement,
}

__all__ = ["SIGNALS", "Signal"]
