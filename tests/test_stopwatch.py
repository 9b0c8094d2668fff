"""The stopwatch measures a file alone, in a process that loads no more than the runtime."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cleaner import stopwatch
from cleaner.backbones.embedded import weights_folder
from cleaner.errors import ModelError


def test_a_file_has_a_speed_and_takes_memory() -> None:
    file = weights_folder() / "mobilenet_v2_1.0_224.int8.tflite"
    found = stopwatch.timed(file, seconds=0.05)
    assert 0 < found.latency_p50_ms <= found.latency_p95_ms
    assert found.images_per_second > 0
    assert file.stat().st_size < found.peak_memory_bytes < 2**30


def test_what_cannot_be_run_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "broken.tflite").write_bytes(b"\x1c\0\0\0TFL3 and nothing more")
    with pytest.raises(ModelError, match="cannot be run to be timed") as caught:
        stopwatch.timed(tmp_path / "broken.tflite", seconds=0.05)
    assert "\n" not in str(caught.value)


def test_the_process_loads_no_tensorflow() -> None:
    program = (
        "import sys, cleaner.stopwatch\n"
        "print([name for name in ('tensorflow', 'keras', 'sqlalchemy') if name in sys.modules])"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == "[]"
