"""Search as a person uses it: typing, three modes side by side, filters by clicking, the request as code."""

import re
import subprocess
import sys

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Open, look_at
from tests.process.conftest import Process

MODES = ("semantic", "hybrid", "keyword")


def ask(page: Page, query: str) -> None:
    with page.expect_response(lambda response: response.url.endswith("/search")):
        page.get_by_role("searchbox", name="Search").fill(query)
    expect(page.locator("#columns")).to_be_visible()
    expect(page.locator(".column[aria-busy]")).to_have_count(0)


def ids(page: Page, mode: str) -> list[str]:
    cards = page.locator(f".column[data-mode={mode}] .hit").all()
    return [card.get_attribute("data-id") or "" for card in cards]


def test_three_modes_answer_as_one_types(service: Process, open_page: Open) -> None:
    page = open_page(service, "#/search")
    look_at(page, "news")
    page.get_by_role("searchbox", name="Search").press_sequentially("kitten on the couch", delay=20)
    expect(page.locator(".column[data-mode=semantic] .hit").first).to_have_attribute("data-id", "cats")
    asked = service.post("/v1/collections/news/search", {"query": "kitten on the couch", "mode": "semantic"})[1]
    order = [hit["id"] for hit in asked["hits"]]
    expect(page.locator(".column[data-mode=semantic] .hit-id")).to_have_text(order)  # of the whole query, at last
    assert ids(page, "hybrid")[0] == "cats"
    assert "cats" in ids(page, "keyword")
    for mode in MODES:
        expect(page.get_by_role("heading", name=mode)).to_be_visible()
        service_says = service.post("/v1/collections/news/search", {"query": "kitten on the couch", "mode": mode})[1]
        assert ids(page, mode) == [hit["id"] for hit in service_says["hits"]]


def test_a_hit_says_why_it_is_where_it_is(service: Process, open_page: Open) -> None:
    page = open_page(service, "#/search")
    look_at(page, "news")
    ask(page, "galaxies and telescopes")
    hit = page.locator(".column[data-mode=hybrid] .hit").first
    hit.get_by_text("why").or_(hit.locator("summary")).first.click()
    why = hit.locator(".why").inner_text()
    assert "place 1, score" in why
    shown = re.search(r"½ · (.+) \+ ½ · (.+) = (\d\.\d{3})", why)
    assert shown
    terms = [61 / (60 + int(each.group(1))) for each in re.finditer(r"61 / \(60 \+ (\d+)\)", why)]
    assert float(shown[3]) == pytest.approx(sum(terms) / 2, abs=0.001)
    assert hit.locator(".score").inner_text() == shown[3]
    assert hit.locator("b", has_text="galaxies").count() == 1
    other = page.locator(".column[data-mode=semantic] .hit").first
    assert "1st by words" in other.locator(".elsewhere").inner_text()


def test_the_passage_found_is_marked_in_its_text(service: Process, open_page: Open) -> None:
    filler = "🚀 Nothing of interest happened in the town on that day. " * 40
    needle = "A purple elephant painted the bridge. "
    service.put("/v1/collections/long", {})
    service.post("/v1/collections/long/documents", {"documents": [{"id": "d", "text": filler + needle + filler}]})
    page = open_page(service, "#/search")
    look_at(page, "long")
    ask(page, "purple elephant")
    expect(page.locator(".column[data-mode=semantic] mark")).to_contain_text("purple elephant")
    page.get_by_role("button", name="d", exact=True).first.click()
    document = page.get_by_role("dialog").locator(".document-text")
    expect(document.locator("mark")).to_contain_text("purple elephant")
    assert document.inner_text().strip() == (filler + needle + filler).strip()
    assert document.locator("mark").inner_text() != document.inner_text()


def test_filters_are_built_by_clicking(service: Process, open_page: Open) -> None:
    page = open_page(service, "#/search")
    look_at(page, "news")
    ask(page, "the")
    assert {"animals", "space"} <= {topic(page, each) for each in ids(page, "semantic")}
    page.locator(".column[data-mode=semantic]").get_by_role("button", name="topic animals").first.click()
    expect(page.locator("#filters")).to_contain_text("topic = animals")
    expect(page.locator(".column[data-mode=semantic] .hit")).to_have_count(4)
    page.get_by_role("button", name="topic = animals", exact=True).click()
    expect(page.locator(".column[data-mode=semantic] .hit")).to_have_count(8)
    expect(page.locator(".column[data-mode=semantic] .hit", has_text="animals")).to_have_count(0)
    page.get_by_role("button", name="Remove topic ≠ animals").click()
    expect(page.locator(".column[data-mode=semantic] .hit")).to_have_count(10)


def topic(page: Page, id: str) -> str:
    chip = page.locator(f".column[data-mode=semantic] .hit[data-id={id}] .chip").first
    return chip.inner_text().removeprefix("topic").strip()


def test_an_answer_that_comes_too_late_is_not_shown(service: Process, open_page: Open) -> None:
    page = open_page(service, "#/search")
    look_at(page, "news")
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if "bread" in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    page.route("**/search", hold_the_first)
    page.get_by_role("searchbox", name="Search").fill("bread")
    expect(page.locator(".column[aria-busy]")).to_have_count(3)
    ask(page, "moon")
    assert len(held) >= 3
    assert ids(page, "semantic")[0] == "moon"
    assert all(route.request.failure for route in held), "they were not given up"


@pytest.mark.parametrize("language", ["curl", "Python", "JavaScript"])
def test_the_request_as_code_does_the_same(service: Process, open_page: Open, language: str) -> None:
    page = open_page(service, "#/search", permissions=["clipboard-read", "clipboard-write"])
    look_at(page, "news")
    ask(page, 'it\'s a "rocket"')
    page.locator(".column[data-mode=hybrid]").get_by_role("button", name="topic space").first.click()
    page.get_by_text("The same request as code").click()
    page.get_by_label("Language").select_option(language)
    page.get_by_role("button", name="Copy").click()
    code = page.evaluate("navigator.clipboard.readText()")
    assert code == page.locator("#request-code").inner_text()
    if language == "JavaScript":
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.evaluate(f"(async () => {{ {code} }})()")
        answer = "\n".join(said)
    else:
        command = [sys.executable, "-c", code] if language == "Python" else ["bash", "-c", code]
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "rocket" in answer
    assert "moon" in answer
    assert "cats" not in answer


def test_what_goes_wrong_is_said_in_words_with_the_request_id(service: Process, open_page: Open) -> None:
    page = open_page(service, "#/search", expected=["status of 400"])
    look_at(page, "news")
    page.get_by_role("searchbox", name="Search").fill("x" * 40_000)
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("MAX_QUERY_CHARACTERS")
    expect(alert).to_contain_text("40000")
    request_id = alert.locator("code").inner_text()
    assert request_id in service.log
    ask(page, "bread")
    expect(alert).to_have_count(0)


def test_keywords_find_where_the_vectors_are_of_another_model(service: Process, open_page: Open) -> None:
    service.put("/v1/collections/foreign", {"model": "another-model", "dimension": 3})
    kept = [{"id": "a", "text": "a lighthouse", "vector": [1, 0, 0]}]
    assert service.post("/v1/collections/foreign/documents", {"documents": kept})[0] == 200
    page = open_page(service, "#/search", expected=["status of 409"])
    look_at(page, "foreign")
    page.get_by_role("searchbox", name="Search").fill("lighthouse")
    expect(page.locator(".column[data-mode=keyword] .hit")).to_have_count(1)
    expect(page.locator(".column[data-mode=semantic]").get_by_role("alert")).to_contain_text("another-model")


def test_code_is_copied_where_there_is_no_clipboard(service: Process, open_page: Open) -> None:
    """As over plain http on every host but this one, where pages have none."""
    page = open_page(service)
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.goto(f"{service.url}/?again#/search?c=news&q=rocket")
    page.get_by_text("The same request as code").click()
    copy = page.locator("#request-copy")
    copy.click()
    expect(copy).to_have_text("Copied")
    expect(page.locator("#search-spoken")).to_have_text("Copied")
    page.get_by_role("tab", name="Compare").click()
    field = page.get_by_role("textbox", name="Text A")
    field.fill("")
    field.press("Control+v")
    expect(field).to_have_value(re.compile("^curl .*rocket", re.DOTALL))


def test_a_mode_that_failed_says_nothing_of_its_places_and_can_be_tried_again(
    service: Process, open_page: Open
) -> None:
    def fail_by_meaning(route: Route) -> None:
        if '"semantic"' in (route.request.post_data or ""):
            route.fulfill(status=503, json={"status": 503, "code": "busy", "detail": "not now"})
        else:
            route.continue_()

    page = open_page(service, "#/search?c=news", expected=["status of 503"])
    page.route("**/search", fail_by_meaning)
    ask(page, "kitten")
    expect(page.locator(".column[data-mode=keyword] .hit").first).to_be_visible()
    expect(page.locator(".column[data-mode=keyword] .elsewhere").first).to_be_empty()
    page.unroute("**/search")
    page.locator(".column[data-mode=semantic]").get_by_role("button", name="Try again").click()
    expect(page.locator(".column[data-mode=semantic] .hit")).to_have_count(10)
    expect(page.locator(".column[data-mode=keyword] .elsewhere").first).to_have_text("1st by meaning")
