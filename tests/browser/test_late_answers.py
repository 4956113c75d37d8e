"""Answers that come late, or not at all: nothing typed is lost, and nothing shows under another collection's name."""

import time
from contextlib import suppress
from typing import Any

import pytest
from playwright.sync_api import Error, Page, Route, expect

from tests.browser.conftest import PATIENCE_MS, Open, fill, look_at
from tests.process.conftest import Process

FULL: dict[str, Any] = {
    "status": 507,
    "content_type": "application/problem+json",
    "body": '{"status": 507, "code": "disk_full", "detail": "the disk is full"}',
}


class Held:
    """The requests to addresses that `pattern` matches, or the first `times`, kept back until they are let go."""

    def __init__(self, page: Page, pattern: str, times: int | None = None) -> None:
        self._page, self._pattern = page, pattern
        self._routes: list[Route] = []
        page.route(pattern, lambda route: self._routes.append(route), times=times)

    def waiting(self) -> None:
        """Until there is one."""
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while not self._routes:
            assert time.monotonic() < deadline, self._pattern
            self._page.wait_for_timeout(10)

    def let_go(self) -> None:
        for route in self._routes:
            with suppress(Error):  # the page has given it up
                route.continue_()
        self._page.unroute(self._pattern)
        for route in self._routes:
            if answer := route.request.response():
                answer.finished()
        # What the answers bring about has happened by then.
        self._page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")

    def refuse(self) -> None:
        for route in self._routes:
            route.fulfill(**FULL)
        self._page.unroute(self._pattern)


def title(page: Page) -> str:
    return page.locator("#documents-title").inner_text()


@pytest.fixture(scope="module")
def two(service: Process) -> Process:
    """Beside `news`, a collection `other` with one document."""
    service.put("/v1/collections/other", {})
    body = {"documents": [{"id": "lighthouse", "text": "A lighthouse stands alone.", "metadata": {"kind": "tower"}}]}
    assert service.post("/v1/collections/other/documents", body)[0] == 200
    return service


def opened(two: Process, open_page: Open, view: str, **options: object) -> Page:
    page = open_page(two, f"#/{view}?c=news", **options)
    expect(page.get_by_label("Collection", exact=True)).to_have_value("news")
    return page


def test_a_document_that_comes_late_does_not_replace_what_is_typed(two: Process, open_page: Open) -> None:
    page = opened(two, open_page, "documents")
    held = Held(page, "**/documents/cats?*")
    page.get_by_role("button", name="cats", exact=True).click()
    held.waiting()
    page.get_by_role("button", name="dogs", exact=True).click()
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Text", exact=True).fill("typed")
    held.let_go()
    expect(page.get_by_role("heading", name="Edit dogs")).to_be_visible()
    expect(page.get_by_label("Text", exact=True)).to_have_value("typed")
    page.get_by_role("button", name="Cancel").click()

    held = Held(page, "**/documents/cats?*")
    page.get_by_role("button", name="cats", exact=True).click()
    held.waiting()
    page.get_by_role("button", name="New document").click()
    page.get_by_label("Text", exact=True).fill("typed anew")
    held.let_go()
    expect(page.get_by_label("Text", exact=True)).to_have_value("typed anew")


def test_a_sheet_stays_until_its_work_is_done_and_says_what_went_wrong(two: Process, open_page: Open) -> None:
    page = opened(two, open_page, "documents", expected=["status of 507"])
    page.get_by_role("button", name="New document").click()
    page.get_by_label("Text", exact=True).fill("a long text")
    held = Held(page, "**/v1/collections/news/documents")
    page.get_by_role("button", name="Save").click()
    held.waiting()
    for _ in range(2):
        page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Cancel")).to_be_disabled()
    expect(page.get_by_role("button", name="Close")).to_be_disabled()
    held.refuse()
    expect(page.get_by_role("alert")).to_contain_text("The disk is full")
    expect(page.get_by_label("Text", exact=True)).to_have_value("a long text")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_what_cannot_be_chosen_is_told_and_nothing_goes_elsewhere(two: Process, open_page: Open) -> None:
    page = opened(two, open_page, "documents", expected=["status of 507"])
    page.route("**/v1/collections", lambda route: route.fulfill(**FULL))
    picker = page.get_by_label("Collection", exact=True)
    picker.select_option("other")
    expect(page.get_by_role("alert")).to_contain_text("The disk is full")
    assert title(page) == picker.input_value() == "other"
    expect(page.locator(".row-id")).to_have_text(["lighthouse"])
    page.unroute("**/v1/collections")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    assert title(page) == picker.input_value() == "other"


def test_the_last_choice_holds_whichever_answer_comes_last(two: Process, open_page: Open) -> None:
    page = opened(two, open_page, "documents")
    two.put("/v1/collections/third", {})
    look_at(page, "news")
    picker = page.get_by_label("Collection", exact=True)
    held = Held(page, "**/v1/collections", times=1)
    picker.select_option("other")
    held.waiting()
    assert title(page) == "other"
    look_at(page, "third")
    held.let_go()
    assert title(page) == picker.input_value() == "third"


def test_no_tab_works_before_the_view_of_the_address_is_open(two: Process, open_page: Open) -> None:
    page = open_page(two, "#/map?c=news")
    tab = page.get_by_role("tab", name="Search")
    expect(tab).to_be_enabled()
    held = Held(page, "**/v1/collections", times=1)
    page.reload()
    held.waiting()
    expect(tab).to_be_disabled()  # or what it opens would be left again for the map
    held.let_go()
    tab.click()
    expect(page.locator("#search")).to_be_visible()
    assert page.url.endswith("#/search?c=news")


def test_a_map_never_shows_under_another_name(two: Process, open_page: Open) -> None:
    page = opened(two, open_page, "map", expected=["status of 507"])
    caption = page.locator("#map-caption")
    expect(caption).to_contain_text("12 documents")
    legend = page.locator("#legend")
    expect(legend).to_contain_text("animals")

    # Asked for, left, and come back to under another name.
    held = Held(page, "**/map?*")
    page.get_by_label("Layout").select_option("components")
    held.waiting()
    page.get_by_role("tab", name="State").click()
    look_at(page, "other")
    held.let_go()
    expect(legend).not_to_contain_text("animals")
    page.get_by_role("tab", name="Map").click()
    expect(caption).to_contain_text("1 document ")

    # The other's map does not come.
    page.route("**/news/map?*", lambda route: route.fulfill(**FULL))
    look_at(page, "news")
    expect(page.get_by_role("alert")).to_contain_text("The disk is full")
    page.get_by_role("button", name="List").click()
    expect(page.locator("#map-list")).to_contain_text("Nothing to list")
    page.unroute("**/news/map?*")
    page.get_by_role("button", name="Try again").click()
    expect(caption).to_contain_text("12 documents")
    expect(page.locator("#colour-by")).to_have_value("topic")

    # A search's answer comes when the map has become smaller.
    held = Held(page, "**/map/place")
    page.get_by_role("searchbox", name="Search on the map").fill("a tower")
    held.waiting()
    look_at(page, "other")
    held.let_go()
    expect(page.locator("#map-hits li")).to_have_count(1)
    page.locator("#map-hits button").first.hover()
    expect(page.locator("#map-tip")).to_contain_text("lighthouse")


def test_documents_never_show_under_another_name(two: Process, open_page: Open) -> None:
    page = opened(two, open_page, "documents", expected=["status of 507"])
    expect(page.locator(".row")).to_have_count(12)
    page.route("**/other/documents?*", lambda route: route.fulfill(**FULL))
    look_at(page, "other")
    expect(page.get_by_role("alert")).to_contain_text("The disk is full")
    expect(page.locator(".row")).to_have_count(0)
    page.unroute("**/other/documents?*")

    held = Held(page, "**/news/documents?*")
    look_at(page, "news")
    held.waiting()
    page.get_by_role("tab", name="State").click()
    look_at(page, "other")
    held.let_go()
    expect(page.locator(".row")).to_have_count(0)
    page.get_by_role("tab", name="Documents").click()
    expect(page.locator(".row-id")).to_have_text(["lighthouse"])


def test_hits_never_show_under_another_name(two: Process, open_page: Open) -> None:
    page = opened(two, open_page, "search")
    page.get_by_role("searchbox", name="Search").fill("kitten")
    expect(page.locator(".hit").first).to_be_visible()
    held = Held(page, "**/other/search")
    look_at(page, "other")
    held.waiting()
    expect(page.locator(".hit")).to_have_count(0)
    held.let_go()
    expect(page.locator(".column[data-mode=semantic] .hit")).to_have_count(1)


def test_an_edit_far_down_keeps_its_place_and_the_focus(service: Process, open_page: Open) -> None:
    fill(service, "deep")
    some = [{"id": f"e{n:03}", "text": f"text {n}"} for n in range(110)]
    service.post("/v1/collections/deep/documents", {"documents": some})
    page = open_page(service, "#/documents?c=deep")
    for count in (50, 100):
        expect(page.locator(".row")).to_have_count(count)
        page.get_by_role("button", name="Show more").click()
    expect(page.locator(".row")).to_have_count(122)
    page.get_by_role("button", name="e090", exact=True).click()
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Text", exact=True).fill("edited")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".row", has_text="e090")).to_contain_text("edited")
    expect(page.locator(".row")).to_have_count(122)
    expect(page.get_by_role("button", name="e090", exact=True)).to_be_focused()
