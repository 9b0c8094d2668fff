"""How the classes themselves were changed, and what a name of earlier is called now.

A decision says the name that a class had when it was made, and so does the label that an image
came with; neither is ever rewritten. What they mean now follows from the edits since.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cleaner.items import shown_path

Kind = Literal["add", "rename", "merge", "undo"]


@dataclass(frozen=True, slots=True)
class ClassEdit:
    """One entry of the append-only log of edits.

    Attributes:
        edit_id: counts from 1.
        kind: what was done; ``undo`` takes back the edit named by `undoes`.
        name: the class that was added, renamed or merged into another.
        new_name: what it is called now, or the class it went into; None for one that was added.
        images: how many got another current label by it.
        reviewer: a name, or ``""``.
        edited_at: UTC, ISO 8601.
        after_decision: the number of the latest decision until then, or 0.
        after_item: the number of the latest image until then, or 0.
        round_id: the latest round until then, or None.
        undoes: the edit_id that is taken back, or None.
    """

    edit_id: int
    kind: Kind
    name: str
    new_name: str | None
    images: int
    reviewer: str
    edited_at: str
    after_decision: int
    after_item: int
    round_id: int | None
    undoes: int | None = None

    def __str__(self) -> str:
        """Say what was done, in words."""
        name, new = shown_path(self.name), shown_path(self.new_name or "")
        return {
            "add": f"{name} added",
            "rename": f"{name} renamed to {new}",
            "merge": f"{name} merged into {new}",
            "undo": "taken back",
        }[self.kind]


@dataclass(frozen=True, slots=True)
class _Step:
    """From one name to another, for what was labelled before."""

    old: str
    new: str
    edit: ClassEdit


class Lineage:
    """What became of the names of classes.

    Attributes:
        edits: all of them, the first one first.
        standing: those that were not taken back.
        added: classes that are there also without a folder.
        retired: names of earlier, whose folders are no classes once they are empty.
    """

    def __init__(self, edits: Sequence[ClassEdit]) -> None:
        self.edits = tuple(edits)
        by_id = {edit.edit_id: edit for edit in edits}
        undone = {edit.undoes for edit in edits if edit.undoes is not None}
        self.standing = tuple(
            edit for edit in edits if edit.kind != "undo" and edit.edit_id not in undone
        )
        self._steps: list[_Step] = []
        self.added: set[str] = set()
        self.retired: set[str] = set()
        for edit in edits:
            if edit.undoes is None:
                self._follow(edit, is_undone=edit.edit_id in undone)
            else:
                self._take_back(by_id[edit.undoes], edit)

    def _follow(self, edit: ClassEdit, *, is_undone: bool) -> None:
        self._change(edit.name, edit.new_name, retires=edit.kind == "rename")
        # A merge that was taken back has changed no name. A renaming did for a while.
        if edit.new_name is not None and not (edit.kind == "merge" and is_undone):
            self._steps.append(_Step(edit.name, edit.new_name, edit))

    def _take_back(self, edit: ClassEdit, undo: ClassEdit) -> None:
        if edit.kind == "add":
            self.added.discard(edit.name)
            self.retired.add(edit.name)
            return
        self.added.add(edit.name)
        self.retired.discard(edit.name)
        if edit.kind == "rename" and edit.new_name is not None:
            self.added.discard(edit.new_name)
            self.retired.add(edit.new_name)
            self._steps.append(_Step(edit.new_name, edit.name, undo))

    def _change(self, name: str, new_name: str | None, *, retires: bool) -> None:
        if new_name is None:
            self.added.add(name)
            self.retired.discard(name)
            return
        self.added.discard(name)
        self.retired.add(name)
        if retires:
            self.added.add(new_name)
            self.retired.discard(new_name)

    def of_decision(self, label: str, sequence: int) -> str:
        """Return what the class is called now that a decision of this number named."""
        for step in self._steps:
            if step.old == label and sequence <= step.edit.after_decision:
                label = step.new
        return label

    def of_item(self, given_label: str, item_id: int) -> str:
        """Return what the class is called now that an image came with."""
        for step in self._steps:
            if step.old == given_label and item_id <= step.edit.after_item:
                given_label = step.new
        return given_label

    def since_round(self, label: str, round_id: int | None) -> str:
        """Return what a class is called now that the latest round, of this number, suggests."""
        for step in self._steps:
            if step.old == label and step.edit.round_id == round_id:
                label = step.new
        return label

    def from_round(self, label: str, round_id: int) -> str:
        """Return what a class is called now that a round, of this number, named."""
        for step in self._steps:
            if step.old == label and (step.edit.round_id or 0) >= round_id:
                label = step.new
        return label

    def names_since_round(self, round_id: int | None) -> dict[str, str]:
        """Return all names that the latest round, of this number, has for classes called otherwise.

        Each stands for what the class is called now.
        """
        old = [step.old for step in self._steps if step.edit.round_id == round_id]
        now = {name: self.since_round(name, round_id) for name in old}
        return {name: new for name, new in now.items() if new != name}

    def since_edit(self, label: str, edit_id: int) -> str:
        """Return what a class is called now that had this name right behind an edit."""
        for step in self._steps:
            if step.old == label and step.edit.edit_id > edit_id:
                label = step.new
        return label

    def now(self, name: str) -> str:
        """Return what somebody means who does not know of the latest edits yet."""
        named = [at for at, step in enumerate(self._steps) if step.old == name]
        for step in self._steps[named[-1] :] if named else ():
            if step.old == name:
                name = step.new
        return name
