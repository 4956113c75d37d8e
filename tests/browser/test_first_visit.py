"""The first minute: an empty service, one click, a map; and a service that wants a key."""

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import Open, fill, keep
from tests.process.conftest import Process, Run

MEANING = "an animal that sleeps all winter"
BOTH = "a game played with a racket and a ball"
KEY = "a-key-of-the-test-5d1c"


def test_an_empty_service_offers_a_sample_and_shows_its_map(empty: Process, open_page: Open) -> None:
    page = open_page(empty)
    expect(page.get_by_role("heading", name="Nothing here yet.")).to_be_visible()
    keep(page, "empty")
    for name, alone in (("Search", False), ("Compare", True), ("State", True), ("Documents", False)):
        page.get_by_role("tab", name=name).click()
        expect(page.get_by_role("heading", name="Nothing here yet.")).to_be_visible(visible=not alone)
        expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible(visible=alone)
    with page.expect_response("**/web/SAMPLE.md") as origin:
        page.evaluate("fetch(document.querySelector('#welcome a').href)")
    assert "WordNet" in origin.value.text()
    page.get_by_role("button", name="Load the sample").click()
    expect(page.get_by_label("Collection", exact=True)).to_have_value("sample", timeout=60_000)
    expect(page.get_by_role("tab", name="Map")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#map-caption")).to_contain_text("372 documents")
    expect(page.get_by_role("heading", name="Nothing here yet.")).to_be_hidden()

    # The README's two pictures: docs/page.md says how they get there.
    page.get_by_role("searchbox", name="Search on the map").fill(MEANING)
    expect(page.locator("#map-hits li").first).to_contain_text("Dormouse")
    keep(page, "readme-map")
    page.get_by_role("tab", name="Search").click()
    page.get_by_role("searchbox", name="Search").fill(BOTH)
    for mode, first, second in (
        ("semantic", "Tennis", "Racket"),
        ("hybrid", "Tennis", "Table tennis"),
        ("keyword", "Baseball", "Table tennis"),
    ):
        hits = page.locator(f".column[data-mode={mode}] .hit")
        expect(hits.nth(0)).to_contain_text(first)
        expect(hits.nth(1)).to_contain_text(second)
    keep(page, "readme-search")


@pytest.fixture
def locked(browser: Browser, run: Run) -> Process:
    return run(API_KEY=KEY).ready()


def give_key(page: Page, key: str) -> None:
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Use this key").click()


def test_a_key_is_asked_for_kept_in_the_session_and_in_no_address(locked: Process, open_page: Open) -> None:
    page = open_page(locked, "#/search", expected=["status of 401"])
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    expect(page.get_by_role("dialog")).to_contain_text("This service needs a key")
    give_key(page, "wrong")
    expect(page.get_by_role("dialog")).to_contain_text("not one that this service knows")
    give_key(page, KEY)
    expect(page.get_by_role("heading", name="Nothing here yet.")).to_be_visible()
    page.get_by_role("button", name="New collection").last.click()
    page.get_by_label("Name").fill("locked")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name="locked", exact=True)).to_be_visible()
    payload = {"name": "a.txt", "mimeType": "", "buffer": b"The rocket left.\n\nThe cat stayed.\n"}
    page.get_by_label("pick some").set_input_files(payload)  # type: ignore[arg-type]
    expect(page.locator(".import")).to_contain_text("2 documents kept")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    assert len(download.value.path().read_text().splitlines()) == 3
    page.get_by_role("tab", name="Search").click()
    page.get_by_role("searchbox", name="Search").fill("kitten")
    expect(page.locator(".column[data-mode=semantic] .hit-text").first).to_contain_text("cat")
    code = page.locator("#request-code")
    page.get_by_text("The same request as code").click()
    for language in ("curl", "Python", "JavaScript"):
        page.get_by_label("Language").select_option(language)
        expect(code).to_contain_text("API_KEY")
        expect(code).not_to_contain_text(KEY)
    for name in ("State", "Map"):
        page.get_by_role("tab", name=name).click()
    expect(page.locator("#map-caption")).to_contain_text("2 documents")
    assert not [address for address in addresses if KEY in address]
    kept = page.evaluate("[JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie]")
    assert [KEY in each for each in kept] == [False, True, False]

    page.reload()
    expect(page.locator("#map-caption")).to_contain_text("2 documents")
    page.get_by_role("button", name="Forget key").click()
    expect(page.get_by_role("dialog")).to_contain_text("This service needs a key")
    assert KEY not in page.evaluate("JSON.stringify(sessionStorage)")
    page.keyboard.press("Escape")
    expect(page.get_by_role("alert")).to_contain_text("needs a key")
    expect(page.get_by_role("heading", name="Nothing here yet.")).to_be_hidden()
    page.get_by_role("button", name="Try again").click()
    give_key(page, KEY)
    expect(page.locator("#map-caption")).to_contain_text("2 documents")


def test_a_service_that_goes_away_is_told_in_words(run: Run, open_page: Open) -> None:
    process = run().ready()
    fill(process)
    page = open_page(process, "#/search", expected=["ERR_CONNECTION_REFUSED"])
    expect(page.get_by_label("Collection", exact=True)).to_have_value("news")
    assert process.end() == 0
    page.get_by_role("searchbox", name="Search").fill("anything")
    expect(page.get_by_role("alert")).to_contain_text("The service cannot be reached")
    expect(page.locator("#health-text")).to_have_text("Not reached")


def test_who_gives_no_key_is_asked_once(locked: Process, open_page: Open) -> None:
    page = open_page(locked, "#/map", expected=["status of 401"])
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("tab", name="State").click()
    expect(page.get_by_role("dialog")).to_contain_text("This service needs a key")
    expect(page.get_by_label("API key")).to_be_focused()
    page.clock.install()
    page.keyboard.press("Escape")
    alert = page.locator("#state-notice").get_by_role("alert")
    expect(alert).to_contain_text("needs a key")
    page.clock.run_for(30_000)
    expect(page.get_by_role("dialog")).to_have_count(0)
    alert.get_by_role("button", name="Try again").click()
    give_key(page, KEY)
    expect(page.locator("#facts")).to_contain_text("all-MiniLM-L6-v2")


def test_an_import_goes_on_with_the_new_key(locked: Process, open_page: Open) -> None:
    page = open_page(locked, "#/documents", expected=["status of 401"])
    give_key(page, KEY)
    page.get_by_role("button", name="New collection").last.click()
    page.get_by_label("Name").fill("renewed")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name="renewed", exact=True)).to_be_visible()
    page.evaluate("sessionStorage.setItem('vectorspace-key', 'outdated')")
    payload = {"name": "a.txt", "mimeType": "", "buffer": b"The rocket left.\n\nThe cat stayed.\n"}
    page.get_by_label("pick some").set_input_files(payload)  # type: ignore[arg-type]
    give_key(page, KEY)
    expect(page.locator(".import")).to_contain_text("2 documents kept")
    expect(page.locator(".row")).to_have_count(2)


def test_the_dot_tells_of_the_service_while_nobody_asks(run: Run, open_page: Open) -> None:
    process = run().ready()
    page = open_page(process, "#/search", expected=["ERR_CONNECTION_REFUSED"])
    expect(page.locator("#health-text")).to_have_text("Ready")
    expect(page.get_by_role("heading", name="Nothing here yet.")).to_be_visible()
    assert process.end() == 0
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#health-text")).to_have_text("Not reached")
    run(PORT=process.port).ready()
    expect(page.locator("#health-text")).to_have_text("Ready")


def test_what_does_nothing_yet_cannot_be_pressed(empty: Process, open_page: Open) -> None:
    page = open_page(empty, "#/map")
    held: list[Route] = []
    page.route("**/health", lambda route: held.append(route), times=1)
    page.reload()
    new = page.get_by_role("button", name="New collection").first
    pressed = [new, *page.get_by_role("tab").all()]
    assert len(pressed) == 6
    for each in pressed:
        expect(each).to_be_disabled()
    held[0].continue_()
    for each in pressed:
        expect(each).to_be_enabled()
    page.get_by_role("tab", name="State").click()
    expect(page.locator("#facts")).to_contain_text("all-MiniLM-L6-v2")
    new.click()
    expect(page.get_by_label("Name")).to_be_focused()
