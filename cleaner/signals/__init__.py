"""Signals: what makes a label suspect, each as a quality from 0 to 1."""

from __future__ import annotations

from cleaner.signals.balanced_confidence import balanced_confidence
from cleaner.signals.base import Signal
from cleaner.signals.committee_disagreement import committee_disagreement
from cleaner.signals.entropy import entropy
from cleaner.signals.label_posterior import label_posterior
from cleaner.signals.neighbours import neighbours
from cleaner.signals.normalized_margin import normalized_margin
from cleaner.signals.self_confidence import self_confidence
from cleaner.signals.view_disagreement import view_disagreement

SIGNALS: dict[str, Signal] = {
    "self_confidence": self_confidence,
    "balanced_confidence": balanced_confidence,
    "normalized_margin": normalized_margin,
    "label_posterior": label_posterior,
    "entropy": entropy,
    "committee_disagreement": committee_disagreement,
    "view_disagreement": view_disagreement,
    "neighbours": neighbours,
}

__all__ = ["SIGNALS", "Signal"]
