"""Compare and State as a person uses them."""

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.process.conftest import Process

MODEL = "all-MiniLM-L6-v2"


def test_similarities_are_those_of_the_interface(service: Process, open_page: Open) -> None:
    page = open_page(service, "#/compare")
    for name in "ABC":
        expect(page.get_by_role("textbox", name=f"Text {name}")).to_be_visible()
    expect(page.locator(".heat td.dark, .heat tbody td")).to_have_count(9)
    texts = [page.get_by_role("textbox", name=f"Text {name}").input_value() for name in "ABC"]
    sentences = {"source_sentence": texts[0], "sentences": texts[1:]}
    similarity = service.post("/similarity", {"inputs": sentences})[1]
    first = page.locator(".heat tbody tr").first.locator("td").all_inner_texts()
    assert first == ["1.00", *(f"{each:.2f}" for each in similarity)]
    page.get_by_role("button", name="Remove text C").click()
    expect(page.locator(".heat tbody td")).to_have_count(4)
    page.get_by_role("button", name="Add a text").click()
    page.get_by_role("textbox", name="Text C").press_sequentially(texts[0])
    expect(page.locator(".heat tbody tr").last.locator("td").first).to_have_text("1.00")


def reading(page: Page, name: str) -> str:
    return page.locator(".reading", has=page.get_by_role("heading", name=f"Text {name}")).inner_text()


def test_tokens_passages_and_what_a_limit_cuts(service: Process, open_page: Open) -> None:
    page = open_page(service, "#/compare")
    text = "Dormice hibernate 🐭. " * 100
    page.get_by_role("textbox", name="Text A").fill(text)
    box = page.locator(".reading", has_text="Text A")
    expect(box).to_contain_text("passages")
    tokens = service.post("/tokenize", {"inputs": [text]})[1][0]
    assert f"{len(tokens)} tokens, 2 of them special" in reading(page, "A")
    cut = len(tokens) - 256
    assert f"the last {cut} would be cut" in reading(page, "A")
    assert box.locator(".token.cut").count() == cut
    assert box.locator(".strip").inner_text().strip() == text.strip()
    passages = service.post("/v1/passages", {"texts": [text]})[1]["passages"][0]
    shown = [re.sub(r",(?=\d{3})", "", each) for each in box.locator(".passages .quiet").all_inner_texts()]
    assert [each.split(",")[0] for each in shown] == [f"{span['start']} to {span['end']}" for span in passages]
    assert "nothing is cut" in reading(page, "B")


def test_the_state_is_told_and_drawn_from_the_metrics(service: Process, open_page: Open) -> None:
    page = open_page(service, "#/state")
    facts = page.locator("#facts")
    for word in (MODEL, "int8", "384 numbers", "256 tokens", "Ready.", "0 times since the start"):
        expect(facts).to_contain_text(word)
    charts = {each.locator("h2").inner_text(): each for each in page.locator(".chart").all()}
    assert set(charts) == {"Requests", "Latency", "Texts embedded", "Queue", "Memory", "Cache"}
    expect(charts["Memory"].locator(".chart-now")).to_contain_text("MB")
    with page.expect_response("**/metrics"):
        for n in range(20):
            assert service.post("/v1/embeddings", {"model": MODEL, "input": [f"text {n}", f"other {n}"]})[0] == 200
    expect(charts["Requests"].locator(".quiet").last).to_contain_text(re.compile(r"most [1-9\d]"))
    expect(charts["Latency"].locator(".quiet").last).to_contain_text(re.compile(r"most .* (ms|µs|s)"))
    expect(charts["Texts embedded"].locator("path.line")).to_have_attribute("d", re.compile("M.+L"))


def test_nothing_is_asked_while_nobody_looks(service: Process, open_page: Open) -> None:
    page = open_page(service, "#/state")
    expect(page.locator("#facts")).to_contain_text(MODEL)
    page.clock.install()
    page.get_by_role("tab", name="Search").click()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(60_000)
    assert not [each for each in asked if each.endswith("/metrics")]
    page.get_by_role("tab", name="State").click()
    with page.expect_request("**/metrics"):
        page.clock.run_for(4_000)


BAD: dict[str, Any] = {"status": 500, "json": {"status": 500, "code": "internal", "detail": "it failed"}}


def test_results_go_with_their_texts(service: Process, open_page: Open) -> None:
    page = open_page(service, "#/compare", expected=["status of 500"])
    expect(page.locator("#heat td")).to_have_count(10)
    expect(page.locator("#compare-spoken")).to_have_text("3 texts compared")
    page.route("**/tokenize", lambda route: route.fulfill(**BAD))
    page.get_by_role("textbox", name="Text A").fill("another")
    expect(page.get_by_role("alert")).to_contain_text("It failed")
    expect(page.locator("#heat td")).to_have_count(0)
    expect(page.locator(".reading")).to_have_count(0)
    for name in "ABC":
        page.get_by_role("textbox", name=f"Text {name}").fill("")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_the_same_outage_is_told_once(service: Process, open_page: Open) -> None:
    page = open_page(service, "#/state", expected=["status of 500"])
    expect(page.locator("#facts")).to_contain_text(MODEL)
    page.route("**/metrics", lambda route: route.fulfill(**BAD))
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("It failed")
    alert.evaluate("alert => (alert.dataset.seen = 'yes')")
    for _ in range(2):
        with page.expect_response("**/metrics"):
            pass
    page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    expect(alert).to_have_attribute("data-seen", "yes")
    page.unroute("**/metrics")
    expect(alert).to_have_count(0)
