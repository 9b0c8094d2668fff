"""What pages ask of the catalogue, without going through all of it."""

from __future__ import annotations

import os

import numpy as np
import pytest

from cleaner.items import Finding
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.store import Store, catalogue, findings
from tests.ranking import open_round
from tests.store.samples import scanned_file

pytestmark = pytest.mark.every_store

_A, _A_FF = "a", os.fsdecode(b"a\xff")


@pytest.mark.parametrize(
    ("path", "label"),
    [
        (f"{_A}/1.jpg", _A),
        (f"{_A_FF}/1.jpg", _A_FF),
        (os.fsdecode(b"a/\xff.jpg"), _A),
        (os.fsdecode(b"a\xff/\xff.jpg"), _A_FF),
        (os.fsdecode(b"a/\xff/1.jpg"), _A),
    ],
)
def test_an_image_is_misplaced_unless_it_lies_in_the_folder_of_its_label(
    store: Store, path: str, label: str
) -> None:
    other = _A_FF if label == _A else _A
    with store.write() as connection:
        catalogue.add_items(connection, [(scanned_file(path, 1), 1, "train")])
        assert catalogue.misplaced(connection) == 0
        (item,) = catalogue.all_items(connection)
        moved = f"{other}/{path.split('/', 1)[1]}"
        catalogue.place_item(connection, item.item_id, moved, quarantined=False)
        assert catalogue.misplaced(connection) == 1
        assert [one.path for one in catalogue.to_move(connection)] == [moved]


def test_an_excluded_image_is_misplaced_until_it_is_in_the_quarantine(project: Project) -> None:
    first = project.dataset().items[0]
    project.decide([Request(first.item_id, "exclude")])
    assert project.status()["moves_to_apply"] == 1
    project.apply()
    assert project.status()["moves_to_apply"] == 0
    project.decide([Request(first.item_id, "accept")])
    assert project.status()["moves_to_apply"] == 1


def test_of_many_findings_the_most_severe_are_read(store: Store) -> None:
    severities = ("info", "error", "warning", "info", "error")
    found = [Finding(kind, (), kind, str(n)) for n, kind in enumerate(severities)]  # type: ignore[arg-type]
    with store.write() as connection:
        findings.replace_all(connection, found, found_by="scan")
        some = findings.all_findings(connection, limit=4)
        assert [finding.detail for finding in some] == ["1", "4", "2", "0"]
        assert findings.counts(connection) == {"info": 2, "error": 2, "warning": 1}


@pytest.mark.parametrize("seed", range(3))
def test_the_numbers_of_a_round_are_those_of_its_log(project: Project, seed: int) -> None:
    rng = np.random.default_rng(seed)
    items = project.dataset().items
    for _round in range(3):
        open_round(project, flagged={items[0].path: "dog"})
        for _decision in range(25):
            project.decide([_any_request(project, rng)])
    found = [(one.reviewed, one.relabelled, one.excluded) for one in project.rounds()]
    assert found == [_from_the_log(project, number) for number in (1, 2, 3)]


def _any_request(project: Project, rng: np.random.Generator) -> Request:
    item_id = project.dataset().items[rng.integers(4)].item_id
    action = str(rng.choice(["accept", "move", "exclude", "skip", "undo", "undo"]))
    if action != "undo":
        return Request(item_id, action, str(rng.choice(project.class_names())))  # type: ignore[arg-type]
    made = [one for one in project.history() if one.action != "undo"]
    undone = made[rng.integers(len(made))] if made else None
    if undone is None:
        return Request(item_id, "skip")
    return Request(undone.item_id, "undo", undoes=undone.op_id)


def _from_the_log(project: Project, round_id: int) -> tuple[int, ...]:
    log = project.history()
    undone = {decision.undoes for decision in log}
    standing = [one for one in log if one.round_id == round_id and one.op_id not in undone]
    kinds = (("accept", "move", "exclude"), ("move",), ("exclude",))
    return tuple(len({one.item_id for one in standing if one.action in kind}) for kind in kinds)
