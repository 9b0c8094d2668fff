"""One key, one page: what is decided is what was chosen on the screen, and nothing is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect
from sqlalchemy import delete

from cleaner.project import Project
from cleaner.recording import Request
from cleaner.store import decisions
from cleaner.store.tables import classes
from tests.e2e.conftest import SHOWN, Server
from tests.ui.samples import filled_project

# A page of 24, of which each lane holds more than one.
SMALL_PAGES = "localStorage.setItem('cleaner:grid', JSON.stringify({ count: 24 }))"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A dataset of 160 images in 4 classes, 40 of each suggested the next class."""
    project = filled_project(tmp_path, each=40)
    yield project
    project.store.close()


class GridPage:
    """The grid as a person sees it."""

    def __init__(self, page: Page, url: str, *, waits: bool = True) -> None:
        self.page = page
        self.url = f"{url}&view=Grid"
        page.add_init_script(SMALL_PAGES)
        page.goto(self.url)
        if waits:
            self.wait()

    def wait(self, first: int | None = None) -> None:
        """Wait until a page can be settled, which begins with this image if one is named."""
        which = "" if first is None else f"[data-item-id='{first}']"
        self.page.locator(f".tile{which}").first.wait_for()
        expect(self.page.locator(".grid.waiting")).to_have_count(0)
        self.page.wait_for_timeout(350)  # a key sooner than that is taken for a double press

    @property
    def tiles(self) -> Locator:
        return self.page.locator(".tile")

    @property
    def shown(self) -> list[int]:
        """The numbers of the images on the screen, in their order."""
        return [int(tile.get_attribute("data-item-id") or 0) for tile in self.tiles.all()]

    def chosen(self, choice: str) -> list[int]:
        """Return the places of the images for which this is chosen."""
        tiles = self.tiles.all()
        return [at for at, tile in enumerate(tiles) if tile.get_attribute("data-choice") == choice]

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def settle(self, key: str = "Enter") -> None:
        """Settle the page, and wait for the next one, or for the card behind the last."""
        before = self.shown[0]
        self.press(key)
        expect(self.page.locator(f".tile[data-item-id='{before}']")).to_have_count(0)
        self.page.locator(".tile, .end-title").first.wait_for()
        self.page.wait_for_timeout(350)

    def wait_saved(self) -> None:
        expect(self.page.locator(".saved[data-state=saved]")).to_be_visible()


@pytest.fixture
def grid(page: Page, server: Server, project: Project) -> GridPage:
    return GridPage(page, server.address(project, "review"))


def deeds(project: Project) -> dict[int, tuple[str, str]]:
    """Return what stands: image -> what was decided, and the label it has since."""
    with project.store.read() as connection:
        standing = decisions.standing(connection)
    return {one.item_id: (one.action, one.label_after) for one in reversed(standing)}


# -- lanes -----------------------------------------------------------------------------


def test_the_largest_lane_opens_first_and_holds_one_label_and_one_suggestion(
    grid: GridPage, project: Project
) -> None:
    expect(grid.page.locator(".title")).to_have_text("40 labelled circle, suggested square")
    expect(grid.page.locator(".lane")).to_have_text(
        [
            "All suspects160",
            "circle→square40",
            "square→star40",
            "star→triangle40",
            "triangle→circle40",
        ]
    )
    items = {item.item_id: item for item in project.queue()}
    assert {(items[one].current_label, items[one].suggested_label) for one in grid.shown} == {
        ("circle", "square")
    }


def test_a_lane_is_opened_by_key_or_click_and_found_again_after_a_reload(grid: GridPage) -> None:
    grid.press(".")
    expect(grid.page.locator(".title")).to_have_text("40 labelled square, suggested star")
    grid.page.get_by_role("tab", name="star → triangle").click()
    expect(grid.page.locator(".title")).to_have_text("40 labelled star, suggested triangle")
    grid.page.reload()
    grid.wait()
    expect(grid.page.locator(".title")).to_have_text("40 labelled star, suggested triangle")


def test_in_the_lane_with_all_suspects_each_image_goes_to_its_own_suggestion(
    grid: GridPage, project: Project
) -> None:
    grid.page.get_by_role("tab", name="All suspects").click()
    expect(grid.page.locator(".title")).to_have_text("160 suspects")
    grid.wait()
    suggested = {item.item_id: item.suggested_label for item in project.queue(limit=24)}
    assert grid.shown == list(suggested)
    grid.settle()
    grid.wait_saved()
    assert deeds(project) == {item_id: ("move", label) for item_id, label in suggested.items()}


def test_a_filter_leaves_its_own_lanes_and_images(
    page: Page, server: Server, project: Project
) -> None:
    current = project.queue(limit=1)[0].current_label
    grid = GridPage(page, f"{server.address(project, 'review')}&current={current}")
    expect(page.get_by_role("tab")).to_have_count(2)  # all suspects of the class, and its pair
    grid.settle()
    grid.wait()
    grid.settle()
    grid.wait_saved()
    labels = {item.item_id: item.given_label for item in project.dataset().items}
    assert {labels[one.item_id] for one in project.history()} == {current}
    assert len(project.history()) == 40
    expect(page.locator(".end-title")).to_have_text("All that match are reviewed")
    page.get_by_role("button", name="Clear the filter").click()
    grid.wait()
    assert len(grid.shown) == 24


def test_where_nothing_matches_the_grid_says_so(
    page: Page, server: Server, project: Project
) -> None:
    url = f"{server.address(project, 'review')}&text=no-such-file"
    grid = GridPage(page, url, waits=False)
    expect(page.locator(".end-title")).to_have_text("No image matches")
    page.get_by_role("button", name="Clear the filter").click()
    grid.wait()


def test_a_settled_lane_leads_on_to_the_next_with_the_same_key(grid: GridPage) -> None:
    grid.settle()
    grid.settle()
    expect(grid.page.get_by_text("This lane is settled")).to_be_visible()
    grid.press("Enter")
    expect(grid.page.locator(".title")).to_have_text("40 labelled square, suggested star")


# -- one key ---------------------------------------------------------------------------


def test_one_key_moves_the_ticked_images_and_keeps_the_label_of_the_others(
    grid: GridPage, project: Project
) -> None:
    shown = grid.shown
    grid.tiles.nth(3).click()
    grid.tiles.nth(11).click()
    expect(grid.page.locator(".action.go .words")).to_have_text("Move 22, keep 2")
    grid.settle()
    grid.wait_saved()
    expected = dict.fromkeys(shown, ("move", "square"))
    expected |= {shown[3]: ("accept", "circle"), shown[11]: ("accept", "circle")}
    assert deeds(project) == expected


def test_images_left_for_later_are_not_decided_and_come_again(
    grid: GridPage, project: Project
) -> None:
    shown = grid.shown
    grid.tiles.nth(0).click()
    expect(grid.page.locator(".action.later .words")).to_have_text("Move 23, leave 1 for later")
    grid.settle("l")
    grid.settle()
    expect(grid.page.get_by_text("The rest was left for later")).to_be_visible()
    grid.wait_saved()
    assert len(deeds(project)) == 39
    grid.page.get_by_role("button", name="Look at them now").click()
    grid.wait(shown[0])
    assert grid.shown == [shown[0]]


def test_an_excluded_image_is_taken_out_and_the_rest_of_the_page_is_moved(
    grid: GridPage, project: Project
) -> None:
    shown = grid.shown
    grid.press("ArrowRight", "x")
    assert grid.chosen("exclude") == [1]
    grid.settle("m")
    grid.wait_saved()
    assert Counter(action for action, _label in deeds(project).values()) == {
        "move": 23,
        "exclude": 1,
    }
    assert deeds(project)[shown[1]][0] == "exclude"


def test_the_ticked_images_go_to_a_class_that_was_searched_instead(
    grid: GridPage, project: Project
) -> None:
    shown = grid.shown
    grid.press("n")
    grid.tiles.nth(2).click()
    grid.press("/")
    grid.page.keyboard.type("tri")
    grid.press("Enter")
    expect(grid.page.locator(".title")).to_contain_text("moving to triangle")
    assert project.history() == []
    grid.settle("l")
    grid.wait_saved()
    assert deeds(project) == {shown[2]: ("move", "triangle")}


def test_a_page_counts_only_once_all_its_pictures_are_there(
    page: Page, server: Server, project: Project
) -> None:
    slow = project.queue(limit=5)[-1].item_id
    held = []
    page.route(f"**/image/{slow}?*", lambda route: held.append(route))
    grid = GridPage(page, server.address(project, "review"), waits=False)
    expect(page.locator(".tile")).to_have_count(24)
    page.wait_for_timeout(700)
    grid.press("Enter")
    expect(page.get_by_text("Wait for 1 picture")).to_be_visible()
    assert project.history() == []
    for route in held:
        route.continue_()
    grid.wait()
    grid.settle()
    grid.wait_saved()
    assert len(project.history()) == 24


def test_a_key_pressed_twice_settles_one_page(grid: GridPage, project: Project) -> None:
    grid.press("Enter", "Enter")
    grid.page.wait_for_timeout(400)
    grid.wait_saved()
    assert len(project.history()) == 24


def test_a_page_longer_than_the_screen_is_seen_to_its_end_first(
    grid: GridPage, project: Project
) -> None:
    grid.page.get_by_role("button", name="Large").click()
    grid.wait()
    grid.press("Enter")
    expect(grid.page.get_by_text("There is more below")).to_be_visible()
    cells = grid.page.locator(".cells")
    while not cells.evaluate("it => it.scrollTop + it.clientHeight >= it.scrollHeight - 2"):
        assert project.history() == []
        grid.press("Enter")
        grid.page.wait_for_timeout(100)
    assert project.history() == []
    grid.settle()
    grid.wait_saved()
    assert len(project.history()) == 24


# -- gestures --------------------------------------------------------------------------


def test_arrows_and_space_take_images_out_and_in(grid: GridPage) -> None:
    columns = int(
        grid.page.locator(".cells").evaluate("e => e.style.getPropertyValue('--columns')")
    )
    grid.press("ArrowRight", "ArrowDown", "Space")
    assert grid.chosen("keep") == [columns + 1]
    grid.press("ArrowLeft", "Space", "ArrowRight", "Space")
    assert grid.chosen("keep") == [columns]
    grid.press("End", "Space", "Home", "Space")
    assert grid.chosen("keep") == [0, columns, 23]
    focused = grid.page.evaluate(
        "(() => { let e = document.activeElement; while (e.shadowRoot) "
        "e = e.shadowRoot.activeElement; return e.getAttribute('aria-selected'); })()"
    )
    assert focused == "false"


def test_a_range_is_marked_with_shift_by_mouse_and_by_arrows(grid: GridPage) -> None:
    grid.tiles.nth(2).click()
    grid.tiles.nth(6).click(modifiers=["Shift"])
    assert grid.chosen("keep") == [2, 3, 4, 5, 6]
    grid.press("x")
    assert grid.chosen("exclude") == [2, 3, 4, 5, 6]
    grid.press("Escape", "Home", "Shift+ArrowRight", "Space")
    assert grid.chosen("keep") == [0, 1]


def test_all_are_ticked_or_none(grid: GridPage) -> None:
    grid.press("n")
    assert grid.chosen("move") == []
    expect(grid.page.locator(".action.go .words")).to_have_text("Keep 24")
    grid.press("Control+a")
    assert len(grid.chosen("move")) == 24


def test_a_picture_is_enlarged_by_a_key_or_while_it_is_held(
    grid: GridPage, project: Project
) -> None:
    zoom = grid.page.locator(".zoom")
    grid.press("ArrowRight", "z")
    expect(zoom).to_contain_text("circle/001.jpg, labelled circle, moves to square")
    grid.press("ArrowRight")
    expect(zoom).to_contain_text("circle/002.jpg")
    grid.press("z")
    expect(zoom).to_be_hidden()
    grid.tiles.nth(4).hover()
    grid.page.mouse.down()
    expect(zoom).to_contain_text("circle/004.jpg")
    grid.page.mouse.up()
    expect(zoom).to_be_hidden()
    assert grid.chosen("keep") == []


def test_number_and_size_of_the_pictures_are_remembered(grid: GridPage) -> None:
    grid.page.get_by_role("button", name="96").click()
    expect(grid.tiles).to_have_count(40)
    grid.press("+")
    # Not the page itself, which would begin with what these tests remember for it.
    kept = grid.page.evaluate("JSON.parse(localStorage.getItem('cleaner:grid'))")
    assert kept == {"size": "medium", "count": 96}


def test_the_question_mark_shows_the_keys_and_settles_nothing_meanwhile(
    grid: GridPage, project: Project
) -> None:
    grid.press("?")
    expect(grid.page.get_by_text("One key, one page")).to_be_visible()
    grid.press("Enter", "n", "Escape")
    expect(grid.page.get_by_text("One key, one page")).to_be_hidden()
    assert len(grid.chosen("move")) == 24
    assert project.history() == []


def test_the_grid_speaks_to_a_screen_reader(grid: GridPage) -> None:
    cells = grid.page.get_by_role("grid")
    expect(cells).to_have_attribute("aria-multiselectable", "true")
    expect(cells.get_by_role("row").first.get_by_role("gridcell").first).to_have_attribute(
        "aria-label", "circle/000.jpg, labelled circle, moves to square"
    )
    expect(cells.get_by_role("gridcell", selected=True)).to_have_count(24)
    expect(cells.locator("[tabindex='0']")).to_have_count(1)


def test_the_grid_fits_a_small_screen_without_scrolling(grid: GridPage) -> None:
    for count in ("24", "48", "96"):
        grid.page.get_by_role("button", name=count, exact=True).click()
        overhang = grid.page.evaluate(
            """(() => { const main = document.querySelector('[data-testid="stMain"]');
            return main.scrollHeight - main.clientHeight; })()"""
        )
        inside = grid.page.locator(".cells").evaluate("e => e.scrollHeight - e.clientHeight")
        assert (overhang <= 0, inside <= 0) == (True, True)


# -- nothing is lost -------------------------------------------------------------------


def test_one_undo_takes_back_one_page_also_after_a_restart(
    grid: GridPage, server: Server, project: Project
) -> None:
    first = grid.shown
    grid.tiles.nth(5).click()
    grid.settle()
    second = grid.shown
    grid.settle()
    grid.press("u")
    grid.wait(second[0])
    assert grid.shown == second
    grid.wait_saved()
    server.kill()
    server.start()
    grid.page.reload()
    grid.wait()
    grid.press("Control+z")
    grid.wait(first[0])
    assert grid.shown == first
    assert grid.chosen("keep") == [5]
    grid.wait_saved()

    assert deeds(project) == {}
    log = project.history()
    assert len({one.op_id for one in log}) == len(log) == 2 * (24 + 16)
    expect(grid.page.locator(".lane-count").nth(1)).to_have_text("40")


def test_a_page_that_was_undone_is_redone_with_one_key_also_after_a_reload(
    grid: GridPage, project: Project
) -> None:
    first = grid.shown
    grid.tiles.nth(5).click()
    grid.settle()
    grid.wait_saved()
    before = deeds(project)
    grid.press("u")
    grid.wait(first[0])
    grid.press("r")
    expect(grid.page.locator(f".tile[data-item-id='{first[0]}']")).to_have_count(0)
    grid.wait_saved()
    assert deeds(project) == before
    grid.press("u")
    grid.wait(first[0])
    grid.wait_saved()
    grid.page.reload()
    grid.wait(first[0])
    grid.press("Control+y")
    expect(grid.page.locator(f".tile[data-item-id='{first[0]}']")).to_have_count(0)
    grid.wait_saved()
    assert deeds(project) == before


def test_a_page_settled_while_the_server_is_dead_arrives_once_when_it_is_back(
    grid: GridPage, server: Server, project: Project
) -> None:
    shown = grid.shown
    server.kill()
    grid.settle()
    expect(grid.page.locator(".saved[data-state=offline]")).to_be_visible()
    server.start()
    grid.wait_saved()
    log = project.history()
    assert sorted(one.item_id for one in log) == sorted(shown)
    assert len({one.op_id for one in log}) == 24


def test_a_server_killed_while_it_answers_has_each_decision_once(
    grid: GridPage, server: Server, project: Project
) -> None:
    shown = grid.shown

    def drop_the_answer(route: Route) -> None:
        route.fetch()
        server.kill()
        route.abort()

    grid.page.route("**/decisions", drop_the_answer, times=1)
    grid.settle()
    expect(grid.page.locator(".saved[data-state=offline]")).to_be_visible()
    assert len(project.history()) == 24
    server.start()
    grid.wait_saved()
    assert sorted(one.item_id for one in project.history()) == sorted(shown)


def test_what_a_closed_tab_could_not_send_is_sent_by_the_next_one(
    grid: GridPage, server: Server, project: Project
) -> None:
    shown = grid.shown
    grid.page.route("**/decisions", lambda route: route.abort())
    grid.settle()
    grid.page.close(run_before_unload=False)
    assert project.history() == []
    again = GridPage(grid.page.context.new_page(), server.address(project, "review"))
    again.wait_saved()
    assert sorted(one.item_id for one in project.history()) == sorted(shown)
    assert not set(again.shown) & set(shown)


def test_what_was_decided_in_the_grid_is_undone_in_the_deck_and_the_other_way_round(
    grid: GridPage, project: Project
) -> None:
    shown = grid.shown
    grid.settle()
    grid.wait_saved()
    grid.page.get_by_text("One by one").click()
    grid.page.locator(".picture img").wait_for()
    grid.press("u")
    grid.page.wait_for_function(f"({SHOWN}) === {shown[-1]}")
    grid.wait_saved()
    assert len(deeds(project)) == 23
    grid.press("x")
    grid.wait_saved()
    grid.page.get_by_text("Grid", exact=True).click()
    grid.wait()
    assert "view=Grid" in grid.page.url
    grid.press("u")
    grid.wait(shown[-1])
    grid.wait_saved()
    assert sorted(deeds(project)) == sorted(shown[:-1])


def test_what_the_server_refused_comes_back_with_the_reason_and_is_not_decided_unasked(
    grid: GridPage, project: Project
) -> None:
    refused = grid.shown[7]
    with project.store.write() as connection:
        connection.execute(delete(classes).where(classes.c.name == "square"))
    grid.tiles.nth(7).click()
    grid.press("n")
    grid.tiles.nth(7).click()
    grid.settle()
    expect(grid.page.locator(".verdict.problem")).to_contain_text("no class 'square'")
    grid.settle("l")
    tile = grid.page.locator(f".tile[data-item-id='{refused}']")
    expect(tile).to_have_attribute("data-choice", "aside")
    expect(tile.locator(".pill")).to_contain_text("no class 'square'")
    grid.press("Control+a")
    expect(tile).to_have_attribute("data-choice", "aside")
    assert refused not in deeds(project)


def test_a_picture_that_is_gone_is_left_unless_it_is_excluded(
    page: Page, server: Server, project: Project
) -> None:
    gone = project.queue(limit=3)[-1].item_id
    project.file_of(gone).unlink()
    grid = GridPage(page, server.address(project, "review"))
    expect(page.locator(".tile .broken")).to_have_count(1)
    grid.tiles.nth(2).click()
    assert grid.chosen("aside") == [2]
    grid.press("x")
    assert grid.chosen("exclude") == [2]
    grid.settle()
    grid.wait_saved()
    assert deeds(project)[gone][0] == "exclude"


def test_an_image_that_somebody_else_decided_meanwhile_tells_so_on_its_tile(
    grid: GridPage, project: Project
) -> None:
    taken = grid.shown[4]
    project.decide([Request(taken, "move", "star")], reviewer="Ann")
    grid.settle()
    expect(grid.page.locator(".verdict.problem")).to_contain_text("Ann moved it to star")
    grid.wait_saved()
    grid.settle()
    tile = grid.page.locator(f".tile[data-item-id='{taken}']")
    expect(tile).to_have_attribute("data-choice", "aside")
    expect(tile.locator(".pill")).to_contain_text("Ann moved it to star")
    assert deeds(project)[taken] == ("move", "star")
    tile.click()
    grid.wait(taken)
    grid.press("Enter")
    grid.wait_saved()
    assert deeds(project)[taken] == ("move", "square")
