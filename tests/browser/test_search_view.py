"""Search as a person uses it: typing, three modes side by side, filters by clicking, the request as code."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.process.conftest import Process


def ask(page: Page, query: str) -> None:
    page.get_by_role("searchbox", name="Search").fill(query)
    expect(page.locator(".column[aria-busy]")).to_have_count(0)


def ids(page: Page, mode: str) -> list[str]:
    cards = page.locator(f".column[data-mode={mode}] .hit").all()
    return [card.get_attribute("data-id") or "" for card in cards]


def test_three_modes_answer_as_one_types(service: Process, open_page: Open) -> None:
    page = open_page(service, "#search")
    page.get_by_role("searchbox", name="Search").press_sequentially("kitten on the couch", delay=20)
    expect(page.locator(".column[data-mode=semantic] .hit").first).to_have_attribute("data-id", "cats")
    assert ids(page, "hybrid")[0] == "cats"
    assert "cats" in ids(page, "keyword")
    for mode in ("semantic", "hybrid", "keyword"):
        expect(page.get_by_role("heading", name=mode)).to_be_visible()
