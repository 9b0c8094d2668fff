"""The classes of ImageNet, in the order in which networks that were trained on it answer."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cleaner.errors import WeightsUnavailable

FILE_NAME = "imagenet_classes.txt"
COUNT = 1000


@dataclass(frozen=True, slots=True)
class Category:
    """One class: its WordNet number, such as ``n01440764``, and what it is called."""

    synset: str
    names: tuple[str, ...]


def read(folder: Path) -> tuple[Category, ...]:
    """Return the classes from the file in the folder of the weights.

    Raises:
        WeightsUnavailable: the file is not there, or not whole.
    """
    path = folder / FILE_NAME
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise WeightsUnavailable(
            f"{path}: cannot be read ({type(error).__name__}). Set CLEANER_WEIGHTS to the folder "
            "data/weights of a complete copy."
        ) from error
    if len(lines) != COUNT:
        raise WeightsUnavailable(
            f"{path}: {len(lines)} lines, not {COUNT}. Copy data/weights anew."
        )
    parts = (line.partition(" ") for line in lines)
    return tuple(Category(synset, tuple(names.split(", "))) for synset, _, names in parts)


def labels(categories: Sequence[Category]) -> list[str]:
    """Return one name a class; two that are called alike get their numbers.

    >>> crane = ("crane",)
    >>> labels([Category("n02012849", crane), Category("n03126707", crane), Category("n0", ("a",))])
    ['crane (n02012849)', 'crane (n03126707)', 'a']
    """
    first = Counter(category.names[0] for category in categories)
    return [
        f"{category.names[0]} ({category.synset})"
        if first[category.names[0]] > 1
        else category.names[0]
        for category in categories
    ]


class Index:
    """Finds classes by any of their names or by number, in the singular or the plural."""

    def __init__(self, categories: Sequence[Category]) -> None:
        self._places: dict[str, set[int]] = defaultdict(set)
        for place, category in enumerate(categories):
            for name in (category.synset, *category.names):
                self._places[_folded(name)].add(place)

    def find(self, class_name: str) -> frozenset[int]:
        """Return the places of the classes that are called so; none where there is none.

        >>> index = Index([Category("n03445777", ("golf ball",)), Category("n0", ("Loafer",))])
        >>> [sorted(index.find(name)) for name in ("golf_balls", "N03445777", "loafer", "hat")]
        [[0], [0], [1], []]
        """
        folded = _folded(class_name)
        singular = folded.removesuffix("s")
        return frozenset(self._places.get(folded, ()) or self._places.get(singular, ()))


def _folded(name: str) -> str:
    return " ".join(name.replace("_", " ").replace("-", " ").casefold().split())
