"""The page of past decisions in a real browser."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from cleaner.project import Project
from cleaner.recording import Request
from tests.e2e.conftest import Server
from tests.e2e.test_two_reviewers import give_name


def test_an_undo_brings_the_file_back_under_the_name_in_this_browser(
    server: Server, page: Page, project: Project
) -> None:
    first, second = project.queue(limit=2)
    for entry in (first, second):
        project.decide([Request(entry.item_id, "move", "triangle")], reviewer="Ann")
    project.apply()
    page.goto(server.address(project, "review"))
    give_name(page, "Zoë & Co")
    page.get_by_role("link", name="History").click()
    row = page.locator("[class*=st-key-log-entry-]").filter(has_text="Moved: circle → triangle")
    expect(row).to_have_count(2)
    picture = row.last.locator("img")
    expect(picture).to_have_js_property("complete", value=True)
    assert int(picture.evaluate("image => image.naturalWidth")) > 0

    row.last.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Took a decision back: triangle → circle")).to_be_visible()
    expect(page.get_by_text("taken back")).to_be_visible()
    assert (project.root / first.path).is_file()
    assert not (project.root / second.path).is_file()
    assert project.history(limit=1)[0].reviewer == "Zoë & Co"
    page.reload()  # the name comes with a cookie now
    row.first.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("taken back")).to_have_count(2)
    assert project.history(limit=1)[0].reviewer == "Zoë & Co"


SAVE_AND_GO_ON = """async (form) => {
  form.querySelector('.who-save').click();
  await new Promise((resolve) => setTimeout(resolve));
  [...document.querySelectorAll('a')].find((link) => link.textContent === 'History').click();
}"""


def test_a_name_that_was_given_just_before_the_page_is_left_is_known_on_the_next_one(
    server: Server, page: Page, project: Project
) -> None:
    project.decide([Request(project.queue(limit=1)[0].item_id, "move", "triangle")])
    page.goto(server.address(project, "review"))
    page.get_by_label("Your name, for the log").fill("Zoë & Co")
    page.locator(".who-form").evaluate(SAVE_AND_GO_ON)
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.get_by_text("taken back")).to_be_visible()
    assert project.history(limit=1)[0].reviewer == "Zoë & Co"


def test_a_name_that_was_given_in_another_tab_is_known_in_this_one(
    server: Server, page: Page, project: Project
) -> None:
    project.decide([Request(project.queue(limit=1)[0].item_id, "move", "triangle")])
    page.goto(server.address(project, "history"))
    undo = page.get_by_role("button", name="Undo", exact=True)
    expect(undo).to_be_visible()
    with page.context.new_page() as other:
        other.goto(server.address(project, "review"))
        give_name(other, "Zoë & Co")
    undo.click()
    expect(page.get_by_text("taken back")).to_be_visible()
    assert project.history(limit=1)[0].reviewer == "Zoë & Co"


def test_the_table_of_decisions_can_be_downloaded(
    server: Server, page: Page, project: Project
) -> None:
    project.decide([Request(project.queue(limit=1)[0].item_id, "exclude")], reviewer="=Ann()")
    page.goto(server.address(project, "history"))
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download CSV").click()
    table = waiting.value.path().read_text("utf-8")
    assert "'=Ann()" in table
    assert "circle/000.jpg,exclude" in table
