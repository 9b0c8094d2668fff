"""What may be done about all findings of a kind at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from cleaner import lanes
from cleaner.errors import JobCancelled, UnknownKind
from cleaner.items import Item
from cleaner.lanes import Part
from cleaner.progress import Progress
from cleaner.project import Project
from cleaner.recording import Request
from tests.pictures import detailed


@pytest.fixture
def twins(tmp_path: Path) -> Project:
    """Three of one picture in a, two of another in a and b, and twelve without a copy."""
    root = tmp_path / "set"
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
        for number in range(6):
            detailed(number if name == "a" else 50 + number).save(root / name / f"{number}.png")
    first, other = detailed(100, (160, 120)), detailed(101, (160, 120))
    first.save(root / "a" / "copy 0.png")
    first.resize((120, 90), Image.Resampling.BICUBIC).save(root / "a" / "copy 1.png")
    first.resize((200, 150), Image.Resampling.BICUBIC).save(root / "a" / "copy 2.png")
    other.save(root / "a" / "twin.png")
    other.resize((120, 90), Image.Resampling.BICUBIC).save(root / "b" / "twin.png")
    project = Project(root)
    project.scan()
    return project


def _paths(images: tuple[Item, ...]) -> list[str]:
    return sorted(item.path for item in images)


def test_of_each_group_the_largest_is_kept(twins: Project) -> None:
    proposal = lanes.one_kept(twins, "near_duplicate")
    assert _paths(proposal.kept) == ["a/copy 2.png"]
    assert _paths(proposal.excluded) == ["a/copy 0.png", "a/copy 1.png"]


def test_where_the_labels_disagree_nothing_is_excluded(twins: Project) -> None:
    assert lanes.one_kept(twins, "near_duplicate").left == 1


def test_a_confirmed_label_settles_which_one_is_kept(twins: Project) -> None:
    (twin,) = (item for item in twins.dataset().items if item.path == "b/twin.png")
    twins.decide([Request(twin.item_id, "accept")])
    proposal = lanes.one_kept(twins, "near_duplicate")
    assert proposal.left == 0
    assert "b/twin.png" in _paths(proposal.kept)
    assert "a/twin.png" in _paths(proposal.excluded)


def test_what_was_kept_leaves_no_finding_and_an_undo_brings_it_back(twins: Project) -> None:
    before = lanes.kinds(twins)
    recorded = lanes.carry_out(twins, lanes.one_kept(twins, "near_duplicate"))
    assert [one.findings for one in lanes.kinds(twins)] == [1]
    lanes.take_back(twins, recorded)
    assert lanes.kinds(twins) == before


def test_all_images_of_a_kind_can_be_excluded(twins: Project) -> None:
    proposal = lanes.all_excluded(twins, "near_duplicate")
    assert len(proposal.excluded) == 5
    lanes.carry_out(twins, proposal)
    assert twins.status()["decided"]["excluded"] == 5


def test_a_batch_is_excluded_in_parts_once_and_taken_back(
    twins: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "_AT_ONCE", 2)
    batch = lanes.batch_of(twins, lanes.all_excluded(twins, "near_duplicate"), reviewer="Ann")
    told: list[Progress] = []
    assert lanes.exclude_batch(twins, batch, told.append) == 5
    assert [(one.done, one.total) for one in told] == [(0, 5), (2, 5), (4, 5)]
    lanes.exclude_batch(twins, batch)
    assert len(twins.history()) == 5
    assert {one.reviewer for one in twins.history()} == {"Ann"}
    assert lanes.take_batch_back(twins, batch) == 5
    assert twins.status()["decided"]["excluded"] == 0


def test_of_a_batch_that_was_stopped_all_that_was_done_is_taken_back(
    twins: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "_AT_ONCE", 2)
    batch = lanes.batch_of(twins, lanes.all_excluded(twins, "near_duplicate"))

    def stop_at_the_second(progress: Progress) -> None:
        if progress.done:
            raise JobCancelled("Cancelled.")

    with pytest.raises(JobCancelled):
        lanes.exclude_batch(twins, batch, stop_at_the_second)
    assert twins.status()["decided"]["excluded"] == 2
    assert lanes.take_batch_back(twins, batch) == 2


def test_what_was_dismissed_does_not_return_with_a_scan(twins: Project) -> None:
    assert lanes.dismiss(twins, "near_duplicate") == 2
    twins.scan()
    assert [(one.findings, one.dismissed) for one in lanes.kinds(twins)] == [(0, 2)]
    assert lanes.restore(twins, "near_duplicate") == 2
    assert [(one.findings, one.dismissed) for one in lanes.kinds(twins)] == [(2, 0)]


def test_one_of_several_can_be_dismissed(twins: Project) -> None:
    first, _second = lanes.of_kind(twins, "near_duplicate")
    marked = {first.finding_id: first.finding.paths}
    assert lanes.dismiss(twins, "near_duplicate", Part(only=marked)) == 1
    assert len(lanes.of_kind(twins, "near_duplicate")) == 1


def test_what_is_marked_is_left_alone(twins: Project) -> None:
    first, second = lanes.of_kind(twins, "near_duplicate")
    part = Part(but={first.finding_id: first.finding.paths})
    excluded = lanes.all_excluded(twins, "near_duplicate", part).excluded
    assert set(excluded) == set(second.images)


def test_a_mark_on_a_finding_of_an_earlier_scan_counts_for_nothing(twins: Project) -> None:
    first, _second = lanes.of_kind(twins, "near_duplicate")
    stale = {first.finding_id: ("a/gone.png", "a/too.png")}
    assert lanes.all_excluded(twins, "near_duplicate", Part(only=stale)).excluded == ()
    assert len(lanes.of_kind(twins, "near_duplicate", Part(but=stale))) == 2


def test_copies_across_classes_are_apart_from_those_within_one(twins: Project) -> None:
    within = lanes.of_kind(twins, "near_duplicate", Part(severity="info"))
    across = lanes.of_kind(twins, "near_duplicate", Part(severity="warning"))
    assert [len(one.images) for one in within] == [3]
    assert [len(one.images) for one in across] == [2]
    counted = {one.severity: one.findings for one in lanes.by_severity(twins)}
    assert counted == {"info": 1, "warning": 1}


def test_an_unknown_kind_is_answered_with_the_known_ones(twins: Project) -> None:
    with pytest.raises(UnknownKind, match="Known: near_duplicate"):
        lanes.of_kind(twins, "neat_duplicate")
    with pytest.raises(UnknownKind, match="no groups"):
        lanes.one_kept(twins, "blurry")
    with pytest.raises(UnknownKind, match="nothing to exclude"):
        lanes.all_excluded(twins, "unreadable")
