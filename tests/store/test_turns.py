from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cleaner.store import turns
from cleaner.store.turns import turn

_PROJECT = Path(__file__).resolve().parent.parent.parent
_HOLD = """
import sys, time
from pathlib import Path
from cleaner.store.turns import turn

print("asks", flush=True)
with turn(Path(sys.argv[1])):
    print("holds", flush=True)
    time.sleep(240)
"""


def _holder(path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _HOLD, str(path)]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_PROJECT)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "asks\n"
    return holder


def _kill(holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.communicate()


def _in_the_background(action: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=action, daemon=True)
    thread.start()
    return thread


def test_those_who_wait_are_served_in_their_order(tmp_path: Path) -> None:
    served: list[int] = []

    def serve(number: int) -> None:
        with turn(tmp_path / "lock"):
            served.append(number)

    with turn(tmp_path / "lock"):
        waiting = []
        for number in range(8):
            waiting.append(_in_the_background(lambda number=number: serve(number)))  # type: ignore[misc]
            time.sleep(0.05)
        assert served == []
    for thread in waiting:
        thread.join(120)
    assert served == list(range(8))


@pytest.mark.parametrize("has_numbers", [True, False])
def test_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_numbers: bool) -> None:
    monkeypatch.setattr(turns, "_HAS_NUMBERS", has_numbers and turns._HAS_NUMBERS)
    inside: list[int] = []
    most: list[int] = []

    def enter() -> None:
        for _ in range(20):
            with turn(tmp_path / "lock"):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [_in_the_background(enter) for _ in range(6)]
    for thread in threads:
        thread.join(120)
    assert (len(most), max(most)) == (120, 1)


def test_a_holder_that_is_killed_gives_its_turn_back(tmp_path: Path) -> None:
    holder = _holder(tmp_path / "lock")
    assert holder.stdout is not None
    assert holder.stdout.readline() == "holds\n"
    _kill(holder)
    with turn(tmp_path / "lock"):
        pass


def test_one_that_is_killed_while_it_waits_holds_nobody_up(tmp_path: Path) -> None:
    with turn(tmp_path / "lock"):
        waiter = _holder(tmp_path / "lock")
        time.sleep(0.2)  # until it has its number
        _kill(waiter)
    with turn(tmp_path / "lock"):
        pass
