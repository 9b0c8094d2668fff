"""ImageNet and five classes more: how well the new ones are known, how many old answers change.

    python -m benchmarks.extend CLOTHING OLD

CLOTHING is a folder of class folders, of which `CLASSES` are the new ones: pieces of clothing under
names that ImageNet does not have. OLD is a folder of photos of things that ImageNet knows; they
train nothing. The seconds are those of the command, on this machine as it is.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from cleaner.images import is_candidate

CLASSES = ("dress", "hat", "pants", "shoes", "shorts")
IMAGES_A_CLASS = 250


def main() -> None:
    """Measure, and print one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("clothing", type=Path)
    parser.add_argument("old", type=Path)
    parser.add_argument("--images", type=int, default=IMAGES_A_CLASS, help="of each new class")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "clothing"
        _choose(arguments.clothing, root, arguments.images)
        began = time.perf_counter()
        found = _extended(root, Path(scratch) / "model", arguments.old)
        _print(found, time.perf_counter() - began)


def _choose(source: Path, root: Path, images: int) -> None:
    rng = np.random.default_rng(0)
    for name in CLASSES:
        files = sorted(path for path in (source / name).iterdir() if is_candidate(path.name))
        (root / name).mkdir(parents=True)
        for place in rng.permutation(len(files))[:images]:
            shutil.copyfile(files[place], root / name / files[place].name)


def _extended(root: Path, model: Path, old: Path) -> dict[str, Any]:
    options = ("--out", str(model), "--check", str(old), "--json")
    command = [sys.executable, "-m", "cleaner", "extend", str(root), *options]
    finished = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    document: dict[str, Any] = json.loads(finished.stdout)
    return document


def _print(found: dict[str, Any], seconds: float) -> None:
    low, high = found["accuracy_interval"]
    least, most = found["old_changed_interval"]
    print(  # noqa: T201
        f"| {found['classes']:,} | {found['test_images']} | {found['accuracy']:.1%} "
        f"({low:.1%} to {high:.1%}) | {found['old_images']:,} | {found['old_changed_share']:.2%} "
        f"({least:.2%} to {most:.2%}) | {found['seconds']['features']:.0f} | "
        f"{found['seconds']['learning']:.0f} | {seconds:.0f} |"
    )


if __name__ == "__main__":
    main()
