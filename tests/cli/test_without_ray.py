"""Who has not installed Ray notices nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cleaner.project import Project
from tests.cli.conftest import Call
from tests.ui.test_pages import run_page


@pytest.fixture(autouse=True)
def without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)


def test_all_goes_on_as_ever(call: Call, dataset: Path, model: Path, tmp_path: Path) -> None:
    assert call("scan", dataset).code == 0
    assert call("audits", dataset, "--engine", "local").code == 0
    assert call("predict", model, dataset, "--resume", tmp_path / "kept").code == 0


@pytest.mark.parametrize("verb", ["scan", "audits", "predict"])
def test_the_cluster_is_refused_in_one_line_that_says_what_to_install(
    call: Call, dataset: Path, model: Path, verb: str
) -> None:
    words = [model, dataset] if verb == "predict" else [dataset]
    refused = call(verb, *words, "--engine", "ray")
    assert refused.code == 1
    assert "requirements-ray.txt" in refused.complaint
    assert "\n" not in refused.complaint


@pytest.mark.parametrize("verb", ["scan", "audits"])
def test_the_cluster_is_not_asked_where_nothing_is_new(
    call: Call, dataset: Path, verb: str
) -> None:
    assert call("scan", dataset).code == 0
    assert call(verb, dataset, "--engine", "ray").code == 0


@pytest.mark.parametrize("page", ["train", "audits"])
def test_the_pages_ask_for_no_engine(call: Call, dataset: Path, page: str) -> None:
    call("scan", dataset)
    project = Project(dataset)
    try:
        shown = run_page(project, page)
        assert not shown.exception
        assert "Engine" not in [box.label for box in shown.selectbox]
    finally:
        project.store.close()
