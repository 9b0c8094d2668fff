from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from cleaner import following, queue
from cleaner.decisions import ReviewItem
from cleaner.following import NOTICEABLE, NOTICEABLE_UNFLAGGED, Follower, catch_up
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.rescoring import Rescorer, read
from cleaner.rescoring.mixing import FOLLOWED
from cleaner.store import rounds
from tests.rescoring.projects import followed_project, open_solved_round
from tests.rescoring.rounds import CLASS_NAMES, judged_anew, solved_round

_REPOSITORY = Path(__file__).resolve().parent.parent


pytestmark = pytest.mark.every_store


@pytest.fixture
def project(tmp_path: Path, store_url: str | None) -> Iterator[Project]:
    project = followed_project(tmp_path, store=store_url)
    yield project
    project.store.close()


def _expected(project: Project, targets: Mapping[int, str | None]) -> dict[int, float]:
    """Return the quality of each image after these decisions, reckoned apart."""
    kept = read(project.state, *_opening(project))
    assert kept is not None
    rescorer = Rescorer(kept)
    rescorer.follow(targets)
    return dict(zip(kept.item_ids.tolist(), rescorer.standings().quality.tolist(), strict=True))


def _opening(project: Project) -> tuple[int, str]:
    with project.store.read() as connection:
        opening = rounds.latest_opening(connection)
    assert opening is not None
    return opening


def _assert_ranked(project: Project, targets: Mapping[int, str | None]) -> None:
    expected = _expected(project, targets)
    ranking = project.ranking()
    for item in ranking:
        least = NOTICEABLE if item.flagged else NOTICEABLE_UNFLAGGED
        assert abs(item.label_quality - expected[item.item_id]) <= least
    order = [(not item.flagged, item.label_quality) for item in ranking]
    assert order == sorted(order)
    awaiting = [item.item_id for item in ranking if item.flagged and item.status == "unreviewed"]
    assert [item.item_id for item in project.queue()] == awaiting


def _move(item: ReviewItem) -> Request:
    return Request(item.item_id, "move", item.suggested_label)


def test_the_queue_follows_a_decision(project: Project) -> None:
    first, *others = project.queue()
    before = {item.item_id: item.label_quality for item in others}
    project.decide([_move(first)])
    assert catch_up(project.store, project.state) > 1
    after = {item.item_id: item.label_quality for item in project.queue()}
    assert any(after.get(item_id) != quality for item_id, quality in before.items())
    _assert_ranked(project, {first.item_id: first.suggested_label})


@pytest.mark.parametrize("signal", FOLLOWED)
def test_the_queue_is_as_one_built_anew_with_the_standard_of_the_round(
    tmp_path: Path, signal: str, store_url: str | None
) -> None:
    round_ = solved_round(signal=signal)
    project = followed_project(tmp_path, round_, store=store_url)
    moved, accepted, excluded, skipped = project.queue(limit=4)
    project.decide(
        [
            _move(moved),
            Request(accepted.item_id, "accept"),
            Request(excluded.item_id, "exclude"),
            Request(skipped.item_id, "skip"),
        ]
    )
    assert catch_up(project.store, project.state) > 4

    # Images of the project count from 1, those of the round from 100.
    targets = {
        99 + moved.item_id: moved.suggested_label,
        99 + excluded.item_id: None,
    }
    verdict = judged_anew(round_, targets, [99 + moved.item_id, 99 + accepted.item_id])
    built = queue.ranked(round_.examples.item_ids - 99, verdict, CLASS_NAMES)
    left_out = {excluded.item_id, skipped.item_id}
    expected = {row["item_id"]: row for row in built if row["flagged"]}
    awaiting = [item_id for item_id in expected if item_id not in left_out]
    found = project.queue()
    assert found
    assert sorted(item.item_id for item in found) == sorted(awaiting)
    # A change too small to be noticed is not written, so near ties may stay as they were.
    quality = [expected[item.item_id]["label_quality"] for item in found]
    assert all(one <= next_ + NOTICEABLE for one, next_ in itertools.pairwise(quality))
    for item in found:
        row = expected[item.item_id]
        assert item.suggested_label == row["suggested_label"]
        assert list(item.reasons[1:]) == row["reasons"][1:]
        for name in ("label_quality", "self_confidence", "suggested_confidence"):
            assert abs(getattr(item, name) - row[name]) <= NOTICEABLE
    project.store.close()


def test_right_and_wrong_labels_that_are_settled_free_others_from_doubt(project: Project) -> None:
    suspects = project.queue()
    targets: dict[int, str | None] = {item.item_id: item.suggested_label for item in suspects[:8]}
    project.decide([_move(item) for item in suspects[:8]])
    catch_up(project.store, project.state)
    _assert_ranked(project, targets)


def test_an_exclusion_and_its_undo_are_followed(project: Project) -> None:
    before = [(item.item_id, item.label_quality) for item in project.queue()]
    follower = Follower(project.store, project.state)
    project.decide([Request(before[0][0], "exclude")])
    follower.look()
    _assert_ranked(project, {before[0][0]: None})
    project.undo()
    follower.look()
    after = [(item.item_id, item.label_quality) for item in project.queue()]
    assert [item_id for item_id, _quality in after] == [item_id for item_id, _quality in before]
    np.testing.assert_allclose([q for _, q in after], [q for _, q in before], atol=NOTICEABLE)


def test_what_is_decided_never_comes_back_by_itself(project: Project) -> None:
    decided = [item.item_id for item in project.queue(limit=3)]
    accepted = [Request(item_id, "accept") for item_id in decided[:2]]
    project.decide([*accepted, Request(decided[2], "skip")])
    catch_up(project.store, project.state)
    assert set(decided).isdisjoint(item.item_id for item in project.queue())
    statuses = {item.item_id: item.status for item in project.ranking()}
    assert [statuses[item_id] for item_id in decided] == ["accepted", "accepted", "skipped"]


def test_suggestions_speak_of_the_label_of_now(project: Project) -> None:
    first = project.queue(limit=1)[0]
    wrong = next(
        name for name in CLASS_NAMES if name not in (first.current_label, first.suggested_label)
    )
    project.decide([Request(first.item_id, "move", wrong)])
    catch_up(project.store, project.state)
    (again,) = [item for item in project.ranking() if item.item_id == first.item_id]
    assert again.suggested_label != wrong
    assert not again.flagged  # a person vouches for it
    assert again.reasons == ()


def test_a_look_that_never_came_is_made_up_for_by_the_next_program(project: Project) -> None:
    first, second = project.queue(limit=2)
    project.decide([_move(first)])  # and the program ends before it ranks anew
    again = Project(project.root)
    again.decide([_move(second)])
    catch_up(again.store, again.state)
    again.store.close()
    _assert_ranked(project, {one.item_id: one.suggested_label for one in (first, second)})


def test_two_programs_that_follow_in_turn_agree(project: Project) -> None:
    other = Project(project.root)
    followers = [Follower(one.store, one.state) for one in (project, other)]
    targets: dict[int, str | None] = {}
    for turn in range(6):
        worst = project.queue(limit=1)[0]
        targets[worst.item_id] = worst.suggested_label
        (project, other)[turn % 2].decide([_move(worst)])
        followers[turn % 2].look()
        _assert_ranked(project, targets)
    for follower in followers:
        follower.look()
    _assert_ranked(project, targets)
    other.store.close()


def test_who_read_between_two_parts_of_another_reads_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_ROWS_AT_ONCE", 1)
    first, second = (Follower(project.store, project.state) for _number in range(2))
    early, late = project.queue(limit=2)
    project.decide([_move(early)])
    read_by_another: list[float] = []

    def look_between(_seconds: float) -> None:
        # After a part of the first one's, while others are still to come.
        if not read_by_another:
            monkeypatch.setattr(time, "sleep", read_by_another.append)
            monkeypatch.setattr(Follower, "_write", lambda *_: 0)
            second.look()
            monkeypatch.undo()
            monkeypatch.setattr(following, "_ROWS_AT_ONCE", 1)

    monkeypatch.setattr(time, "sleep", look_between)
    assert first.look() > 1
    project.decide([_move(late)])
    second.look()
    _assert_ranked(project, {one.item_id: one.suggested_label for one in (early, late)})


def test_two_followers_at_once_do_not_undo_each_other(project: Project) -> None:
    suspects = project.queue(limit=12)
    over = threading.Event()

    def follow() -> None:
        follower = Follower(project.store, project.state)
        while not over.is_set():
            follower.look()

    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(follow) for _number in range(2)]
        for item in suspects:
            project.decide([_move(item)])
        over.set()
        for one in both:
            one.result()
    catch_up(project.store, project.state)
    _assert_ranked(project, {item.item_id: item.suggested_label for item in suspects})


def test_a_decision_by_command_line_is_followed_at_once(project: Project) -> None:
    follower = Follower(project.store, project.state)
    follower.look()
    worst = project.queue(limit=1)[0]
    decision = [worst.path, "move", worst.suggested_label]
    subprocess.run(
        [sys.executable, "-m", "cleaner", "decide", str(project.root), *decision],
        cwd=_REPOSITORY,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    _assert_ranked(project, {worst.item_id: worst.suggested_label})
    follower.look()
    _assert_ranked(project, {worst.item_id: worst.suggested_label})


def test_following_takes_numpy_alone(project: Project) -> None:
    project.decide([_move(project.queue(limit=1)[0])])
    program = (
        "import pathlib, sys\n"
        "from cleaner.following import catch_up\n"
        "from cleaner.store.address import open_store\n"
        "state = pathlib.Path(sys.argv[1])\n"
        "assert catch_up(open_store(state, 'made-up', None), state) > 0\n"
        "print(*sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(project.state)],
        cwd=_REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    )
    assert set(done.stdout.split()).isdisjoint({"scipy", "sklearn", "tensorflow", "keras"})


def test_a_new_round_is_followed_and_the_old_ones_numbers_are_forgotten(project: Project) -> None:
    follower = Follower(project.store, project.state)
    project.decide([_move(project.queue(limit=1)[0])])
    follower.look()
    open_solved_round(project, solved_round())
    worst = project.queue(limit=1)[0]
    project.decide([_move(worst)])
    assert follower.look() > 0
    assert [path.name for path in (project.state / "cache" / "rescore").iterdir()] == ["round-2"]


def test_nothing_new_is_nothing_written(project: Project) -> None:
    follower = Follower(project.store, project.state)
    assert follower.look() == 0
    project.decide([Request(project.queue(limit=1)[0].item_id, "accept")])
    assert follower.look() == 1  # the image itself
    assert follower.look() == 0


@pytest.mark.parametrize("damage", ["folder", "rows.npy", "small.npz", "manifest.json"])
def test_without_what_the_round_left_decisions_are_recorded_all_the_same(
    project: Project, damage: str
) -> None:
    folder = project.state / "cache" / "rescore" / "round-1"
    if damage == "folder":
        shutil.rmtree(folder)
    else:
        (folder / damage).write_bytes((folder / damage).read_bytes()[:-9])
    worst = project.queue(limit=1)[0]
    project.decide([_move(worst)])
    assert catch_up(project.store, project.state) == 0
    assert worst.item_id not in [item.item_id for item in project.queue()]


def test_no_round_is_nothing_to_follow(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    project = Project(tmp_path / "empty")
    assert catch_up(project.store, project.state) == 0
    project.store.close()
