"""The commands of docs/tutorials/cifar-10.md run in its order, on a CIFAR-10 of 80 pictures."""

from __future__ import annotations

import re
import shlex
import tarfile
from pathlib import Path

import numpy as np
import pytest

from cleaner.cifar import CLASS_NAMES
from cleaner.cli import main
from tests.pictures import picture

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

_PAGE = Path(__file__).resolve().parent.parent / "docs" / "tutorials" / "cifar-10.md"
# The one is slow and tried elsewhere, the other waits for a person.
_LEFT_OUT = ("score", "review")
_QUICKER = ("--fine-tune-epochs", "2")


def _commands() -> list[list[str]]:
    blocks = re.findall(r"^```bash\n(.*?)^```", _PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [shlex.split(line)[3:] for line in lines if line.startswith("python -m cleaner ")]


def _write_set(folder: Path) -> None:
    batches = folder / "cifar-10-batches-bin"
    batches.mkdir()
    for name, each in (("data_batch_1.bin", 6), ("test_batch.bin", 2)):
        rows = b""
        for number in range(10 * each):
            seed = 1000 * (number % 10) + number // 10 + 7 * each
            pixels = np.asarray(picture(seed, (32, 32))).transpose(2, 0, 1)
            rows += bytes([number % 10]) + pixels.tobytes()
        (batches / name).write_bytes(rows)
    (batches / "batches.meta.txt").write_text("\n".join(CLASS_NAMES) + "\n\n")
    with tarfile.open(folder / "cifar-10-binary.tar.gz", "w:gz") as archive:
        archive.add(batches, batches.name)


def test_the_commands_of_the_tutorial_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _write_set(tmp_path)
    commands = _commands()
    assert [command[0] for command in commands[:5]] == [
        *("import", "scan", "score", "review", "train")
    ]
    for command in commands:
        if command[0] not in _LEFT_OUT:
            quicker = _QUICKER if command[0] == "train" else ()
            assert main([*command, *quicker]) == 0, " ".join(command)
    assert (tmp_path / "records" / "train.tfrecord").is_file()
