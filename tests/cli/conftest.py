from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cleaner.backbones import embedded
from cleaner.cli import main


@dataclass(frozen=True)
class Answer:
    """What one call of the command line gave."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on stdout."""
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def complaint(self) -> str:
        """The one line on stderr; progress lines come before it."""
        return self.err.splitlines()[-1]


Call = Callable[..., Answer]


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str]) -> Call:
    """Call the command line in this process."""

    def run(*arguments: object) -> Answer:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        assert "Traceback" not in captured.err
        return Answer(code, captured.out, captured.err)

    return run


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model's folder: a network's features taken for probabilities of as many classes."""
    folder = tmp_path / "model"
    folder.mkdir()
    name = "mobilenet_v2_1.0_224"
    shutil.copy(embedded.weights_folder() / f"{name}.tflite", folder / "model.tflite")
    (folder / "labels.txt").write_text("".join(f"class {n}\n" for n in range(1280)))
    return folder
