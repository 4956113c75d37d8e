"""How it looks with documents that are not ours: long names, scripts from right to left, colours that can be read."""

from typing import Any

import pytest
from playwright.sync_api import FloatRect, Locator, Page, expect

from tests.browser.conftest import PHONE, WIDE, Open, look_at
from tests.process.conftest import Process

LONG = "docs/handbook/operations/backups-and-how-to-restore-them-when-everything-else-has-failed.md#section-4"
URL = "https://docs.example.org/handbook/operations/backups-and-how-to-restore-them-when-everything-else-failed.html"
HEBREW = "המגדלור עומד לבדו על הסלע, והספינות רואות אותו מרחוק."


@pytest.fixture(scope="module")
def own(service: Process) -> Process:
    """Beside `news`, a collection with a long name: long ids, long metadata, and a text from right to left."""
    name = "a-collection-with-a-rather-long-name-of-somebodys-own"
    service.put(f"/v1/collections/{name}", {})
    documents = [
        {"id": LONG, "text": "How to restore a backup. " * 20, "metadata": {"url": URL, "kind": "page"}},
        {"id": f"{LONG}-b", "text": "A backup is kept for a year.", "metadata": {"url": f"{URL}#b", "kind": "page"}},
        {"id": "מגדלור", "text": HEBREW, "metadata": {"סוג": "מגדל"}},
    ]
    assert service.post(f"/v1/collections/{name}/documents", {"documents": documents})[0] == 200
    return service


def box(locator: Locator) -> FloatRect:
    found = locator.bounding_box()
    assert found
    return found


def assert_no_scrolling(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it scrolls sideways"


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_long_ids_and_addresses_keep_their_place(own: Process, open_page: Open, viewport: Any) -> None:
    page = open_page(own, "#/search", viewport=viewport)
    look_at(page, "a-collection-with-a-rather-long-name-of-somebodys-own")
    page.get_by_role("searchbox", name="Search").fill("restore a backup")
    column = page.locator(".column[data-mode=semantic]")
    expect(column.locator(".hit")).to_have_count(3)
    assert_no_scrolling(page)
    for card in column.locator(".hit").all():
        assert box(card)["width"] <= box(column)["width"] + 1
    column.locator(".chip", has_text="url").first.click()
    expect(page.locator("#filters li")).to_have_count(1)
    assert_no_scrolling(page)
    chip, cross = page.locator("#filters li"), page.locator("#filters li button").last
    assert box(cross)["width"] > 10
    assert box(cross)["x"] + box(cross)["width"] <= box(chip)["x"] + box(chip)["width"]
    page.get_by_role("tab", name="Documents").click()
    expect(page.locator(".row")).to_have_count(3)
    assert_no_scrolling(page)
    page.locator(".row .chip", has_text="url").first.click()
    expect(page.locator(".row")).to_have_count(1)
    assert_no_scrolling(page)


def test_what_is_written_from_right_to_left_is_set_so(own: Process, open_page: Open) -> None:
    page = open_page(own, "#/documents")
    look_at(page, "a-collection-with-a-rather-long-name-of-somebodys-own")
    row = page.locator(".row", has_text="מגדלור")
    for place in (".row-id", ".row-text", "button.chip"):
        expect(row.locator(place)).to_have_css("direction", "rtl")
    expect(page.locator(".row-text", has_text="kept for a year")).to_have_css("direction", "ltr")
    row.locator(".row-id").click()
    expect(page.locator(".document-text")).to_have_css("direction", "rtl")
    page.get_by_role("button", name="Edit").click()
    expect(page.get_by_label("Text", exact=True)).to_have_css("direction", "rtl")
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="Search").click()
    page.get_by_role("searchbox", name="Search").fill("המגדלור")
    expect(page.get_by_role("searchbox", name="Search")).to_have_css("direction", "rtl")
    hit = page.locator(".column[data-mode=keyword] .hit")
    expect(hit).to_have_count(1)
    for place in (".hit-id", ".hit-text"):
        expect(hit.locator(place)).to_have_css("direction", "rtl")
    page.get_by_role("tab", name="Map").click()
    expect(page.locator("#map-caption")).to_contain_text("3 documents")
    with page.expect_response("**/map/place"):
        page.get_by_role("searchbox", name="Search on the map").fill("המגדלור")
    hit = page.locator("#map-hits button", has_text="המגדלור")
    expect(hit).to_have_css("direction", "rtl")
    hit.focus()
    text = page.locator("#map-tip p").nth(1)
    expect(text).to_have_text(HEBREW)
    expect(text).to_have_css("direction", "rtl")


@pytest.mark.parametrize("width", [375, 861, 900, 960, 1030, 1041, 1100, 1280])
def test_the_header_fits(own: Process, open_page: Open, width: int) -> None:
    page = open_page(own, "#/compare", viewport={"width": width, "height": 700})
    look_at(page, "a-collection-with-a-rather-long-name-of-somebodys-own")
    page.locator("#forget-key").evaluate("button => (button.hidden = false)")
    assert_no_scrolling(page)
    theme = box(page.get_by_role("button", name="Dark colours"))
    assert theme["x"] + theme["width"] <= width


@pytest.mark.parametrize("width", [1280, 390])
def test_the_header_does_not_cover_what_is_scrolled_to(service: Process, open_page: Open, width: int) -> None:
    page = open_page(service, "#/documents?c=news", viewport={"width": width, "height": 400})
    expect(page.locator(".row")).to_have_count(12)
    row = page.locator(".row-id").nth(4)
    row.evaluate("button => button.scrollIntoView()")
    assert page.evaluate("scrollY") > 0
    header = box(page.locator("header.bar"))
    assert box(row)["y"] >= header["y"] + header["height"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_cell_of_the_heat_map_can_be_read(service: Process, open_page: Open, scheme: str) -> None:
    page = open_page(service, "#/compare", color_scheme=scheme)
    expect(page.locator("#heat td").first).to_be_visible()
    # Two texts for each share of the accent, and the contrast of WCAG 2.2, relative luminance.
    contrasts = page.evaluate(
        """async () => {
            const { heatMap } = await import("./web/heat.js");
            const parts = (colour) => {
                const [red, green, blue] = colour.match(/[\\d.]+/g).map(Number);
                return colour.startsWith("rgb") ? [red / 255, green / 255, blue / 255] : [red, green, blue];
            };
            const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
            const luminance = (colour) => {
                const [red, green, blue] = parts(colour).map(linear);
                return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
            };
            return Array.from({ length: 101 }, (_, share) => {
                const cosine = share / 100;
                const table = heatMap(["A", "B"], [[1, 0], [cosine, Math.sqrt(1 - cosine ** 2)]]);
                document.getElementById("heat").replaceChildren(table);
                const style = getComputedStyle(table.querySelector("tbody tr td:last-child"));
                const [low, high] = [luminance(style.color), luminance(style.backgroundColor)].sort((a, b) => a - b);
                return (high + 0.05) / (low + 0.05);
            });
        }"""
    )
    assert len(contrasts) == 101
    assert min(contrasts) >= 4.5


def test_the_whole_card_opens_its_document_but_for_its_buttons(service: Process, open_page: Open) -> None:
    page = open_page(service, "#/search?c=news&q=kitten")
    card = page.locator(".column[data-mode=hybrid] .hit").first
    card.locator(".hit-text").click(force=True)  # the button lies over it
    expect(page.get_by_role("dialog")).to_contain_text("A cat sleeps on the sofa")
    page.keyboard.press("Escape")
    card.locator("summary").click()
    expect(card.locator("dl")).to_be_visible()
    card.locator("button.chip").first.click()
    expect(page.locator("#filters li")).to_have_count(1)
    page.get_by_role("tab", name="Documents").click()
    page.locator(".row-text", has_text="A cat sleeps").click(force=True)
    expect(page.get_by_role("dialog")).to_contain_text("A cat sleeps on the sofa")
