"""How far a long task is, told to whoever started it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

# A curve of this name is no curve: at each step it has the number of what was being trained.
PHASE = "phase"
PHASES = ("last layer", "fine-tuning")


@dataclass(frozen=True, slots=True)
class Progress:
    """One report.

    Attributes:
        stage: what is being done, in words; a new stage starts the clock anew.
        done: of `total`, in this stage.
        total: 0 where nobody knows.
        message: one more line, such as the last loss.
        curves: numbers to append to named plots.
    """

    stage: str
    done: int = 0
    total: int = 0
    message: str = ""
    curves: Mapping[str, float] = field(default_factory=dict)


# May raise JobCancelled: a task calls it often and leaves its files whole when it does.
Report = Callable[[Progress], None]


def silent(_progress: Progress) -> None:
    """Tell nobody."""
