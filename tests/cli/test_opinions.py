from __future__ import annotations

from cleaner.project import Project
from cleaner.recording import Request
from tests.cli.conftest import Call


def test_opinions_are_asked_for_and_compared(call: Call, ranked: Project) -> None:
    decided = [Request(1, "move", "dog"), Request(5, "accept")]
    ranked.decide(decided, reviewer="ann")
    asked = call("opinions", ranked.root, "--ask", "9", "--changed", "--seed", "1", "--json")
    assert (asked.document["asked"], asked.document["waiting"]) == (1, 1)
    given = [Request(1, "accept", about=decided[0].op_id)]
    ranked.decide([*given, Request(5, "accept", about=decided[1].op_id)], reviewer="ben")

    found = call("opinions", ranked.root, "--json").document
    assert (found["images"], found["agreement"], found["to_settle"]) == (2, 0.5, 1)
    assert [pair["reviewers"] for pair in found["pairs"]] == [["ann", "ben"]]
    told = call("opinions", ranked.root).out
    assert "2 images, 1 agree (50.0%); 0 wait for one" in told
    status = call("status", ranked.root, "--json").document["second_opinions"]
    assert (status["images"], status["kappa"]) == (2, 0.0)
    assert "Cohen's kappa" in call("status", ranked.root).out
    (disputed,) = call("queue", ranked.root, "--status", "disputed", "--json").document["items"]
    assert disputed["item_id"] == 1


def test_without_opinions_the_figures_say_so(call: Call, ranked: Project) -> None:
    found = call("opinions", ranked.root, "--json").document
    assert (found["images"], found["agreement"], found["kappa"]) == (0, None, None)
    assert "kappa" not in call("status", ranked.root).out
    ranked.decide([Request(1, "accept")], reviewer="ann")
    call("opinions", ranked.root, "--ask", "1")
    assert call("opinions", ranked.root, "--withdraw", "--json").document["withdrawn"] == 1


def test_options_that_do_not_go_together_are_refused(call: Call, ranked: Project) -> None:
    assert call("opinions", ranked.root, "--changed").code == 2
    assert call("opinions", ranked.root, "--ask", "1", "--withdraw").code == 2
