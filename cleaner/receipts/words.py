"""What a model's receipt says, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any


def names_of(receipt: dict[str, Any]) -> dict[str, str]:
    """Return what each model is called, by its id: its network, unless several are of that one.

    >>> twins = [{"model_id": f"a-{n}", "architecture": "a"} for n in (1, 2)]
    >>> names_of({"models": [*twins, {"model_id": "b-1", "architecture": "b"}]})
    {'a-1': 'a-1', 'a-2': 'a-2', 'b-1': 'b'}
    """
    counts = Counter(model["architecture"] for model in receipt["models"])
    return {
        model["model_id"]: model[
            "architecture" if counts[model["architecture"]] == 1 else "model_id"
        ]
        for model in receipt["models"]
    }


def told_of_each(receipt: dict[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return titles, and under each the sentences about the models that it concerns.

    Receipts that were kept by an earlier version have fewer of them.
    """
    names = names_of(receipt)
    found = [
        (
            title,
            [(names[one["model_id"]], say(one[key])) for one in receipt["models"] if one.get(key)],
        )
        for title, key, say in (
            ("What cleaning brought", "cleaning", gain_in_words),
            ("Beside the model it began from", "joined", joined_in_words),
            ("When to answer unknown", "unknown", unknown_in_words),
        )
    ]
    return [(title, sentences) for title, sentences in found if sentences]


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


def joined_in_words(joined: dict[str, Any]) -> str:
    """Return the sentence about what a model that began from another one says otherwise.

    >>> counts = {"old_images": 200, "old_changed": 3, "old_right_before": 190, "old_right": 189}
    >>> shares = {"old_changed_share": 0.015, "old_changed_interval": [0.005, 0.043]}
    >>> new = {"sunflower": {"images": 20, "right": 19}}
    >>> joined_in_words({"new_classes": new, **counts, **shares})
    'sunflower: 19 of 20 right; 1.5% (0.5% to 4.3%) of 200 answers on old classes changed: 94.5% \
right, 95.0% before'
    >>> joined_in_words({"new_classes": {}, "old_images": 0})
    'no test image is of a class that it knew before'
    """
    new = [
        f"{name}: {n['right']} of {n['images']} right" for name, n in joined["new_classes"].items()
    ]
    images = joined["old_images"]
    if not images:
        return "; ".join([*new, "no test image is of a class that it knew before"])
    old = (
        f"{share(joined['old_changed_share'])} ({interval(joined['old_changed_interval'])}) of "
        f"{images:,} answers on old classes changed: {share(joined['old_right'] / images)} right, "
        f"{share(joined['old_right_before'] / images)} before"
    )
    return "; ".join([*new, old])


def share(value: int | float | None) -> str:
    """Return a share of 1 as people read it.

    >>> share(0.9833), share(None)
    ('98.3%', 'not known')
    """
    return "not known" if value is None else f"{value:.1%}"


def interval(values: Sequence[int | float]) -> str:
    """Return the two ends of a share's interval.

    >>> interval([0.9, 0.95])
    '90.0% to 95.0%'
    """
    low, high = values
    return f"{low:.1%} to {high:.1%}"


def points(difference: int | float, ends: Sequence[int | float] | None = None) -> str:
    """Return a difference of two shares in points, with its interval where there is one.

    >>> points(-0.0067, [-0.021, 0.0075])
    '-0.7 (-2.1 to +0.8)'
    """
    words = f"{100 * difference:+.1f}"
    if ends is None:
        return words
    low, high = ends
    return f"{words} ({100 * low:+.1f} to {100 * high:+.1f})"


def size(size_bytes: int | float) -> str:
    """Return a number of bytes in the unit that fits.

    >>> size(930_000), size(9_043_212), size(84e6)
    ('930 KB', '9.0 MB', '84 MB')
    """
    if size_bytes < 1e6:
        return f"{size_bytes / 1e3:.0f} KB"
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes < 2e7 else f"{size_bytes / 1e6:.0f} MB"


def count(number: int | float | None) -> str:
    """Return a large number in millions.

    >>> count(299_507_072), count(13_600_000), count(None)
    ('300 M', '13.6 M', 'not known')
    """
    if number is None:
        return "not known"
    return f"{number / 1e6:.1f} M" if number < 1e8 else f"{number / 1e6:.0f} M"


def rate(per_second: int | float | None) -> str:
    """Return how many a second.

    >>> rate(4.321), rate(1520.4)
    ('4.3', '1,520')
    """
    if per_second is None:
        return "not known"
    return f"{per_second:.1f}" if per_second < 100 else f"{per_second:,.0f}"


def times(factor: int | float) -> str:
    """Return how many times as much.

    >>> times(2.43), times(31.2)
    ('2.4 x', '31 x')
    """
    return f"{factor:.1f} x" if factor < 10 else f"{factor:.0f} x"


def machine_in_words(machine: dict[str, Any]) -> str:
    """Return what the speeds were measured on."""
    threads = machine["threads"]
    return (
        f"{machine['processor']}, {threads} thread{'s' if threads != 1 else ''}, "
        f"{machine['system']}, {machine['runtime']}"
    )
