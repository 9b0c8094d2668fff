"""The long run is `python -m benchmarks.fuzz_images`; a short one is part of every test run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
COUNT = int(os.environ.get("CLEANER_FUZZ_COUNT", "300"))


@pytest.mark.timeout(600 + COUNT)
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is read on Linux")
def test_broken_pictures_are_read_or_refused_within_time_and_memory() -> None:
    command = [
        sys.executable,
        "-m",
        "benchmarks.fuzz_images",
        "--count",
        str(COUNT),
        "--seed",
        "20",
    ]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    outcomes = dict(line.split()[:2] for line in done.stdout.splitlines()[:2])
    assert int(outcomes["read"].replace(",", "")) > COUNT / 10
