"""What is the matter with a dataset beyond single labels, and which class became which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from cleaner.items import Status, shown_path
from cleaner.unknowns import is_unknown

# Fewer make a weak class: its accuracy is learnt, and measured, on a handful of images.
FEW_IMAGES = 100
# From here on a model is tempted to prefer the large class whatever it sees.
MUCH_LARGER = 10
_NAMED = 3
_SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Trait:
    """What a round found about a class as a whole, or about two.

    Attributes:
        kind: one of `TRAITS`.
        class_names: one or two.
        detail: one or two sentences, without what `class_names` are called.
        figures: the numbers behind it, by name.
        images: numbers of images that show it, group by group.
        captions: what each group shows.
    """

    kind: str
    class_names: tuple[str, ...]
    detail: str
    figures: Mapping[str, int | float]
    images: tuple[tuple[int, ...], ...] = ()
    captions: tuple[str, ...] = ()


# The kinds of traits, and what each says of the classes.
TRAITS: dict[str, str] = {
    "border": "is told apart by its border alone",
    "colour": "is told apart by its colours alone",
    "merge": "cannot be told apart",
    "confusable": "are often taken for each other",
    "split": "holds two kinds of images",
}


LabelFlow = Mapping[tuple[str, str, Status], int]
EXCLUDED = "(excluded)"


@dataclass(frozen=True, slots=True)
class Concern:
    """Something to know about the dataset.

    Attributes:
        severity: ``error``, ``warning`` or ``info``.
        what: in a word or two.
        count: how many files, images or classes it is about.
        detail: one sentence, with names as they are shown.
    """

    severity: Literal["error", "warning", "info"]
    what: str
    count: int
    detail: str


def concerns(
    class_sizes: Mapping[str, int], finding_kinds: Mapping[tuple[str, str], int]
) -> list[Concern]:
    """Return what is the matter, the most severe first.

    Args:
        class_sizes: images of each class now.
        finding_kinds: how many findings of each (kind, severity) the last scan made.
    """
    found = [_of_kind(kind, severity, n) for (kind, severity), n in finding_kinds.items()]
    # A folder for what belongs to no class is no class, however few or many lie in it.
    known = {name: size for name, size in class_sizes.items() if not is_unknown(name)}
    found += [*_small(known), *_uneven(known)]
    return sorted(found, key=lambda one: (_SEVERITIES.index(one.severity), -one.count))


def _of_kind(kind: str, severity: str, count: int) -> Concern:
    known = severity if severity in _SEVERITIES else "info"
    words = kind.replace("_", " ")
    return Concern(known, words, count, _DETAILS.get(kind, "See the findings below."))  # type: ignore[arg-type]


_DETAILS = {
    "unreadable": "No image could be made of these files, so they are not part of the dataset.",
    "skipped": "These files are no images.",
    "exact_duplicate": "The same picture twice; copies are kept on one side of each split.",
    "near_duplicate": "Almost the same picture; they are kept on one side of each split.",
    "odd_size": "Unlike the other images in size or shape.",
    "changed": "The file was replaced after its label was decided.",
    "bad_row": "These rows of the manifest name no image with a label.",
    "listed_twice": "Several rows of the manifest name the image; the first one counts.",
    "renamed_class": "The manifest has the name that these classes had before.",
    "unreached": "A server did not answer the last scan; these stay as the one before found them.",
    "empty_class": "A class folder without images.",
}


def _small(class_sizes: Mapping[str, int]) -> list[Concern]:
    small = sorted((size, name) for name, size in class_sizes.items() if size < FEW_IMAGES)
    if not small:
        return []
    named = ", ".join(f"{shown_path(name)} ({size})" for size, name in small[:_NAMED])
    more = f" and {len(small) - _NAMED:,} more" if len(small) > _NAMED else ""
    detail = f"Fewer than {FEW_IMAGES} images: {named}{more}."
    return [Concern("warning", "small classes", len(small), detail)]


def _uneven(class_sizes: Mapping[str, int]) -> list[Concern]:
    sizes = sorted((size, name) for name, size in class_sizes.items() if size)
    if not sizes or sizes[-1][0] < MUCH_LARGER * sizes[0][0]:
        return []
    (least, small), (most, large) = sizes[0], sizes[-1]
    detail = (
        f"{shown_path(large)} has {most / least:,.0f} times the images of {shown_path(small)} "
        f"({most:,} and {least:,})."
    )
    return [Concern("warning", "uneven classes", 2, detail)]


def before_and_now(flow: LabelFlow, class_names: tuple[str, ...]) -> dict[str, tuple[int, int]]:
    """Return for each class how many images came with its label, and how many have it now.

    What was excluded counts before alone. The largest class comes first.
    """
    before: Counter[str] = Counter()
    now: Counter[str] = Counter()
    for (given, current, status), images in flow.items():
        before[given] += images
        if status != "excluded":
            now[current] += images
    names = {*class_names, *before, *now}
    ranked = sorted(names, key=lambda name: (-max(before[name], now[name]), name))
    return {name: (before[name], now[name]) for name in ranked}


def became(flow: LabelFlow) -> dict[tuple[str, str], int]:
    """Return how many images were changed from each given label to each current one.

    Those taken out count as `EXCLUDED`; what was kept is left out.
    """
    changed: Counter[tuple[str, str]] = Counter()
    for (given, current, status), images in flow.items():
        target = EXCLUDED if status == "excluded" else current
        if target != given:
            changed[given, target] += images
    return dict(changed)
