"""Lanes of the page Audits: which findings are looked at together, and what they are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cleaner.items import Item, shown_path
from cleaner.lanes import GROUPS, Proposal
from cleaner.store.findings import SEVERITIES, KindCount
from cleaner.ui.log_words import counted

_CLASSES_NAMED = 3


@dataclass(frozen=True, slots=True)
class Lane:
    """Findings that are looked at together.

    Attributes:
        kind: as in `Finding`.
        severity: only those of this one, or None for all.
        findings: open ones.
        dismissed: those that a person said are fine.
    """

    kind: str
    severity: str | None
    findings: int
    dismissed: int

    @property
    def name(self) -> str:
        """A short name that tells lanes apart."""
        return self.kind if self.severity is None else f"{self.kind}-{self.severity}"

    @property
    def title(self) -> str:
        """What it is called."""
        known = _WORDS.get((self.kind, self.severity))
        return self.kind.replace("_", " ").capitalize() if known is None else known[0]

    @property
    def about(self) -> str:
        """One or two sentences on what is found there, or "" where nothing is to be said."""
        return _WORDS.get((self.kind, self.severity), ("", ""))[1]

    @property
    def is_of_groups(self) -> bool:
        """Whether each finding is a group of copies."""
        return self.kind in GROUPS


_KEEP = "Of each group the image framed in green would stay."
_LEAK = f"One picture in several splits flatters what is measured there. {_KEEP}"
_SEVERAL = f"One picture under several labels, so at least one is wrong. {_KEEP}"
_WORDS: dict[tuple[str, str | None], tuple[str, str]] = {
    ("split_leak", None): ("Leaks between splits", _LEAK),
    ("exact_duplicate", "warning"): ("Copies across classes", _SEVERAL),
    ("near_duplicate", "warning"): ("Near copies across classes", _SEVERAL),
    ("exact_duplicate", "info"): ("Copies within a class", f"The same file twice. {_KEEP}"),
    ("near_duplicate", "info"): (
        "Near copies within a class",
        f"The same picture, scaled, cropped, mirrored or lit otherwise. {_KEEP}",
    ),
    ("unreadable", None): (
        "Unreadable files",
        "No image could be made of these files, so they are not part of the dataset.",
    ),
    ("skipped", None): ("Files that are no images", "They lie among the images and are left out."),
    ("outside_class", None): (
        "Files outside of the classes",
        "They lie in no class folder, so they have no label.",
    ),
    ("empty_class", None): ("Empty classes", "Class folders without an image."),
    ("bad_row", None): (
        "Rows that name no image",
        "Rows of the manifest without uri or label; they stay as they are in a new one.",
    ),
    ("listed_twice", None): (
        "Listed twice",
        "Several rows of the manifest name the image; what is decided holds for them all.",
    ),
    ("renamed_class", None): (
        "Classes under an earlier name",
        "The manifest has the name from before they were renamed here or became part of another.",
    ),
    ("unreached", None): (
        "Not reached",
        "Their server did not answer the last scan, so they stay as the one before found them.",
    ),
    ("changed", None): (
        "Replaced files",
        "The file was replaced after its label was decided; the new picture is not reviewed.",
    ),
    ("dark", None): ("Dark", "Far darker than is usual here."),
    ("bright", None): ("Bright", "Far brighter than is usual here: hardly anything shows."),
    ("blurry", None): ("Blurry", "No edge is sharp, unlike in the other images."),
    ("low_information", None): (
        "Next to empty",
        "Nearly one tone: a blank, a placeholder, a line of text.",
    ),
    ("odd_size", None): ("Odd sizes", "Tiny among large images, or a long strip."),
    ("off_topic", None): (
        "Off the topic",
        "Unlike the images of every class. Some are only rare sights: look before you exclude.",
    ),
    ("greyscale", None): ("Grey among coloured", "Without colour, where nearly all have some."),
}
# Copies under one label and under several are two questions; of other kinds severity is none.
_APART = ("exact_duplicate", "near_duplicate")


def lanes_of(counts: Sequence[KindCount]) -> list[Lane]:
    """Return the lanes that hold anything, the gravest first, then in the order of `_WORDS`."""
    gravest: dict[str, int] = {}
    found: dict[str, Lane] = {}
    for one in counts:
        severity = one.severity if one.kind in _APART else None
        lane = Lane(one.kind, severity, one.findings, one.dismissed)
        before = found.get(lane.name, replace(lane, findings=0, dismissed=0))
        found[lane.name] = replace(
            lane,
            findings=before.findings + lane.findings,
            dismissed=before.dismissed + lane.dismissed,
        )
        rank = SEVERITIES.index(one.severity)
        gravest[lane.name] = min(gravest.get(lane.name, rank), rank)
    known = list(_WORDS)

    def place(lane: Lane) -> tuple[int, int]:
        key = (lane.kind, lane.severity)
        return gravest[lane.name], known.index(key) if key in known else len(known)

    return sorted(found.values(), key=place)


def caption(item: Item) -> str:
    """Return label, size and split of an image in a line."""
    return f"{shown_path(item.current_label)} · {item.width} x {item.height} · {item.split}"


def proposal_sentence(proposal: Proposal) -> str:
    """Return what an action would do, with its numbers."""
    kept, excluded = proposal.kept, proposal.excluded
    sentences = [f"Excludes {counted(len(excluded), 'image')}{_by_class(excluded)}."]
    if kept:
        sentences.insert(0, f"Keeps {counted(len(kept), 'image')}, one of each group.")
    if proposal.left:
        verb = "is" if proposal.left == 1 else "are"
        sentences.append(
            f"{counted(proposal.left, 'group')} {verb} left alone: the labels disagree and none "
            "prevails."
        )
    sentences.append(
        "Files move with the next round, or a new manifest is written; until then nothing changes."
    )
    return " ".join(sentences)


def _by_class(images: Sequence[Item]) -> str:
    counts = Counter(shown_path(item.current_label) for item in images)
    if len(counts) < 2:
        return ""
    named = ", ".join(f"{number:,} {name}" for name, number in counts.most_common(_CLASSES_NAMED))
    more = len(counts) - _CLASSES_NAMED
    return f" ({named}{f', and of {more:,} other classes' if more > 0 else ''})"
