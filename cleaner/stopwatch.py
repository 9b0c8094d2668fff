"""How fast a .tflite file is and how much memory it takes, in a process of its own.

python -m cleaner.stopwatch FILE SECONDS THREADS

The process loads the runtime and nothing else, so that its memory is what a program takes that
only runs this model, and no other thread is in the way. Photos are random and of the right size:
decoding and resizing are not in these figures.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cleaner import processors
from cleaner.errors import ModelError
from cleaner.items import shown_path

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter

_WARMING_UP = 3
_LEAST_RUNS = 10
_REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Speed:
    """What was measured.

    Attributes:
        latency_p50_ms: one photo on one thread, the median.
        latency_p95_ms: the same, 95 of 100 are done within.
        images_per_second: one photo a thread, on all processors.
        peak_memory_bytes: of the process while one thread was at work, with Python and runtime.
    """

    latency_p50_ms: float
    latency_p95_ms: float
    images_per_second: float
    peak_memory_bytes: int


def timed(path: Path, *, seconds: float = 0.5) -> Speed:
    """Return how fast a file is, measured for twice so many seconds after it was loaded.

    Raises:
        ModelError: the file cannot be run.
    """
    command = [sys.executable, "-m", "cleaner.stopwatch", str(path), str(seconds)]
    done = subprocess.run(
        [*command, str(processors.available())],
        capture_output=True,
        text=True,
        cwd=_REPOSITORY,
        check=False,
    )
    if done.returncode:
        reason = next(iter(done.stderr.strip().splitlines()[::-1]), "no reason given")
        raise ModelError(f"{shown_path(str(path))}: cannot be run to be timed ({reason}).")
    return Speed(**json.loads(done.stdout.splitlines()[-1]))


def main(words: Sequence[str]) -> None:
    """Measure, and print one JSON document."""
    path, seconds, threads = Path(words[0]), float(words[1]), int(words[2])
    flatbuffer = path.read_bytes()
    runs = np.array(_runs(_opened(flatbuffer), seconds))
    peak = _peak_memory_bytes()
    with ThreadPoolExecutor(threads) as pool:
        opened = [_opened(flatbuffer) for _ in range(threads)]
        per_thread = list(pool.map(lambda interpreter: _rate(interpreter, seconds), opened))
    median, slow = np.percentile(1000 * runs, (50, 95))
    speed = Speed(
        latency_p50_ms=float(median),
        latency_p95_ms=float(slow),
        images_per_second=sum(per_thread),
        peak_memory_bytes=peak,
    )
    print(json.dumps(asdict(speed)))  # noqa: T201 - this is how it answers


def _peak_memory_bytes() -> int:
    try:
        # On Linux getrusage begins with what the process took that started this one.
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _opened(flatbuffer: bytes) -> Interpreter:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=flatbuffer, num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


def _rate(interpreter: Any, seconds: float) -> float:
    runs = _runs(interpreter, seconds)
    return len(runs) / sum(runs)


def _runs(interpreter: Any, seconds: float) -> list[float]:
    """Return how many seconds each run took."""
    given = interpreter.get_input_details()[0]
    photo = np.random.default_rng(0).integers(0, 256, given["shape"]).astype(given["dtype"])
    for _ in range(_WARMING_UP):
        interpreter.set_tensor(given["index"], photo)
        interpreter.invoke()
    found: list[float] = []
    began = time.perf_counter()
    while time.perf_counter() - began < seconds or len(found) < _LEAST_RUNS:
        start = time.perf_counter()
        interpreter.set_tensor(given["index"], photo)
        interpreter.invoke()
        found.append(time.perf_counter() - start)
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
