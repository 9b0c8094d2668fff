"""Edits of classes, decisions, undos, applies and scans, in any order.

The model knows classes by identity: a decision is about a class, whatever it is called. What the
project says in names must be the same at every moment.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cleaner import classes
from cleaner.errors import ClassRefused
from cleaner.project import Project
from cleaner.recording import Request
from tests.pictures import write_dataset

_NAMES = st.sampled_from(["ant", "bee", "cod", "doe"])
_ITEMS = st.integers(1, 4)


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.project = Project(write_dataset(self.folder / "set", {"ant": 2, "bee": 2}))
        self.project.scan()
        items = self.project.dataset().items
        self.given = {item.item_id: item.given_label for item in items}
        self.names = {"ant": "ant", "bee": "bee"}  # identity -> name
        self.merged: dict[str, str] = {}
        self.decided: list[tuple[int, str | None]] = []  # item, class or None if it gives none
        self.edits: list[tuple[str, str, str]] = []
        self.next = 0

    def teardown(self) -> None:
        self.project.store.close()
        shutil.rmtree(self.folder)

    def _called(self, name: str) -> str | None:
        found = [one for one, other in self.names.items() if other == name]
        return next((one for one in found if one not in self.merged), None)

    def _label(self, item_id: int) -> str:
        given = [one for item, one in self.decided if item == item_id and one is not None]
        found = given[-1] if given else self.given[item_id]
        while found in self.merged:
            found = self.merged[found]
        return self.names[found]

    @rule(name=_NAMES)
    def add(self, name: str) -> None:
        is_free = self._called(name) is None
        try:
            classes.add(self.project, name)
        except ClassRefused:
            assert not is_free
            return
        self.next += 1
        self.names[f"new {self.next}"] = name
        self.edits.append(("add", f"new {self.next}", ""))

    @rule(old=_NAMES, new=_NAMES)
    def rename(self, old: str, new: str) -> None:
        found = self._called(old)
        try:
            classes.rename(self.project, old, new)
        except ClassRefused:
            return  # a folder that was not applied yet may lie in the way, too
        assert found is not None
        self.edits.append(("rename", found, old))
        self.names[found] = new

    @rule(one=_NAMES, into=_NAMES)
    def merge(self, one: str, into: str) -> None:
        found, other = self._called(one), self._called(into)
        try:
            classes.merge(self.project, one, into)
        except ClassRefused:
            assert found is None or other is None or found == other
            return
        assert found is not None
        assert other is not None
        self.merged[found] = other
        self.edits.append(("merge", found, ""))

    @rule()
    def take_edit_back(self) -> None:
        try:
            classes.undo(self.project)
        except ClassRefused:
            assert not self.edits or self.edits[-1][0] == "add"
            return
        kind, found, old = self.edits.pop()
        if kind == "add":
            del self.names[found]
        elif kind == "rename":
            self.names[found] = old
        else:
            del self.merged[found]

    @rule(item_id=_ITEMS, name=_NAMES)
    def move(self, item_id: int, name: str) -> None:
        found = self._called(name)
        if found is not None:
            assert not self.project.decide([Request(item_id, "move", name)]).rejected
            self.decided.append((item_id, found))

    @rule(item_id=_ITEMS)
    def accept(self, item_id: int) -> None:
        found = self._called(self._label(item_id))
        self.project.decide([Request(item_id, "accept")])
        self.decided.append((item_id, found))

    @rule(item_id=_ITEMS)
    def exclude(self, item_id: int) -> None:
        self.project.decide([Request(item_id, "exclude")])
        self.decided.append((item_id, None))

    @rule()
    def undo_decision(self) -> None:
        if self.decided:
            self.project.undo()
            self.decided.pop()

    @rule()
    def apply(self) -> None:
        assert self.project.apply().problems == ()
        for item in self.project.dataset().items:
            assert item.quarantined or item.path.startswith(f"{item.current_label}/")

    @rule()
    def scan(self) -> None:
        try:
            before = len(self.project.history())
            self.project.scan()
            assert len(self.project.history()) == before
        except Exception as error:
            if "no image" not in str(error) and "no class" not in str(error):
                raise

    @invariant()
    def labels_are_those_of_the_model(self) -> None:
        items = self.project.dataset().items
        assert {item.item_id: item.current_label for item in items} == {
            item_id: self._label(item_id) for item_id in self.given
        }
        assert {item.item_id: item.given_label for item in items} == self.given

    @invariant()
    def classes_are_those_of_the_model(self) -> None:
        known = {name for one, name in self.names.items() if one not in self.merged}
        assert set(self.project.class_names()) >= known


def test_class_edits_and_decisions_go_together_in_any_order() -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        Machine, settings=settings(max_examples=12, stateful_step_count=20, deadline=None)
    )
