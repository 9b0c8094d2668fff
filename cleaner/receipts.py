"""What a model's receipt says, in words."""

from __future__ import annotations

from typing import Any


def gain_in_words(cleaning: dict[str, Any]) -> str:
    """Return the sentence about what cleaning brought.

    >>> gain_in_words({"gain": 0.07, "gain_interval": [0.031, 0.112], "accuracy_before": 0.8})
    '+7.0 points over the labels as given, 80.0%  (95% interval +3.1 to +11.2)'
    >>> gain_in_words({"gain": None})
    'not measured: there are no test images'
    """
    if cleaning["gain"] is None:
        return "not measured: there are no test images"
    low, high = cleaning["gain_interval"]
    return (
        f"{100 * cleaning['gain']:+.1f} points over the labels as given, "
        f"{cleaning['accuracy_before']:.1%}  (95% interval {100 * low:+.1f} to {100 * high:+.1f})"
    )
