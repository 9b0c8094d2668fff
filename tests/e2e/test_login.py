"""The login as a browser does it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Server

TOKEN = "a-token-that-nobody-guesses"  # noqa: S105


@pytest.fixture(scope="module")
def locked(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("home"), CLEANER_TOKEN=TOKEN)
    server.start()
    yield server
    server.kill()


def test_the_token_opens_the_page_that_was_asked_for(page: Page, locked: Server) -> None:
    page.goto(f"{locked.url}/review")
    page.get_by_label("Token").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("That is not the token.")
    page.get_by_label("Token").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("stApp")).to_be_visible()
    assert page.url.startswith(f"{locked.url}/review")


def test_a_link_with_the_token_opens_the_page_and_forgets_it(page: Page, locked: Server) -> None:
    page.goto(f"{locked.url}/train#{TOKEN}")
    expect(page.get_by_test_id("stApp")).to_be_visible()
    assert TOKEN not in page.url
