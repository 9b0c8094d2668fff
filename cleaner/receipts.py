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


def unknown_in_words(unknown: dict[str, Any]) -> str:
    """Return the sentence about when a model answers "unknown", and how often that is wrong.

    >>> shares = {"false_rejections": 0.04, "caught": 0.8, "caught_of": 50}
    >>> unknown_in_words({"threshold": 0.61, **shares})
    'below 61%; that turns away 4.0% of known images and 80.0% of 50 unknown ones'
    >>> unknown_in_words({"threshold": None})
    'never: there are too few validation images to choose a threshold'
    """
    if unknown["threshold"] is None:
        return "never: there are too few validation images to choose a threshold"
    words = f"below {unknown['threshold']:.0%}"
    if unknown["false_rejections"] is None:
        return f"{words}; not measured: there are no test images"
    words += f"; that turns away {unknown['false_rejections']:.1%} of known images"
    if unknown["caught"] is None:
        return words
    return f"{words} and {unknown['caught']:.1%} of {unknown['caught_of']} unknown ones"
