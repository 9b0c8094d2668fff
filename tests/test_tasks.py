from __future__ import annotations

from pathlib import Path

from cleaner import tasks
from cleaner.progress import Progress
from cleaner.project import Project
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
