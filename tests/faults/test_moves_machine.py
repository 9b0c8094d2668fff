"""Decisions, moves, crashes, recoveries and other people's files, in any order."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from cleaner.moves import checkpoints
from tests.faults.moving import SHARED_MEMORY, Bench, Crash, CrashAt, lacks

PHOTOS = {
    "x/a.jpg": b"1",
    "x/b.jpg": b"2",
    "x/twin.jpg": b"twin",
    "y/A.jpg": b"3",
    "y/twin.jpg": b"twin",
    "z/sub/a.jpg": b"4",
}
NUMBERS = st.integers(0, len(PHOTOS) - 1)
LABELS = st.sampled_from("xyz")
NAMES = st.sampled_from(["a.jpg", "A~2.jpg", "twin.jpg", "sub/a.jpg"])
CRASHES = st.none() | st.integers(1, 60)


class Moving(RuleBasedStateMachine):
    """The model is small: each image is somewhere once, and other people's files stay."""

    def __init__(self) -> None:
        super().__init__()
        memory = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
        self.folder = Path(tempfile.mkdtemp(dir=memory))
        self.bench = Bench(self.folder)
        self.bench.add(PHOTOS)
        self.given = self.bench.tree()
        self.others: dict[str, bytes] = {}
        self.is_crashed = False
        self.patches = pytest.MonkeyPatch()

    def teardown(self) -> None:
        self.patches.undo()
        self.bench.store.close()
        shutil.rmtree(self.folder)

    @initialize(mode=st.sampled_from(["rename", "claim", "copy"]))
    def choose_a_file_system(self, mode: str) -> None:
        for where, name, refusal in lacks(mode):
            self.patches.setattr(where, name, refusal)

    @rule(number=NUMBERS, label=LABELS)
    def relabel(self, number: int, label: str) -> None:
        self.bench.decide(self.bench.items()[number], "move", label)

    @rule(number=NUMBERS)
    def exclude(self, number: int) -> None:
        self.bench.decide(self.bench.items()[number], "exclude")

    @rule(number=NUMBERS)
    def accept(self, number: int) -> None:
        self.bench.decide(self.bench.items()[number], "accept")

    @rule(label=LABELS, name=NAMES, is_twin=st.booleans())
    def intrude(self, label: str, name: str, is_twin: bool) -> None:
        path = f"{label}/{name}"
        if path not in self.bench.files():
            # After a crash nobody could tell an equal file from the image itself.
            is_equal = is_twin and not self.is_crashed
            self.others[path] = b"twin" if is_equal else f"other {len(self.others)}".encode()
            self.bench.write(path, self.others[path])

    @rule(crash=CRASHES)
    def apply(self, crash: int | None) -> None:
        was_crashed = self.is_crashed
        if self._survives(crash, self.bench.apply) and not was_crashed:
            self.bench.check_applied()

    @precondition(lambda self: self.is_crashed)
    @rule(crash=CRASHES)
    def recover(self, crash: int | None) -> None:
        self._survives(crash, self.bench.recover)

    @precondition(lambda self: not self.is_crashed)
    @rule()
    def undo_everything(self) -> None:
        self.bench.undecide()
        self.bench.apply()
        self.bench.check_applied()
        if not self.others:
            assert self.bench.tree() == self.given

    def _survives(self, crash: int | None, act: object) -> bool:
        checkpoints.on_reach = CrashAt(crash) if crash else None
        try:
            act()  # type: ignore[operator]
        except Crash:
            self.is_crashed = True
            return False
        finally:
            checkpoints.on_reach = None
        self.is_crashed = False
        assert self.bench.unsettled() == []
        return True

    @invariant()
    def no_image_is_lost(self) -> None:
        there = Counter(facts[0] for facts in self.bench.tree().values())
        contents = [*PHOTOS.values(), *self.others.values()]
        assert there >= Counter(hashlib.sha256(content).hexdigest() for content in contents)

    @invariant()
    def other_files_stay(self) -> None:
        for path, content in self.others.items():
            assert (self.bench.places.dataset / path).read_bytes() == content

    @invariant()
    def each_image_is_where_the_catalogue_says(self) -> None:
        if not self.is_crashed:
            self.bench.check_sound(besides=self.others)


def test_any_order_of_events_keeps_every_image_once() -> None:
    run_state_machine_as_test(
        Moving,
        settings=settings(
            max_examples=25,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            database=None,
        ),
    )
