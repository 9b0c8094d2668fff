from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cleaner import queue
from cleaner.rescoring import Rescorer, kept_of
from cleaner.rescoring.mixing import FOLLOWED
from tests.rescoring.rounds import (
    CLASS_NAMES,
    SolvedRound,
    evidence_of,
    judged_anew,
    solved_anew,
    solved_round,
)

Targets = Mapping[int, str | None]
ROUND = solved_round()
# One of the pair and one of the triple of duplicates, a sealed one, three like any other.
PAIR, TRIPLE, SEALED, PLAIN = 103, 104, 185, (101, 110, 140)


def _assert_follows(
    round_: SolvedRound,
    followed: Rescorer,
    targets: Targets,
    atol: float,
    confirmed: Sequence[int] = (),
) -> None:
    expected, found = judged_anew(round_, targets, confirmed).standings, followed.standings()
    judged = np.array([targets.get(item, "") is not None for item in range(100, 190)])
    for name in ("self_confidence", "quality", "confidence"):
        np.testing.assert_allclose(
            getattr(found, name)[judged], getattr(expected, name)[judged], atol=atol
        )
    # What lies at the cut itself may fall on either side.
    judged &= np.abs(expected.quality - round_.kept.standard.cut) > atol
    for name in ("labels", "flagged", "suggested"):
        np.testing.assert_array_equal(getattr(found, name)[judged], getattr(expected, name)[judged])


def test_before_any_decision_it_says_what_the_round_said() -> None:
    _assert_follows(ROUND, ROUND.rescorer(), {}, atol=1e-6)
    probs = ROUND.prediction.pred_probs
    np.testing.assert_allclose(solved_anew(ROUND, {}), probs, atol=1e-8)


@pytest.mark.parametrize(
    "targets",
    [
        {101: "d"},
        {PAIR: "a"},
        {TRIPLE: "b"},
        {SEALED: "c"},
        dict.fromkeys(range(100, 130), "c"),
        {110: None},
        {PAIR: None},
        {TRIPLE: None},
        {SEALED: None},
        dict.fromkeys(range(105, 150, 1)),
        {101: "d", 110: None, TRIPLE: None, 130: "a", 120: "b", SEALED: "a"},
    ],
    ids=str,
)
@pytest.mark.parametrize("rows", [np.float64, np.float32])
@pytest.mark.parametrize("signal", FOLLOWED)
def test_decisions_rank_as_a_ridge_solved_anew(targets: Targets, rows: type, signal: str) -> None:
    round_ = solved_round(rows, signal)
    followed = round_.rescorer()
    followed.follow(targets)
    # The posterior sharpens probabilities, and with them what float32 leaves of an error.
    sharpness = round_.kept.standard.noise.sharpness if signal == "label_posterior" else 1
    _assert_follows(round_, followed, targets, atol=1e-5 * sharpness)


@pytest.mark.parametrize("signal", FOLLOWED)
def test_a_confirmed_label_is_not_put_up_for_review_until_it_is_taken_back(signal: str) -> None:
    round_ = solved_round(signal=signal)
    followed = round_.rescorer()
    suspect = 100 + int(followed.standings().quality.argmin())
    own = {suspect: CLASS_NAMES[round_.examples.labels[suspect - 100]]}
    assert followed.standings().flagged[suspect - 100]
    followed.follow(own, [suspect])
    _assert_follows(round_, followed, own, atol=1e-4, confirmed=[suspect])
    assert not followed.standings().flagged[suspect - 100]
    followed.follow(own)
    assert followed.standings().flagged[suspect - 100]


def test_the_image_at_the_cut_stays_flagged_while_nothing_is_decided() -> None:
    evidence = evidence_of(ROUND.examples.labels, ROUND.prediction, ROUND.prediction.pred_probs)
    quality = np.sort(queue.judged(evidence).standings.quality)
    for place in (0, 4, 8, 40, 89):
        standard = replace(ROUND.kept.standard, cut=float(quality[place]))
        kept = kept_of(
            ROUND.prediction,
            queue.judged(evidence, standard),
            groups=ROUND.examples.groups,
            sealed=ROUND.examples.sealed,
            opening=ROUND.kept.opening,
        )
        assert kept is not None
        assert Rescorer(kept).standings().flagged.sum() == place + 1


def test_one_after_another_is_as_all_at_once() -> None:
    targets: Targets = {101: "d", 110: None, TRIPLE: None, 131: "a", 120: "b", 134: None}
    followed = ROUND.rescorer()
    for item_id, label in targets.items():
        followed.follow({item_id: label})
    _assert_follows(ROUND, followed, targets, atol=1e-6)


def test_what_is_taken_back_leaves_no_trace() -> None:
    followed = ROUND.rescorer()
    before = followed.standings()
    own = {item: CLASS_NAMES[ROUND.examples.labels[item - 100]] for item in range(100, 190)}
    for targets in ({101: "d"}, {110: None}, {PAIR: None, TRIPLE: None, 140: "b"}, {SEALED: "a"}):
        followed.follow(targets)
        followed.follow({item: own[item] for item in targets})
    np.testing.assert_allclose(followed.standings().quality, before.quality, atol=1e-9)


def test_an_accepted_label_changes_nothing() -> None:
    followed = ROUND.rescorer()
    before = followed.standings()
    followed.follow({101: CLASS_NAMES[ROUND.examples.labels[1]]})
    np.testing.assert_array_equal(followed.standings().quality, before.quality)


def test_a_relabelled_sealed_image_changes_its_own_quality_only() -> None:
    followed = ROUND.rescorer()
    before = followed.standings().quality
    other = CLASS_NAMES[(ROUND.examples.labels[SEALED - 100] + 1) % 4]
    followed.follow({SEALED: other})
    assert list(np.flatnonzero(followed.standings().quality != before)) == [SEALED - 100]


def test_a_class_the_round_did_not_know_teaches_nothing_until_the_next() -> None:
    new_class, excluded = ROUND.rescorer(), ROUND.rescorer()
    new_class.follow({101: "a class added since"})
    excluded.follow({101: None})
    np.testing.assert_array_equal(new_class.standings().quality, excluded.standings().quality)


def test_images_the_round_did_not_judge_are_passed_over() -> None:
    followed = ROUND.rescorer()
    assert followed.follow({9999: "a", 9998: None}).size == 0


def test_a_corrected_label_lowers_doubt_about_its_likes() -> None:
    """The point of it all: twelve wrong labels of one kind, half of them put right."""
    round_ = solved_round()
    wrong = [item for item in range(109) if item < 100 + 9 and item >= 100]
    followed = round_.rescorer()
    before = followed.standings().quality
    truth = {item: CLASS_NAMES[(round_.examples.labels[item - 100] - 1) % 4] for item in wrong}
    followed.follow(dict(list(truth.items())[:6]))
    after = followed.standings().quality
    untouched = np.arange(9, 90)
    assert after[untouched].mean() > before[untouched].mean()


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*PLAIN, PAIR, 120, TRIPLE, 130, 131, SEALED]),
            st.sampled_from([*CLASS_NAMES, None]),
        ),
        max_size=12,
    )
)
def test_any_sequence_of_decisions_ends_where_a_ridge_solved_anew_does(
    sequence: list[tuple[int, str | None]],
) -> None:
    followed = ROUND.rescorer()
    for item_id, label in sequence:
        followed.follow({item_id: label})
    _assert_follows(ROUND, followed, dict(sequence), atol=1e-6)
