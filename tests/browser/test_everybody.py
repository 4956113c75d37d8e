"""The page for everybody: axe finds nothing in any view, light, dark and at phone width; keys reach everything."""

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, WIDE, Open, keep, look_at
from tests.process.conftest import Process

VIEWS = ("map", "search", "documents", "compare", "state")
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": WIDE, "color_scheme": "light"},
    "dark": {"viewport": WIDE, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "color_scheme": "light", "has_touch": True},
}


def filled(page: Page, view: str) -> None:
    """As it is when it is used, not as it opens."""
    look_at(page, "news")
    if view == "map":
        page.get_by_role("searchbox", name="Search on the map").fill("people in orbit")
        expect(page.locator("#map-hits li")).to_have_count(12)
        page.get_by_role("button", name="List").click()
        page.locator("#map-hits button").first.focus()
    elif view == "search":
        page.get_by_role("searchbox", name="Search").fill("a kitten on the couch")
        page.locator(".hit .chip").first.click()
        expect(page.locator("#filters li")).to_have_count(1)
        page.locator(".why summary").first.click()
        page.get_by_text("The same request as code").click()
    elif view == "documents":
        bad = {"name": "a.ndjson", "mimeType": "", "buffer": b"not json\n"}
        page.get_by_label("pick some").set_input_files(bad)  # type: ignore[arg-type]
        page.get_by_text("1 record refused").click()
        expect(page.locator(".row")).to_have_count(12)
    elif view == "compare":
        page.get_by_role("textbox", name="Text A").fill("Dormice hibernate. " * 150)
        expect(page.locator(".token.cut").first).to_be_visible()
    else:
        expect(page.locator("#facts")).to_contain_text("all-MiniLM-L6-v2")


def assert_accessible(page: Page) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing(service: Process, open_page: Open, view: str, look: str) -> None:
    page = open_page(service, f"#/{view}", **LOOKS[look])
    filled(page, view)
    assert_accessible(page)
    keep(page, f"{view}-{look}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it scrolls sideways"


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_in_the_sheets_and_the_empty_page(
    service: Process, empty: Process, open_page: Open, look: str
) -> None:
    page = open_page(service, "#/documents", **LOOKS[look])
    look_at(page, "news")
    page.get_by_role("button", name="cats", exact=True).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("button", name="Edit").click()
    expect(page.get_by_label("Metadata")).to_be_visible()
    assert_accessible(page)
    page.get_by_label("Metadata").fill("{")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert_accessible(page)
    page = open_page(empty, **LOOKS[look])
    expect(page.get_by_role("heading", name="Nothing here yet.")).to_be_visible()
    assert_accessible(page)


def test_arrows_go_through_the_views(service: Process, open_page: Open) -> None:
    page = open_page(service, "#/map")
    tab = page.get_by_role("tab", name="Map")
    expect(tab).to_be_enabled()  # focus() does not wait for it
    tab.focus()
    for key, view in (("ArrowRight", "search"), ("End", "state"), ("ArrowRight", "map"), ("ArrowLeft", "state")):
        page.keyboard.press(key)
        expect(page.locator(f"#tab-{view}")).to_be_focused()
        expect(page.locator(f"#{view}")).to_be_visible()
        assert page.url.endswith(f"#/{view}?c=news")
    assert page.locator("[role=tab][tabindex='0']").count() == 1
    page.reload()
    expect(page.locator("#state")).to_be_visible()


def test_the_skip_link_is_first_and_skips(service: Process, open_page: Open) -> None:
    page = open_page(service, "#/documents")
    expect(page.locator(".row").first).to_be_visible()
    page.keyboard.press("Tab")
    link = page.get_by_role("link", name="Skip to the content")
    expect(link).to_be_focused()
    assert link.evaluate("link => link.getBoundingClientRect().top >= 0")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")
    expect(page.locator("#documents")).to_be_visible()


def test_what_has_the_focus_is_seen(service: Process, open_page: Open) -> None:
    page = open_page(service, "#/search")
    look_at(page, "news")
    page.get_by_role("searchbox", name="Search").fill("kitten")
    expect(page.locator(".hit").first).to_be_visible()
    unseen = []
    for _ in range(25):
        page.keyboard.press("Tab")
        unseen += page.evaluate(
            """() => {
                const { outlineStyle, boxShadow } = getComputedStyle(document.activeElement);
                return outlineStyle === "none" && boxShadow === "none" ? [document.activeElement.outerHTML] : [];
            }"""
        )
    assert not unseen


def test_colours_are_chosen_and_remembered(service: Process, open_page: Open) -> None:
    page = open_page(service, "#/search", color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Dark colours").click()
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    assert page.evaluate(ground) == dark
    page.get_by_role("button", name="Light colours").click()
    assert page.evaluate(ground) == light
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(ground) == light


def test_who_wants_no_motion_gets_none(service: Process, open_page: Open) -> None:
    for wanted, moving in (("reduce", 0), ("no-preference", 1)):
        page = open_page(service, "#/search", reduced_motion=wanted)
        seconds = page.get_by_role("button", name="New collection").evaluate(
            "button => parseFloat(getComputedStyle(button).transitionDuration)"
        )
        assert (seconds > 0) == bool(moving)


def test_the_focus_stays_with_what_one_does(service: Process, open_page: Open) -> None:
    page = open_page(service, "#/documents?c=news")
    name = page.get_by_role("button", name="cats", exact=True)
    name.press("Enter")
    page.get_by_role("button", name="Edit").press("Enter")
    text = page.get_by_label("Text", exact=True)
    expect(text).to_be_focused()
    with page.expect_response("**/news/documents?*"):
        page.get_by_role("button", name="Save").press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(name).to_be_focused()
    page.get_by_role("button", name="New document").press("Enter")
    expect(page.locator("#field-id")).to_be_focused()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="New collection").press("Enter")
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.press("Escape")

    chip = page.locator(".row[data-id=cats] .chip").first
    chip.press("Enter")
    expect(page.locator(".row")).to_have_count(4)
    expect(chip).to_be_focused()
    turn = page.locator("#document-filters .turn")
    turn.press("Enter")
    expect(page.locator(".row")).to_have_count(8)
    expect(turn).to_have_text("topic ≠ animals")
    expect(turn).to_be_focused()
    page.get_by_role("button", name="Remove topic ≠ animals").press("Enter")
    expect(page.locator(".row")).to_have_count(12)
    assert page.evaluate("document.activeElement.closest('#documents') !== null")

    page.get_by_role("tab", name="Search").click()
    page.get_by_role("searchbox", name="Search").fill("kitten")
    chip = page.locator(".column[data-mode=semantic] .hit[data-id=cats] .chip").first
    chip.press("Enter")
    expect(page.locator(".column[data-mode=semantic] .hit")).to_have_count(4)
    expect(chip).to_be_focused()


def test_the_address_says_what_is_open(service: Process, open_page: Open) -> None:
    service.put("/v1/collections/another", {})
    page = open_page(service, "#/search?c=news&q=a+kitten", expected=["status of 404"])
    expect(page.get_by_label("Collection", exact=True)).to_have_value("news")
    query = page.get_by_role("searchbox", name="Search")
    expect(query).to_have_value("a kitten")
    expect(page.locator(".column[data-mode=semantic] .hit").first).to_have_attribute("data-id", "cats")
    query.fill("bread & cheese")
    expect(page).to_have_url(f"{service.url}/#/search?c=news&q=bread+%26+cheese")
    page.reload()
    expect(query).to_have_value("bread & cheese")
    expect(page.locator(".column[data-mode=keyword] .hit").first).to_be_visible()
    page.get_by_role("tab", name="Documents").click()
    look_at(page, "another")
    expect(page).to_have_url(f"{service.url}/#/documents?c=another")
    page.go_back()
    expect(page.locator("#search")).to_be_visible()
    expect(query).to_have_value("bread & cheese")
    expect(page.get_by_label("Collection", exact=True)).to_have_value("news")
    expect(page.locator(".column[data-mode=keyword] .hit").first).to_be_visible()
    page.go_forward()
    expect(page.locator("#documents-title")).to_have_text("another")
    page.goto(f"{service.url}/#/documents?c=gone")
    expect(page.get_by_label("Collection", exact=True)).to_have_value(re.compile("another|news"))
