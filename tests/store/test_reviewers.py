"""Several people decide on one queue at once; `benchmarks/reviewers.py` is the long version."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from cleaner.project import Project
from cleaner.store import catalogue
from tests.ranking import open_round
from tests.store.samples import scanned_file

pytestmark = pytest.mark.every_store

_PROJECT = Path(__file__).resolve().parent.parent.parent
_REVIEWERS, _EACH = 4, 50
# Every decision is sent twice, as a browser does that got no answer.
_REVIEW = """
import sys
from pathlib import Path
from cleaner.project import Project
from cleaner.recording import Request

project, number, reviewers = Project(Path(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])
for item in project.ranking()[number::reviewers]:
    request = Request(item.item_id, "accept", op_id=f"reviewer-{number}-{item.item_id}")
    for _ in range(2):
        assert project.decide([request]).recorded == (request.op_id,)
"""


def test_no_decision_is_lost_or_doubled_or_fails(project: Project) -> None:
    paths = [f"cat/{number}.jpg" for number in range(100, 100 + _REVIEWERS * _EACH - 12)]
    with project.store.write() as connection:
        new = [(scanned_file(path, number), number, "train") for number, path in enumerate(paths)]
        catalogue.add_items(connection, new)  # type: ignore[arg-type]
    open_round(project, flagged=dict.fromkeys(paths, "dog"))
    command = [sys.executable, "-c", _REVIEW, str(project.root)]
    reviewers = [
        subprocess.Popen([*command, str(number), str(_REVIEWERS)], cwd=_PROJECT)
        for number in range(_REVIEWERS)
    ]
    assert [reviewer.wait(timeout=240) for reviewer in reviewers] == [0] * _REVIEWERS
    logged = Counter(decision.op_id for decision in project.history())
    assert (len(logged), set(logged.values())) == (_REVIEWERS * _EACH, {1})
    assert project.queue() == []
    assert project.rounds()[-1].reviewed == _REVIEWERS * _EACH
