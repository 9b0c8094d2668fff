from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cleaner.errors import NotScored, UnknownItem
from cleaner.exhibits import NO_EVIDENCE, SHOWN, Alike, Showcase
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.rescoring import Kept, read
from cleaner.rescoring.testimony import sound
from cleaner.standings import Standings
from cleaner.store import catalogue, rounds
from tests.rescoring.projects import followed_project, open_solved_round
from tests.rescoring.rounds import CLASS_NAMES, solved_round

# Items are numbered from 1: places 3 and 20 are a pair, 4, 30 and 31 a triple of duplicates.
PAIR, TRIPLE = (4, 21), (5, 31, 32)


@pytest.fixture
def project(tmp_path: Path, store_url: str | None) -> Iterator[Project]:
    project = followed_project(tmp_path, store=store_url)
    yield project
    project.store.close()


@pytest.fixture
def showcase(project: Project) -> Showcase:
    return Showcase(project.store, project.state)


def _kept(project: Project) -> Kept:
    with project.store.read() as connection:
        opening = rounds.latest_opening(connection)
    assert opening is not None
    kept = read(project.state, *opening)
    assert kept is not None
    return kept


def _numbers(found: tuple[Alike, ...]) -> list[int]:
    return [one.item.item_id for one in found]


def _suspect(project: Project) -> int:
    return project.queue(limit=1)[0].item_id


def test_the_nearest_are_the_most_alike_of_the_sound_labels_of_each_class(
    project: Project, showcase: Showcase
) -> None:
    number = _suspect(project)
    found, kept = showcase.exhibits(number), _kept(project)
    assert kept.testimony is not None
    cosines = kept.testimony.likeness.astype(np.float32) @ kept.testimony.likeness[number - 1]
    for label, shown in (
        (found.current, found.like_current),
        (found.suggested, found.like_suggested),
    ):
        fits = kept.testimony.sound & (kept.labels == CLASS_NAMES.index(str(label)))
        fits &= kept.groups != kept.groups[number - 1]
        expected = [place + 1 for place in np.argsort(-cosines, kind="stable") if fits[place]]
        assert _numbers(shown) == expected[:SHOWN]
        similarities = [one.similarity for one in shown]
        assert similarities == sorted(similarities, reverse=True)
        assert not any(one.confirmed for one in shown)


@pytest.mark.parametrize("number", [*PAIR, *TRIPLE])
def test_neither_an_image_nor_its_duplicates_stand_for_a_class(
    showcase: Showcase, project: Project, number: int
) -> None:
    group = PAIR if number in PAIR else TRIPLE
    project.decide([Request(one, "accept") for one in group if one != number])
    found = showcase.exhibits(number)
    assert not set(_numbers(found.like_current + found.like_suggested)) & set(group)
    assert sorted(one.item.item_id for one in found.duplicates) == sorted({*group} - {number})
    assert found.duplicate_count == len(group) - 1


def test_an_image_without_duplicates_has_none(showcase: Showcase) -> None:
    assert showcase.exhibits(50).duplicates == ()


def test_duplicates_with_another_label_come_first(showcase: Showcase, project: Project) -> None:
    here = project.dataset().items[TRIPLE[0] - 1].current_label
    other = next(name for name in CLASS_NAMES if name != here)
    for number, label in zip(TRIPLE, (here, here, other), strict=True):
        project.decide([Request(number, "move", label)])
    labels = [one.item.current_label for one in showcase.exhibits(TRIPLE[0]).duplicates]
    assert labels == [other, here]


@pytest.mark.every_store
def test_labels_are_those_of_now(
    showcase: Showcase, project: Project, store_url: str | None
) -> None:
    number = _suspect(project)
    before = showcase.exhibits(number)
    leaving, excluded = before.like_current[0].item.item_id, before.like_current[1].item.item_id
    project.decide([Request(leaving, "move", before.suggested), Request(excluded, "exclude")])
    after = showcase.exhibits(number)
    assert not {leaving, excluded} & set(_numbers(after.like_current))
    project.undo(last=2)
    assert _numbers(showcase.exhibits(number).like_current) == _numbers(before.like_current)


def test_labels_that_a_person_confirmed_come_first(showcase: Showcase, project: Project) -> None:
    number = _suspect(project)
    nearest = _numbers(showcase.exhibits(number).like_current)
    project.decide([Request(nearest[2], "accept")])
    found = showcase.exhibits(number).like_current
    assert _numbers(found) == [nearest[2], nearest[0], nearest[1], nearest[3]]
    assert [one.confirmed for one in found] == [True, False, False, False]


def test_a_class_made_since_the_round_has_the_images_moved_there(
    showcase: Showcase, project: Project
) -> None:
    (project.root / "new").mkdir()
    with project.store.write() as connection:
        catalogue.set_classes(connection, [*CLASS_NAMES, "new"])
    project.decide([Request(number, "move", "new") for number in (60, 61)])
    found = showcase.exhibits(60)
    assert found.current == "new"
    assert _numbers(found.like_current) == [61]
    assert found.votes[0].current is None


def test_votes_are_those_of_the_round(showcase: Showcase, project: Project) -> None:
    number = _suspect(project)
    found, prediction = showcase.exhibits(number), solved_round().prediction
    assert [vote.member for vote in found.votes] == list(prediction.member_names)
    assert sum(vote.share for vote in found.votes) == pytest.approx(1)
    for vote, probs in zip(found.votes, prediction.committee_probs[:, number - 1], strict=True):
        assert vote.current == pytest.approx(probs[CLASS_NAMES.index(found.current)], abs=1e-3)
        assert vote.suggested == pytest.approx(
            probs[CLASS_NAMES.index(str(found.suggested))], abs=1e-3
        )
        assert vote.top[0][0] == CLASS_NAMES[int(probs.argmax())]
    assert found.views is not None
    votes = prediction.view_probs[:, number - 1].argmax(axis=1)
    assert found.views.count == 2
    assert found.views.current == (votes == CLASS_NAMES.index(found.current)).sum()


def test_without_a_round_or_without_what_one_keeps_there_is_one_line(
    showcase: Showcase, project: Project, tmp_path: Path
) -> None:
    solved = solved_round()
    open_solved_round(project, replace(solved, kept=replace(solved.kept, testimony=None)))
    with pytest.raises(NotScored, match=NO_EVIDENCE):
        showcase.exhibits(1)
    open_solved_round(project, solved)
    assert showcase.exhibits(1).item.item_id == 1


def test_an_unknown_number_is_no_image(showcase: Showcase) -> None:
    with pytest.raises(UnknownItem):
        showcase.exhibits(10**9)


def test_the_next_round_takes_the_place_of_the_one_before(
    showcase: Showcase, project: Project
) -> None:
    first = showcase.exhibits(1)
    open_solved_round(project, solved_round())
    assert showcase.exhibits(1) == first
    assert len(list((project.state / "cache" / "rescore").iterdir())) == 1


def test_sound_labels_are_the_better_half_of_those_left_alone() -> None:
    standings = Standings(
        labels=np.array([0, 0, 0, 0, 0, 1, 1, 1]),
        self_confidence=np.zeros(8),
        quality=np.array([0.1, 0.2, 0.3, 0.4, 0.9, 0.2, 0.3, 0.1]),
        suggested=np.array([1, 0, 0, 0, 1, 1, 1, 1]),
        confidence=np.zeros(8),
        flagged=np.array([True, False, False, False, False, False, False, True]),
    )
    expected = [False, False, True, True, False, False, True, False]
    assert sound(standings).tolist() == expected
