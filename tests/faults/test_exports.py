"""An export is whole, or there is none: killed or refused at each of its system calls."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest

from cleaner import exports, manifests
from cleaner.errors import ExportError
from cleaner.project import Project
from tests.faults import exporting
from tests.faults.failing import CODES, EXPORTS, Failing

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    project = exporting.make(tmp_path / "photos")
    yield project
    project.store.close()


@pytest.mark.parametrize("format_name", exporting.FORMATS)
def test_a_kill_at_any_system_call_leaves_a_whole_export_or_none(
    format_name: str, project: Project, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    # A process of its own: it forks, which needs one without threads.
    command = [sys.executable, "-m", "tests.faults.exporting", format_name]
    command += [str(project.root), str(tmp_path / "out" / "clean")]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 10


@pytest.mark.parametrize("format_name", exporting.FORMATS)
def test_an_error_of_any_system_call_is_one_line_and_leaves_a_whole_export_or_none(
    format_name: str, project: Project, tmp_path: Path
) -> None:
    target = tmp_path / "out" / "clean"
    counting = Failing(rooms=EXPORTS)
    with counting.installed():
        exports.export(project, format_name, tmp_path / "counted")
    for number, code in zip(range(1, len(counting.calls) + 1), cycle(CODES), strict=False):
        try:
            with Failing(number, code, rooms=EXPORTS).installed():
                exports.export(project, format_name, target)
        except ExportError as error:
            said = str(error)
            assert "\n" not in said
            assert any(name in said for name in (str(target), "cat/", "dog/")), said
            assert not exporting.is_whole(target)
            exports.export(project, format_name, target)
        assert exporting.is_whole(target)
        exporting._remove(target)
        manifests.place(target).unlink()


def test_a_manifest_that_somebody_else_put_there_stays(project: Project, tmp_path: Path) -> None:
    target = tmp_path / "out" / "clean"
    target.parent.mkdir()
    manifests.place(target).write_text("precious", encoding="utf-8")
    left = target.with_name(".clean.unfinished")
    (left / "clean").mkdir(parents=True)
    (left / "clean.manifest.json").write_text("another", encoding="utf-8")
    with pytest.raises(ExportError, match="nothing is overwritten"):
        exports.export(project, "folder", target)
    assert manifests.place(target).read_text(encoding="utf-8") == "precious"


def test_a_table_goes_where_the_shell_stands(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    written = exports.export(project, "csv", Path())
    assert written.files == (tmp_path / "here" / "labels.csv",)
    assert exporting.is_whole(tmp_path / "here" / "labels.csv")
