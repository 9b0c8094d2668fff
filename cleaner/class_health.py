"""What the latest round found about the classes, kept until the next one and read as of now."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Connection

from cleaner import health
from cleaner.class_edits import Lineage
from cleaner.health import TRAITS, Concern, Trait
from cleaner.items import Item, read_name, shown_path, written_name
from cleaner.project import Project
from cleaner.store import catalogue, class_edits, rounds

_FACT = "class_traits"
# From here on, changed labels say that two classes are often taken for each other.
LEAST_MOVED = 5
LEAST_SHARE_MOVED = 0.02


@dataclass(frozen=True, slots=True)
class ClassHealth:
    """How the classes are.

    Attributes:
        concerns: about their sizes.
        traits: what the latest round found, and pairs that people's decisions are about; under
            the names of now.
        images: number -> image, of those that traits show and that are still in the dataset.
        moved: how many images people moved between two classes, names in order.
    """

    concerns: tuple[Concern, ...]
    traits: tuple[Trait, ...]
    images: Mapping[int, Item]
    moved: Mapping[tuple[str, str], int]


def keep(connection: Connection, traits: Sequence[Trait], round_id: int) -> None:
    """Keep the traits that a round found in place of those before."""
    found = [asdict(trait) | {"class_names": _written(trait)} for trait in traits]
    document = json.dumps({"round": round_id, "traits": found})
    catalogue.set_facts(connection, {_FACT: document})


def _written(trait: Trait) -> list[str]:
    return [written_name(name) for name in trait.class_names]


def read(project: Project) -> ClassHealth:
    """Return how the classes are now."""
    with project.store.read() as connection:
        kept = json.loads(catalogue.fact(connection, _FACT) or '{"round": null, "traits": []}')
        lineage, latest = class_edits.lineage(connection), rounds.latest(connection)
        flow = catalogue.label_flow(connection)
        names = catalogue.class_names(connection)
        found = [_trait(one, lineage, latest) for one in kept["traits"]]
        numbers = {number for trait in found for group in trait.images for number in group}
        shown = catalogue.some_items(connection, sorted(numbers))
    sizes = dict.fromkeys(names, 0) | _sizes(flow)
    moved = _moved(flow, lineage)
    traits = [trait for trait in found if _still_holds(trait, names)]
    return ClassHealth(
        tuple(health.concerns(sizes, {})),
        (*traits, *_by_decision(moved, sizes, traits)),
        {item.item_id: item for item in shown if item.status != "excluded"},
        moved,
    )


def _trait(kept: dict[str, Any], lineage: Lineage, latest: int | None) -> Trait:
    names = (lineage.since_round(read_name(name), latest) for name in kept["class_names"])
    return Trait(
        kept["kind"],
        tuple(names),
        kept["detail"],
        kept["figures"],
        tuple(tuple(group) for group in kept["images"]),
        tuple(kept["captions"]),
    )


def _still_holds(trait: Trait, names: Sequence[str]) -> bool:
    """Tell whether its classes are still there, each by itself, and this version knows its kind."""
    there = [name for name in set(trait.class_names) if name in names]
    return trait.kind in TRAITS and len(there) == len(trait.class_names)


def _sizes(flow: health.LabelFlow) -> dict[str, int]:
    sizes: Counter[str] = Counter()
    for (_given, current, status), images in flow.items():
        if status != "excluded":
            sizes[current] += images
    return dict(sizes)


def _moved(flow: health.LabelFlow, lineage: Lineage) -> dict[tuple[str, str], int]:
    """Return how many images people moved between two classes, as these are called now."""
    counted: Counter[tuple[str, str]] = Counter()
    for (given, current, status), images in flow.items():
        first, second = sorted((lineage.now(given), current))
        if status == "moved" and first != second:
            counted[first, second] += images
    return dict(counted)


def _by_decision(
    moved: Mapping[tuple[str, str], int], sizes: Mapping[str, int], known: Sequence[Trait]
) -> list[Trait]:
    """Return pairs that people moved images between, which the round did not name itself."""
    named = {tuple(sorted(one.class_names)) for one in known if one.kind == "confusable"}
    ranked = sorted(moved.items(), key=lambda entry: (-entry[1], entry[0]))
    return [
        Trait("confusable", pair, "People moved images from one to the other.", {"moved": images})
        for pair, images in ranked
        if pair not in named
        and images >= LEAST_MOVED
        and images >= LEAST_SHARE_MOVED * sum(sizes.get(name, 0) for name in pair)
    ]


def headline(trait: Trait) -> str:
    """Return what a trait says, in a line, with names as they may be shown.

    >>> headline(Trait("merge", ("cat", "kitten"), "", {}))
    'cat and kitten cannot be told apart'
    """
    names = " and ".join(shown_path(name) for name in trait.class_names)
    return f"{names} {TRAITS[trait.kind]}"


def with_moved(trait: Trait, moved: Mapping[tuple[str, str], int]) -> Trait:
    """Return a trait of two classes with how many images people moved between them."""
    pair = tuple(sorted(trait.class_names))
    images = moved.get(pair, 0) if len(pair) == 2 else 0
    if not images:
        return trait
    verb = "was" if images == 1 else "were"
    words = f"{trait.detail} {images:,} {verb} moved between them so far."
    return replace(trait, detail=words, figures={**trait.figures, "moved": images})


def as_json(found: ClassHealth) -> list[dict[str, Any]]:
    """Return all of it as the command line promises it, plain values only."""
    sizes = [
        {"kind": one.what.replace(" ", "_"), "detail": one.detail, "count": one.count}
        for one in found.concerns
    ]
    return sizes + [_trait_as_json(with_moved(one, found.moved), found) for one in found.traits]


def _trait_as_json(trait: Trait, found: ClassHealth) -> dict[str, Any]:
    shown = [
        [shown_path(found.images[number].path) for number in group if number in found.images]
        for group in trait.images
    ]
    return {
        "kind": trait.kind,
        "classes": [shown_path(name) for name in trait.class_names],
        "says": headline(trait),
        "detail": trait.detail,
        "figures": dict(trait.figures),
        "images": [
            {"shows": caption, "paths": paths}
            for caption, paths in zip(trait.captions, shown, strict=True)
        ],
    }
