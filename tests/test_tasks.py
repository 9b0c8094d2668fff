from __future__ import annotations

from pathlib import Path

from cleaner import tasks
from cleaner.following import Follower
from cleaner.progress import Progress, silent
from cleaner.project import Project, Request
from cleaner.settings import ScoreSettings
from tests.pictures import write_dataset, write_image

SETTINGS = ScoreSettings(("mobilenet_v2_1.0_224",), views=1, folds=2).as_json()


def test_a_file_changed_between_scan_and_features_is_a_finding_and_not_ranked(
    tmp_path: Path,
) -> None:
    project = Project(write_dataset(tmp_path / "pets", {"cat": 6, "dog": 6}))

    def change_one(progress: Progress) -> None:
        if progress.stage == "Looking for duplicates":
            write_image(project.root / "cat" / "0.png", seed=99)

    result = tasks.score(project, SETTINGS, change_one)
    assert result["images"] == 11
    assert [(f.kind, f.paths) for f in project.findings()] == [("unreadable", ("cat/0.png",))]
    assert "changed" in project.findings()[0].detail
    project.store.close()


def test_a_round_leaves_what_its_decisions_are_followed_with(tmp_path: Path) -> None:
    project = Project(write_dataset(tmp_path / "pets", {"cat": 8, "dog": 8}))
    tasks.score(project, SETTINGS, silent)
    before = {item.item_id: item.label_quality for item in project.ranking()}
    follower = Follower(project.store, project.state)
    assert follower.look() == 0  # ranked as the round ranked them
    wrong = [item for item in project.dataset().items if item.split == "train"][:3]
    others = {"cat": "dog", "dog": "cat"}
    project.decide([Request(item.item_id, "move", others[item.current_label]) for item in wrong])
    assert follower.look() > len(wrong)
    after = {item.item_id: item.label_quality for item in project.ranking()}
    assert sum(after[item_id] != before[item_id] for item_id in before) > len(wrong)
    project.store.close()
