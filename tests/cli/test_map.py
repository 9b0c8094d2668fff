from __future__ import annotations

from pathlib import Path

from cleaner.project import Project
from tests.cli.conftest import Call
from tests.rescoring.projects import followed_project


def test_map_says_where_it_is_kept(call: Call, tmp_path: Path) -> None:
    project = followed_project(tmp_path)
    project.store.close()
    drawn = call("map", project.root, "--json")
    assert drawn.code == 0
    assert (drawn.document["images"], drawn.document["laid_out"]) == (90, 90)
    assert Path(drawn.document["file"]).is_file()
    assert "90 images" in call("map", project.root).out


def test_map_before_a_round_is_one_line(call: Call, project: Project) -> None:
    refused = call("map", project.root)
    assert (refused.code, "cleaner score" in refused.complaint) == (1, True)
