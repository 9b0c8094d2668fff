"""The measurements of the review run, and what they watch for holds."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent.parent


@pytest.mark.usefixtures("uncounted")
def test_every_key_arrives_once_and_is_timed() -> None:
    if not (os.environ.get("CHROMIUM") or shutil.which("chromium")):
        pytest.skip("No Chromium found; name one in the environment variable CHROMIUM.")
    # A process of its own: one can hold only one Playwright.
    command = [
        sys.executable,
        "-m",
        "benchmarks.review",
        "--quick",
        "--only",
        "keys,grid,kill,tab,names",
    ]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.search(r"key to next image, .*\| median \d+\.\d ms, 95% within", done.stdout)
    assert len(re.findall(r"96 decisions for 96 images \|", done.stdout)) == 2
    assert len(re.findall("0 lost, 0 doubled, 0 about another image", done.stdout)) == 2
    assert "| 0 of " in done.stdout
