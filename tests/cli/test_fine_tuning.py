"""A network fine-tuned by the worker, as a script asks for it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cleaner import jobs
from cleaner.project import Project
from tests.cli.conftest import Call
from tests.shapes import write_shapes

_PROJECT = Path(__file__).resolve().parent.parent.parent
_QUICK = (
    "--views", "1", "--folds", "2", "--backbone", "mobilenet_v1_1.0_224",
    "--fine-tune-backbone", "mobilenet_v1_1.0_224", "--fine-tune-epochs", "1",
    "--fine-tune-side", "32",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.usefixtures("uncounted")
def test_score_fine_tunes_a_network_and_shows_its_curves(tmp_path: Path) -> None:
    root = write_shapes(tmp_path / "shapes", each=6)
    done = subprocess.run(
        [sys.executable, "-m", "cleaner", "score", root, "--mode", "finetune", *_QUICK, "--json"],
        capture_output=True,
        text=True,
        cwd=_PROJECT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["images"] == 18
    assert "Fine-tuning for fold 2 of 2" in done.stderr
    project = Project(root)
    (job,) = jobs.recent(project, limit=1)
    project.store.close()
    assert job.settings["mode"] == "finetune"
    assert len(job.curves["fine-tuning loss"]) == 2


def test_a_misspelt_network_or_a_wild_number_is_told_before_a_worker_starts(
    call: Call, dataset: Path
) -> None:
    misspelt = call("score", dataset, "--mode", "finetune", "--fine-tune-backbone", "mobilnet")
    assert misspelt.code == 1
    assert "mobilnet" in misspelt.complaint
    wild = call("score", dataset, "--mode", "finetune", "--fine-tune-epochs", "0")
    assert wild.code == 2
    assert "fine_tune_epochs is 0" in wild.complaint
