"""Findings that stand, that are settled, and that somebody said are fine."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleaner.items import Finding
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.store import findings

pytestmark = pytest.mark.every_store


def _alike(*paths: str) -> Finding:
    return Finding("near_duplicate", paths, "info", "They show nearly the same picture.")


def _dark(path: str) -> Finding:
    return Finding("dark", (path,), "warning", "It is dark.")


def _keep(project: Project, *found: Finding, found_by: findings.Finder = "scan") -> None:
    with project.store.write() as connection:
        findings.replace_all(connection, found, found_by=found_by)


def _open(project: Project, kind: str) -> list[tuple[str, ...]]:
    with project.store.read() as connection:
        return [
            tuple(item.path for item in one.images)
            for one in findings.open_findings(connection, kind)
        ]


def _dismiss(project: Project, kind: str) -> int:
    with project.store.write() as connection:
        chosen = findings.open_findings(connection, kind)
        return findings.dismiss(connection, kind, chosen, reviewer="")


def test_a_group_is_settled_once_one_image_is_left(project: Project, store_url: str) -> None:
    _keep(project, _alike("cat/0.png", "cat/1.png", "dog/0.png"), _dark("cat/0.png"))
    items = {item.path: item.item_id for item in project.dataset().items}
    project.decide([Request(items["cat/0.png"], "exclude")])
    assert _open(project, "near_duplicate") == [("cat/1.png", "dog/0.png")]
    assert _open(project, "dark") == []
    project.decide([Request(items["cat/1.png"], "exclude")])
    assert _open(project, "near_duplicate") == []
    project.undo(last=2)
    assert _open(project, "near_duplicate") == [("cat/0.png", "cat/1.png", "dog/0.png")]
    assert _open(project, "dark") == [("cat/0.png",)]


def test_what_was_dismissed_does_not_return(project: Project, store_url: str) -> None:
    _keep(project, _alike("cat/0.png", "cat/1.png"), _dark("cat/2.png"))
    assert _dismiss(project, "near_duplicate") == 1
    _keep(project, _alike("cat/1.png", "cat/0.png"), _dark("cat/2.png"))
    assert _open(project, "near_duplicate") == []
    assert _open(project, "dark") == [("cat/2.png",)]
    assert [finding.kind for finding in project.findings()] == ["dark"]


def test_a_group_with_a_new_picture_does_return(project: Project, store_url: str) -> None:
    _keep(project, _alike("cat/0.png", "cat/1.png"))
    _dismiss(project, "near_duplicate")
    _keep(project, _alike("cat/0.png", "cat/1.png", "cat/2.png"))
    assert len(_open(project, "near_duplicate")) == 1


def test_who_dismisses_a_pair_dismisses_it_as_a_leak_too(project: Project, store_url: str) -> None:
    _keep(project, _alike("cat/0.png", "cat/1.png"))
    _dismiss(project, "near_duplicate")
    leak = Finding("split_leak", ("cat/0.png", "cat/1.png"), "error", "They lie in two splits.")
    _keep(project, leak, found_by="score")
    assert _open(project, "split_leak") == []


def test_a_dismissed_file_that_is_no_image_does_not_return(
    project: Project, store_url: str
) -> None:
    broken = Finding("unreadable", ("cat/broken.jpg",), "error", "It is damaged.")
    _keep(project, broken)
    assert _dismiss(project, "unreadable") == 1
    _keep(project, broken)
    assert project.findings() == ()


def test_all_of_a_kind_can_be_brought_back(project: Project, store_url: str) -> None:
    _keep(project, _dark("cat/0.png"), _dark("cat/1.png"), _alike("dog/0.png", "dog/1.png"))
    _dismiss(project, "dark")
    with project.store.write() as connection:
        assert findings.restore(connection, "dark") == 2
    assert _open(project, "dark") == [("cat/0.png",), ("cat/1.png",)]


def test_a_scan_leaves_what_a_round_found(project: Project, store_url: str) -> None:
    _keep(project, _dark("cat/0.png"))
    odd = Finding("off_topic", ("dog/0.png",), "warning", "It is unlike the rest.")
    _keep(project, odd, found_by="score")
    project.scan()
    assert [finding.kind for finding in project.findings()] == ["off_topic"]


def test_a_finding_follows_its_image(project: Project, store_url: str) -> None:
    _keep(project, _dark("cat/0.png"), found_by="score")
    (cat,) = (item for item in project.dataset().items if item.path == "cat/0.png")
    project.decide([Request(cat.item_id, "move", "dog")])
    project.apply()
    moved = project.dataset().items[cat.item_id - 1].path
    assert moved.startswith("dog/")
    assert [finding.paths for finding in project.findings()] == [(moved,)]


def test_kinds_are_counted_gravest_first(project: Project, store_url: str) -> None:
    _keep(project, _alike("cat/0.png", "cat/1.png"), _dark("cat/2.png"), _dark("cat/3.png"))
    with project.store.read() as connection:
        counted = findings.kinds(connection)
    assert [(one.kind, one.severity, one.findings, one.images) for one in counted] == [
        ("dark", "warning", 2, 2),
        ("near_duplicate", "info", 1, 2),
    ]


def test_what_was_found_is_a_reason_on_the_card(ranked: Project) -> None:
    _keep(ranked, _dark("cat/0.png"), _dark("cat/1.png"))
    assert [item.reasons for item in ranked.queue()] == [
        ("Looks different", "It is dark."),
        ("Looks different",),
    ]
    _dismiss(ranked, "dark")
    assert {item.reasons for item in ranked.queue()} == {("Looks different",)}


_PATHS = [f"{name}/{number}.png" for name in ("cat", "dog", "owl") for number in range(4)]
_GROUPS = st.lists(st.sets(st.sampled_from(_PATHS), min_size=2, max_size=4), max_size=6)


@given(groups=_GROUPS, seed=st.integers(0, 99))
def test_in_any_order_the_same_is_dismissed(groups: list[set[str]], seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    dismissed = [frozenset(group) for group in groups]
    shuffled = [rng.sample(sorted(group), len(group)) for group in rng.sample(groups, len(groups))]
    for paths in shuffled:
        assert _is_fine(dismissed, paths)
        assert _is_fine(dismissed, paths[:2])
        assert not _is_fine(dismissed, [*paths, "new.png"])


def _is_fine(dismissed: list[frozenset[str]], paths: list[str]) -> bool:
    fine = findings.Fine.of([("near_duplicate", sorted(group)) for group in dismissed])
    return fine.covers("near_duplicate", frozenset(paths))
