"""One key, one image: what is decided is what was on the screen, and nothing is lost."""

from __future__ import annotations

import time

from playwright.sync_api import Page, Route, expect

from cleaner.project import Project
from cleaner.store import decisions, rounds
from tests.e2e.conftest import SHOWN, DeckPage, Server

# Notes, before the deck sees the key, which picture was on the screen.
WITNESS = """
window.witnessed = [];
window.addEventListener('keydown', (event) => {
  window.witnessed.push([event.key, %s]);
}, { capture: true });
"""
WITNESSED = "new Set(window.witnessed.map((entry) => entry[1]).filter(Boolean)).size"
KEYS = ["a", "m", "x", "s", "Enter", "Space", "1", "3"]
ACTIONS = {"a": "accept", "Enter": "accept", "m": "move", " ": "move", "x": "exclude", "s": "skip"}


def log_of(project: Project) -> list[tuple[int, str]]:
    return [(one.item_id, one.action) for one in reversed(project.history())]


def test_each_of_forty_fast_keys_decides_about_the_image_it_was_pressed_for(
    page: Page, server: Server, project: Project
) -> None:
    page.add_init_script(WITNESS % SHOWN)
    deck = DeckPage(page, server.address(project, "review"))
    # A slow machine shows a picture later than the next key comes; that key decides nothing.
    while page.evaluate(WITNESSED) < 40:
        for key in KEYS:
            began = time.monotonic()
            page.keyboard.press(key)
            time.sleep(max(0.0, 0.05 - (time.monotonic() - began)))
    deck.wait_saved()

    witnessed = [entry for entry in page.evaluate("window.witnessed") if entry[1]]
    items = {item.item_id: item for item in project.dataset().items}
    log = log_of(project)
    assert [item_id for _key, item_id in witnessed] == [item_id for item_id, _action in log]
    assert len(dict(log)) == len(log)
    for (key, item_id), (_item_id, action) in zip(witnessed, log, strict=True):
        stays = items[item_id].current_label == items[item_id].given_label
        assert action == ACTIONS.get(key, "accept" if stays else "move")


def test_a_key_pressed_before_the_picture_is_complete_decides_nothing(
    page: Page, server: Server, project: Project
) -> None:
    second = project.queue(limit=2)[1].item_id
    held: list[Route] = []
    page.route(f"**/image/{second}?*side=960*", lambda route: held.append(route))
    deck = DeckPage(page, server.address(project, "review"))
    page.keyboard.press("a")
    page.locator(f".picture img[data-item-id='{second}']").wait_for(state="attached")
    for key in ("a", "m", "x", "s", "2", "Enter", " "):
        page.keyboard.press(key)
    expect(page.get_by_text("Wait for the picture")).to_be_attached()
    held[0].continue_()
    deck.wait_for(second)
    page.keyboard.press("x")
    deck.wait_saved()
    assert [action for _item, action in log_of(project)] == ["accept", "exclude"]


def test_undo_brings_back_the_latest_image_also_after_a_reload(
    page: Page, server: Server, project: Project
) -> None:
    deck = DeckPage(page, server.address(project, "review"))
    first = deck.shown
    deck.press("a")
    second = deck.shown
    deck.press("m")
    deck.press("u")
    deck.wait_for(second)
    deck.wait_saved()
    page.reload()
    deck.wait_for(second)
    deck.press("Control+z")
    deck.wait_for(first)
    deck.wait_saved()

    with project.store.read() as connection:
        assert decisions.standing(connection) == []
    assert [action for _item, action in log_of(project)] == ["accept", "move", "undo", "undo"]


def test_redo_brings_back_what_undo_took_also_after_server_and_browser_restarted(
    page: Page, server: Server, project: Project
) -> None:
    deck = DeckPage(page, server.address(project, "review"))
    shown = []
    for key in ("a", "m", "x"):
        shown.append(deck.shown)
        deck.press(key)
    fourth = deck.shown
    deck.press("u", "Control+z", "u")
    deck.wait_for(shown[0])
    deck.press("r")
    deck.wait_for(shown[1])
    deck.wait_saved()
    page.close()
    server.kill()
    server.start()
    deck = DeckPage(page.context.new_page(), deck.url)
    deck.wait_for(shown[1])
    deck.press("Control+Shift+Z")
    deck.wait_for(shown[2])
    deck.press("Control+y")
    deck.wait_for(fourth)
    deck.press("r")
    expect(deck.page.get_by_text("Nothing to redo")).to_be_attached()
    deck.wait_saved()

    with project.store.read() as connection:
        standing = [(one.item_id, one.action) for one in decisions.standing(connection)]
    assert standing == list(zip(reversed(shown), ["exclude", "move", "accept"], strict=True))
    assert len(project.history()) == 9


def test_a_new_decision_leaves_nothing_to_redo(
    page: Page, server: Server, project: Project
) -> None:
    deck = DeckPage(page, server.address(project, "review"))
    deck.press("a", "u", "x", "r")
    expect(page.get_by_text("Nothing to redo")).to_be_attached()
    deck.wait_saved()
    assert [action for _item, action in log_of(project)] == ["accept", "undo", "exclude"]


def test_an_undo_of_what_was_undone_elsewhere_says_so_and_shows_what_stands(
    page: Page, server: Server, project: Project
) -> None:
    deck = DeckPage(page, server.address(project, "review"))
    first = deck.shown
    deck.press("a")
    deck.wait_saved()
    project.undo()
    deck.press("u")
    expect(page.get_by_text("that decision was undone before")).to_be_attached()
    deck.wait_for(first)
    expect(page.locator(".left")).to_have_text("60 left of 60")


def test_a_reload_goes_on_where_the_review_stopped(
    page: Page, server: Server, project: Project
) -> None:
    deck = DeckPage(page, server.address(project, "review"))
    deck.press("a", "x", "s")
    expected = deck.shown
    deck.wait_saved()
    page.reload()
    deck.wait_for(expected)
    expect(page.locator(".left")).to_have_text("57 left of 60")


def test_decisions_made_while_the_server_is_dead_arrive_once_when_it_is_back(
    page: Page, server: Server, project: Project
) -> None:
    deck = DeckPage(page, server.address(project, "review"))
    deck.press("a")
    deck.wait_saved()
    server.kill()
    deck.press("m", "x", "u", "s")
    expect(page.locator(".saved[data-state=offline]")).to_be_visible()
    assert len(project.history()) == 1
    server.start()
    deck.wait_saved()

    log = project.history()
    assert [one.action for one in reversed(log)] == ["accept", "move", "exclude", "undo", "skip"]
    assert len({one.op_id for one in log}) == len(log)


def test_what_a_closed_tab_could_not_send_is_sent_by_the_next_one(
    page: Page, server: Server, project: Project
) -> None:
    deck = DeckPage(page, server.address(project, "review"))
    page.route("**/decisions", lambda route: route.abort())
    deck.press("x", "a")
    page.close(run_before_unload=False)
    assert project.history() == []
    again = DeckPage(page.context.new_page(), deck.url)
    again.wait_saved()
    assert [action for _item, action in log_of(project)] == ["exclude", "accept"]
    expect(again.page.locator(".left")).to_have_text("58 left of 60")


def test_held_keys_modifiers_and_typing_decide_nothing(
    page: Page, server: Server, project: Project
) -> None:
    deck = DeckPage(page, server.address(project, "review"))
    page.keyboard.down("a")
    page.keyboard.down("a")
    page.keyboard.down("a")
    page.keyboard.up("a")
    after_one = deck.shown
    page.keyboard.press("Control+a")
    page.keyboard.press("Alt+x")
    page.keyboard.press("/")
    page.keyboard.type("axsmur")
    page.keyboard.press("Escape")
    assert deck.shown == after_one
    deck.wait_saved()
    assert len(project.history()) == 1


def test_the_search_box_moves_to_the_class_that_was_typed(
    page: Page, server: Server, project: Project
) -> None:
    deck = DeckPage(page, server.address(project, "review"))
    first = deck.shown
    page.keyboard.press("/")
    page.keyboard.type("tri")
    expect(page.locator(".option")).to_have_text(["triangle"])
    page.keyboard.press("Enter")
    second = deck.shown
    page.keyboard.press("/")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    deck.wait_saved()

    labels = {one.item_id: one.label_after for one in project.history()}
    assert labels == {first: "triangle", second: "star"}


def test_the_question_mark_shows_the_keys_and_takes_no_decision_meanwhile(
    page: Page, server: Server, project: Project
) -> None:
    deck = DeckPage(page, server.address(project, "review"))
    page.keyboard.press("?")
    expect(page.get_by_text("One key, one image")).to_be_visible()
    page.keyboard.press("a")
    page.keyboard.press("Escape")
    expect(page.get_by_text("One key, one image")).to_be_hidden()
    deck.wait_saved()
    assert project.history() == []


def test_a_picture_that_is_gone_can_only_be_excluded_or_skipped(
    page: Page, server: Server, project: Project
) -> None:
    first, second = (item.item_id for item in project.queue(limit=2))
    project.file_of(first).unlink()
    page.goto(server.address(project, "review"))
    expect(page.get_by_text("This picture cannot be shown.")).to_be_visible()
    page.keyboard.press("a")
    page.keyboard.press("x")
    page.wait_for_function(f"({SHOWN}) === {second}")
    page.locator(".saved[data-state=saved]").wait_for()
    assert log_of(project) == [(first, "exclude")]


def test_an_empty_queue_ends_in_a_card_that_says_what_is_next(
    page: Page, server: Server, project: Project
) -> None:
    deck = DeckPage(page, server.address(project, "review"))
    for _image in range(59):
        deck.press("a")
    page.keyboard.press("m")
    expect(page.get_by_text("All suspects are reviewed")).to_be_visible()
    deck.wait_saved()
    # The page hears of it once typing has stopped.
    expect(page.get_by_text("60 reviewed · 1 changed")).to_be_visible()
    page.keyboard.press("u")
    deck.wait()
    expect(page.locator(".left")).to_have_text("1 left of 60")


def test_a_new_order_comes_in_behind_what_is_shown_and_what_comes_next(
    page: Page, server: Server, project: Project
) -> None:
    deck = DeckPage(page, server.address(project, "review"))
    order = [item.item_id for item in project.queue()]
    risen, freed = order[-1], order[20]
    row = {"suggested_label": "star", "self_confidence": 0.0, "suggested_confidence": 1.0}
    row |= {"label_quality": 0.0, "position": 0, "reasons": ["Risen"]}
    with project.store.write() as connection:
        ranking = [row | {"item_id": risen, "flagged": True}]
        rounds.rerank(connection, 1, [*ranking, row | {"item_id": freed, "flagged": False}])
    assert deck.shown == order[0]
    with page.expect_response("**/queue?*after=-1*") as answer:
        deck.press("a")
    answer.value.finished()
    page.wait_for_timeout(200)  # nothing on the screen tells that it was taken in
    for _image in range(24):
        deck.press("a")
    deck.wait_saved()

    decided = [item_id for item_id, _action in log_of(project)]
    expected = [item_id for item_id in order if item_id not in (risen, freed)]
    expected.insert(10, risen)  # behind the one on the screen and eight that were decoded
    assert decided == expected[:25]
    expect(page.locator(".left")).to_have_text("34 left of 60")


def test_what_stands_beside_the_picture_hears_of_images_one_rests_on(
    page: Page, server: Server, project: Project
) -> None:
    deck = DeckPage(page, server.address(project, "review"))
    page.locator(".evidence").evaluate(
        """(evidence, fourth) => {
            window.rested = [];
            evidence.addEventListener("rest", ({ detail }) => {
                window.rested.push(detail.item_id);
                if (detail.item_id === fourth) evidence.append("About this one.");
            });
        }""",
        project.queue()[3].item_id,
    )
    deck.press("a", "a", "a")
    expect(page.get_by_text("About this one.")).to_have_count(1)
    assert page.evaluate("window.rested.at(-1)") == deck.shown
    deck.press("a")
    expect(page.locator(".evidence")).to_be_empty()


def test_the_deck_fits_a_small_screen_without_scrolling(
    page: Page, server: Server, project: Project
) -> None:
    DeckPage(page, server.address(project, "review"))
    overhang = page.evaluate(
        """(() => { const main = document.querySelector('[data-testid="stMain"]');
        return main.scrollHeight - main.clientHeight; })()"""
    )
    assert overhang <= 0
