"""The page of the audits in a real browser: copies side by side, settled and brought back."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from cleaner.items import Finding
from cleaner.project import Project
from cleaner.store import findings
from tests.e2e.conftest import SHOWN, Server

_PICTURES = "img.audit-picture"
_LOADED = f"""() => {{
  const shown = [...document.querySelectorAll('{_PICTURES}')];
  return shown.length > 0 && shown.every((one) => one.complete && one.naturalWidth > 0);
}}"""


def _keep(project: Project) -> None:
    twins = ("circle/000.jpg", "circle/001.jpg", "circle/002.jpg")
    found = [
        Finding("near_duplicate", twins, "info", "3 files show nearly the same picture."),
        *(Finding("dark", (f"star/{n:03}.jpg",), "warning", "It is dark.") for n in range(3)),
    ]
    with project.store.write() as connection:
        findings.replace_all(connection, found, found_by="scan")


def _excluded(project: Project) -> int:
    return sum(item.status == "excluded" for item in project.dataset().items)


def test_copies_are_settled_and_brought_back_and_dark_ones_reviewed(
    server: Server, page: Page, project: Project
) -> None:
    _keep(project)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(server.address(project, "audits"))
    page.get_by_text("Near copies within a class · 1").click()
    expect(page.locator(_PICTURES)).to_have_count(3)
    page.wait_for_function(_LOADED)
    expect(page.locator("img.audit-stays")).to_have_count(1)

    page.get_by_role("button", name="Keep one of each").click()
    expect(page.get_by_text("Keeps 1 image, one of each group.")).to_be_visible()
    assert _excluded(project) == 0
    page.get_by_role("button", name="Exclude 2 images").click()
    expect(page.get_by_text("2 images excluded.")).to_be_visible()
    assert _excluded(project) == 2
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("2 decisions taken back.")).to_be_visible()
    assert _excluded(project) == 0

    page.get_by_text("Dark · 3").click()
    page.get_by_role("checkbox", name="Select").nth(1).check(force=True)
    expect(page.get_by_text("2 of 3 findings")).to_be_visible()
    page.get_by_role("button", name="Open in Review").click()
    page.wait_for_url(re.compile(r"/review\?.*picked="))
    shown = page.wait_for_function(SHOWN, timeout=40_000).json_value()
    stars = {item.item_id: item.path for item in project.dataset().items}
    assert stars[shown] in ("star/000.jpg", "star/002.jpg")
    allowed = (server.url, "data:", "blob:")
    assert [url for url in asked if not url.startswith(allowed)] == []
