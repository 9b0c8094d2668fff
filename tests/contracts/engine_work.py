"""Work that engines are tried with. Its workers import this file alone, and no TensorFlow."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cleaner.engines import Tick
from cleaner.errors import ModelError

_PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class Squares:
    """Squares numbers, and notes on the disk that it did."""

    folder: Path
    refused: int = -1

    def open(self) -> Callable[[list[int], Tick], list[int]]:
        def step(chunk: list[int], tick: Tick) -> list[int]:
            if self.refused in chunk:
                raise ModelError(f"{self.refused} is not to be squared.")
            for number in chunk:
                (self.folder / str(number)).touch()
                tick()
            return [number**2 for number in chunk]

        return step


@dataclass(frozen=True)
class Broken:
    """Has a flaw."""

    def open(self) -> Callable[[list[int], Tick], list[int]]:
        def step(_chunk: list[int], _tick: Tick) -> list[int]:
            raise LookupError("a flaw")

        return step


@dataclass(frozen=True)
class Cards:
    """Answers which graphics cards a worker may see, once so many workers are there."""

    folder: Path
    uses_gpu: bool
    workers: int

    def open(self) -> Callable[[list[int], Tick], str]:
        (self.folder / str(os.getpid())).touch()
        return self._step

    def _step(self, _chunk: list[int], _tick: Tick) -> str:
        until = time.monotonic() + _PATIENCE_SECONDS
        while len(list(self.folder.iterdir())) < self.workers and time.monotonic() < until:
            time.sleep(0.01)
        return os.environ["CUDA_VISIBLE_DEVICES"]
