"""The map as a person uses it: looking, pointing, zooming, colouring, searching, by mouse and by keys."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PHONE, Open, fill, look_at
from tests.process.conftest import Process

# What is drawn: how many pixels are not the ground, and where the first one of full colour is.
DRAWN = """() => {
    const canvas = document.getElementById("canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let pixels = 0, sum = 0, first = null;
    for (let at = 3; at < data.length; at += 4) {
        if (data[at] === 0) continue;
        pixels += 1;
        sum += at * data[at] % 1000003;
        const [red, green, blue] = data.slice(at - 3, at);
        if (!first && Math.max(red, green, blue) - Math.min(red, green, blue) > 80) {
            const pixel = (at - 3) / 4;
            first = [pixel % canvas.width, Math.floor(pixel / canvas.width)];
        }
    }
    const box = canvas.getBoundingClientRect();
    const ratio = canvas.width / box.width;
    return { pixels, sum, at: first && [box.x + first[0] / ratio, box.y + first[1] / ratio + 1] };
}"""


def open_map(service: Process, open_page: Open, **options: object) -> Page:
    # Chromium's advice to who reads a canvas often, as only these tests do.
    page = open_page(service, "#/map", expected=["willReadFrequently"], **options)
    look_at(page, "news")
    expect(page.locator("#map-caption")).to_contain_text("12 documents")
    return page


def drawn(page: Page) -> dict[str, Any]:
    """Once the frame that is under way has been drawn."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    found: dict[str, Any] = page.evaluate(DRAWN)
    return found


def test_pointing_at_a_point_shows_its_text_and_a_click_opens_it(service: Process, open_page: Open) -> None:
    page = open_map(service, open_page)
    x, y = drawn(page)["at"]
    page.mouse.move(x, y)
    tip = page.locator("#map-tip")
    expect(tip).to_be_visible()
    shown = tip.locator("p").first.inner_text()
    assert shown in {
        hit["id"] for hit in service.post("/v1/collections/news/search", {"query": "a", "limit": 12})[1]["hits"]
    }
    page.mouse.click(x, y)
    expect(page.get_by_role("dialog").get_by_role("heading", name=shown, exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    page.mouse.move(5, 300)
    expect(tip).to_be_hidden()


def test_wheel_drag_and_buttons_move_the_map(service: Process, open_page: Open) -> None:
    page = open_map(service, open_page)
    before = drawn(page)["sum"]
    page.mouse.move(640, 420)
    page.mouse.wheel(0, -300)
    nearer = drawn(page)["sum"]
    assert nearer != before
    page.mouse.down()
    page.mouse.move(700, 460, steps=4)
    page.mouse.up()
    dragged = drawn(page)["sum"]
    assert dragged not in (before, nearer)
    page.get_by_role("button", name="Fit").click()
    page.mouse.move(5, 300)
    assert drawn(page)["sum"] == before
    page.get_by_role("button", name="Zoom in").click()
    assert drawn(page)["sum"] != before
    page.get_by_role("button", name="Zoom out").click()
    assert drawn(page)["pixels"] == pytest.approx(drawn(page)["pixels"], rel=0.05)


def test_two_fingers_zoom(service: Process, open_page: Open) -> None:
    page = open_map(service, open_page, viewport=PHONE, has_touch=True)
    before = drawn(page)["sum"]
    box = page.locator("#plane").bounding_box()
    assert box
    x, y = box["x"] + 180, box["y"] + 150
    client = page.context.new_cdp_session(page)
    for kind, apart in (("touchStart", 30), ("touchMove", 60), ("touchMove", 120)):
        points = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert drawn(page)["sum"] != before


def test_keys_go_from_point_to_point_and_open(service: Process, open_page: Open) -> None:
    page = open_map(service, open_page)
    page.locator("#plane").focus()
    visited = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown"):
        page.keyboard.press(key)
        visited.append(page.locator("#map-tip p").first.inner_text())
    assert len(set(visited)) > 1
    expect(page.locator("#map-spoken")).to_contain_text(visited[-1])
    before = drawn(page)["sum"]
    page.keyboard.press("+")
    assert drawn(page)["sum"] != before
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("0")
    assert drawn(page)["sum"] == before
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("heading", name=visited[-1], exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#plane")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#map-tip")).to_be_hidden()


def test_the_legend_names_each_colour_and_shows_one_alone(service: Process, open_page: Open) -> None:
    page = open_map(service, open_page)
    expect(page.locator("#colour-by")).to_have_value("topic")
    legend = page.locator("#legend")
    assert sorted(legend.locator("span").all_inner_texts()) == ["animals", "food", "space"]
    assert legend.locator("small").all_inner_texts() == ["4", "4", "4"]
    colours = {each.get_attribute("fill") for each in legend.locator("circle").all()}
    assert len(colours) == 3
    before = drawn(page)["sum"]
    legend.get_by_role("button", name="food").click()
    expect(legend.get_by_role("button", name="food")).to_have_attribute("aria-pressed", "true")
    assert drawn(page)["sum"] != before
    page.get_by_role("button", name="List").click()
    expect(page.locator("#map-list li")).to_have_count(4)
    expect(page.locator("#map-list")).to_contain_text("This cheese ripens in caves")
    legend.get_by_role("button", name="food").click()
    expect(page.locator("#map-list li")).to_have_count(12)
    page.locator("#colour-by").select_option(label="Cluster")
    expect(legend.locator("li").first).to_be_visible()
    assert sorted(legend.locator("span").all_inner_texts()) != ["animals", "food", "space"]


@pytest.mark.parametrize("layout", ["components", "neighbours"])
def test_a_search_lights_up_its_hits_and_draws_the_query(service: Process, open_page: Open, layout: str) -> None:
    page = open_map(service, open_page)
    with page.expect_response(lambda response: f"layout={layout}" in response.url):
        page.get_by_label("Layout").select_option("components")
        page.get_by_label("Layout").select_option(layout)
    expect(page.locator("#map-caption")).to_contain_text("12 documents")
    before = drawn(page)
    with page.expect_response("**/map/place") as placed:
        page.get_by_role("searchbox", name="Search on the map").fill("people in orbit around the earth")
    expect(page.locator("#map-found")).to_contain_text("12 hits")
    assert page.locator("#map-hits li").first.inner_text().startswith(("The rocket", "Astronauts"))
    assert drawn(page)["sum"] != before["sum"]
    where = placed.value.json()
    # The accent is where the query is: its ring, on the canvas.
    seen = page.evaluate(
        """({ x, y }) => {
            const canvas = document.getElementById("canvas");
            const [left, right] = [324, 232]; // what the panels cover: views.css
            const scale = 0.86 * Math.min(canvas.width - left - right, canvas.height) / 2;
            const [px, py] = [(left + canvas.width - right) / 2 + x * scale, canvas.height / 2 - y * scale];
            const { data } = canvas.getContext("2d").getImageData(px - 16, py - 16, 32, 32);
            const accent = getComputedStyle(canvas).color.match(/\\d+/g).map(Number);
            const isAccent = (at) => accent.every((part, index) => Math.abs(part - data[at + index]) < 12);
            let like = 0;
            for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 200 && isAccent(at)) like += 1;
            return like;
        }""",
        where,
    )
    assert seen > 60
    page.locator("#map-hits button").first.hover()
    expect(page.locator("#map-tip")).to_be_visible()
    page.get_by_role("searchbox", name="Search on the map").fill("")
    expect(page.locator("#map-hits li")).to_have_count(0)
    page.mouse.move(5, 600)


@pytest.fixture(scope="module")
def small_maps(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Process]:
    process = Process(tmp_path_factory.mktemp("small") / "output.txt", MAX_MAP_DOCUMENTS=5).ready()
    fill(process)
    yield process
    assert process.end() == 0, process.log


def test_a_sample_says_that_it_is_one(small_maps: Process, open_page: Open) -> None:
    page = open_page(small_maps, "#/map")
    expect(page.locator("#map-caption")).to_contain_text("5 of 12 documents shown, a sample")
    page.get_by_role("searchbox", name="Search on the map").fill("anything at all")
    expect(page.locator("#map-found")).to_contain_text("12 hits, 7 of them not in this sample")


def test_a_collection_without_documents_says_so(service: Process, open_page: Open) -> None:
    service.put("/v1/collections/nothing", {})
    page = open_page(service, "#/map")
    look_at(page, "nothing")
    expect(page.get_by_text("No documents yet.")).to_be_visible()


def test_a_finger_reads_a_point_and_then_opens_it(service: Process, open_page: Open) -> None:
    page = open_map(service, open_page, viewport=PHONE, has_touch=True)
    page.locator("#plane").scroll_into_view_if_needed()
    x, y = drawn(page)["at"]
    page.touchscreen.tap(x, y)
    tip = page.locator("#map-tip")
    expect(tip).to_be_visible()
    name = tip.locator("p").first.inner_text()
    page.touchscreen.tap(x, y)
    expect(page.get_by_role("dialog").get_by_role("heading", name=name, exact=True)).to_be_visible()


def test_the_tip_goes_when_its_hit_is_left(service: Process, open_page: Open) -> None:
    page = open_map(service, open_page)
    query = page.get_by_role("searchbox", name="Search on the map")
    query.fill("kitten")
    tip = page.locator("#map-tip")
    page.locator("#map-hits button").first.hover()
    expect(tip).to_be_visible()
    page.mouse.move(5, 600)
    expect(tip).to_be_hidden()
    page.get_by_role("button", name="List").click()
    page.locator("#map-list button").first.hover()
    expect(tip).to_be_visible()
    page.mouse.move(5, 600)
    expect(tip).to_be_hidden()
    query.press("Tab")
    expect(tip).to_be_visible()
    query.fill("")
    expect(page.locator("#map-hits li")).to_have_count(0)
    expect(tip).to_be_hidden()
