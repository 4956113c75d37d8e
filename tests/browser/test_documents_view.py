"""Documents as a person looks after them: files in, reading, editing, deleting, export, leafing through."""

import json
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, fill, look_at
from tests.process.conftest import Process

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)><b>bold</b>"


def documents(page: Page, collection: str) -> None:
    look_at(page, collection)
    expect(page.get_by_role("heading", name=collection, exact=True)).to_be_visible()


def row(page: Page, id: str) -> None:
    page.get_by_role("button", name=id, exact=True).click()
    expect(page.get_by_role("dialog")).to_be_visible()


def give(page: Page, *files: tuple[str, str]) -> None:
    payloads = [{"name": name, "mimeType": "", "buffer": text.encode()} for name, text in files]
    page.get_by_label("pick some").set_input_files(payloads)  # type: ignore[arg-type]


def test_files_of_each_form_are_taken_and_refusals_listed(service: Process, open_page: Open) -> None:
    service.put("/v1/collections/files", {})
    page = open_page(service, "#/documents")
    documents(page, "files")
    give(
        page,
        ("a.ndjson", '{"id": "one", "text": "the first"}\nnot json\n{"id": "two", "text": ""}\n'),
        ("b.csv", "id,text,colour\nthree,the third,red\n"),
        ("c.md", "# A heading\n\nUnder it.\n"),
        ("d.txt", "A paragraph.\n\nAnother one.\n"),
        ("e.pdf", "%PDF"),
    )
    for name, said in {
        "a.ndjson": "1 document kept",
        "b.csv": "1 document kept",
        "c.md": "1 document kept",
        "d.txt": "2 documents kept",
        "e.pdf": "Not read: its name should end in",
    }.items():
        expect(page.locator(".import", has_text=name)).to_contain_text(said)
    refused = page.locator(".import", has_text="a.ndjson")
    refused.get_by_text("2 records refused").click()
    expect(refused.locator("li").first).to_contain_text("line 2 the line is not JSON")
    expect(refused.locator("li").last).to_contain_text("its text is empty")
    expect(page.locator(".row")).to_have_count(5)
    expect(page.locator("#documents-about")).to_contain_text("5 documents")
    give(page, ("b.csv", "id,text,colour\nthree,the third,red\n"))
    expect(page.locator(".import").first).to_contain_text("1 unchanged")


def test_a_file_is_dropped_and_its_progress_seen(service: Process, open_page: Open) -> None:
    service.put("/v1/collections/dropped", {})
    page = open_page(service, "#/documents")
    documents(page, "dropped")
    lines = "".join(json.dumps({"text": f"a text of number {n} " + "with more words " * 15}) + "\n" for n in range(600))
    page.evaluate("seen = new Set()")
    page.evaluate(
        """(text) => {
            const data = new DataTransfer();
            data.items.add(new File([text], "many.ndjson"));
            const drop = document.getElementById("drop");
            drop.dispatchEvent(new DragEvent("dragover", { dataTransfer: data, cancelable: true }));
            new MutationObserver(() => {
                for (const each of document.querySelectorAll(".import [role=status]")) seen.add(each.textContent);
            }).observe(document.getElementById("imports"), { subtree: true, childList: true });
            drop.dispatchEvent(new DragEvent("drop", { dataTransfer: data, cancelable: true }));
        }""",
        lines,
    )
    expect(page.locator(".import")).to_contain_text("600 documents kept", timeout=60_000)
    seen = page.evaluate("[...seen]")
    assert any("a second" in each for each in seen), seen


def test_more_files_than_the_service_takes_at_once_wait_for_each_other(service: Process, open_page: Open) -> None:
    service.put("/v1/collections/twenty", {})
    page = open_page(service, "#/documents")
    documents(page, "twenty")
    give(page, *((f"{n}.txt", f"The text of file {n}.") for n in range(20)))
    expect(page.locator(".import", has_text="1 document kept")).to_have_count(20)
    expect(page.locator("#documents-about")).to_contain_text("20 documents")


def test_an_import_can_be_stopped(service: Process, open_page: Open) -> None:
    service.put("/v1/collections/stopped", {})
    page = open_page(service, "#/documents", expected=["ERR_"])
    documents(page, "stopped")
    lines = "".join(json.dumps({"text": f"{n} " + "several more words " * 20}) + "\n" for n in range(3000))
    give(page, ("many.ndjson", lines))
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".import")).to_contain_text("Stopped.")
    expect(page.locator("#documents-about")).not_to_contain_text("3,000 documents")
    service.ready()


def test_a_document_is_written_read_edited_and_deleted(service: Process, open_page: Open) -> None:
    fill(service, "edited")
    page = open_page(service, "#/documents")
    documents(page, "edited")
    page.get_by_role("button", name="New document").click()
    page.get_by_label("Id", exact=True).fill("a/strange #id?")
    page.get_by_label("Text", exact=True).fill("The lighthouse keeper polishes the lamp.")
    page.get_by_label("Metadata").fill("{not json")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("The metadata is not JSON")
    page.get_by_label("Metadata").fill('{"topic": "sea"}')
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)

    row(page, "a/strange #id?")
    expect(page.get_by_role("dialog")).to_contain_text("40 characters, 1 passage")
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Text", exact=True).fill("The lighthouse keeper sleeps.")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".row", has_text="a/strange #id?")).to_contain_text("The lighthouse keeper sleeps.")

    row(page, "a/strange #id?")
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("gone for good")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator(".row", has_text="lighthouse")).to_have_count(0)
    expect(page.locator(".row")).to_have_count(12)


def test_documents_are_leafed_through_and_filtered(service: Process, open_page: Open) -> None:
    service.put("/v1/collections/many", {})
    some = [{"id": f"d{n:03}", "text": f"text {n}", "metadata": {"even": n % 2 == 0}} for n in range(120)]
    service.post("/v1/collections/many/documents", {"documents": some})
    page = open_page(service, "#/documents")
    documents(page, "many")
    for count in (50, 100, 120):
        expect(page.locator(".row")).to_have_count(count)
        if count < 120:
            page.get_by_role("button", name="Show more").click()
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()
    page.get_by_role("button", name="even true").first.click()
    expect(page.locator(".row")).to_have_count(50)
    page.get_by_role("button", name="Show more").click()
    expect(page.locator(".row")).to_have_count(60)


def test_the_export_is_a_download_of_everything(service: Process, open_page: Open, tmp_path: Path) -> None:
    page = open_page(service, "#/documents")
    documents(page, "news")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    assert download.value.suggested_filename == "news.ndjson"
    download.value.save_as(tmp_path / "news.ndjson")
    lines = [json.loads(line) for line in (tmp_path / "news.ndjson").read_text().splitlines()]
    assert lines[0]["collection"]["name"] == "news"
    assert len(lines) == 13


def test_a_collection_is_made_and_deleted(service: Process, open_page: Open) -> None:
    page = open_page(service, "#/documents")
    page.get_by_role("button", name="New collection").click()
    page.get_by_label("Name").fill("fresh")
    page.get_by_label("Distance").select_option("dot")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#documents-about")).to_contain_text("dot")
    expect(page.get_by_text("No documents yet")).to_be_visible()
    page.get_by_role("button", name="Delete collection").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="fresh", exact=True)).to_have_count(0)
    assert service.post("/v1/collections/fresh/search", {"query": "a"})[0] == 404


def test_what_documents_hold_is_text_and_does_nothing(service: Process, open_page: Open) -> None:
    service.put("/v1/collections/hostile", {})
    hostile = [
        {"id": f"{HOSTILE} {n}", "text": f"{HOSTILE} {n}", "metadata": {HOSTILE: HOSTILE, "k": [HOSTILE]}}
        for n in range(3)
    ]
    assert service.post("/v1/collections/hostile/documents", {"documents": hostile})[0] == 200
    page = open_page(service, "#/documents")
    documents(page, "hostile")
    expect(page.locator(".row-text").first).to_have_text(f"{HOSTILE} 0")
    page.locator(".row-id").first.click()
    expect(page.get_by_role("dialog").locator(".document-text")).to_have_text(f"{HOSTILE} 0")
    page.get_by_role("button", name="Edit").click()
    expect(page.get_by_label("Text", exact=True)).to_have_value(f"{HOSTILE} 0")
    page.keyboard.press("Escape")
    page.locator(".row .chip").first.click()
    expect(page.locator("#document-filters")).to_contain_text(HOSTILE)
    page.get_by_role("tab", name="Search").click()
    page.get_by_role("searchbox", name="Search").fill(HOSTILE)
    expect(page.locator(".column[data-mode=hybrid] .hit-text").first).to_contain_text(HOSTILE)
    page.get_by_role("tab", name="Map").click()
    expect(page.locator("#map-caption")).to_contain_text("3 documents")
    page.get_by_role("searchbox", name="Search on the map").fill(HOSTILE)
    expect(page.locator("#map-hits li")).to_have_count(3)
    page.get_by_role("button", name="List").click()
    expect(page.locator("#map-list")).to_contain_text(HOSTILE)
    page.locator("#map-hits button").first.focus()
    expect(page.locator("#map-tip")).to_contain_text(HOSTILE)
    page.get_by_role("tab", name="Compare").click()
    page.get_by_role("textbox", name="Text A").fill(HOSTILE)
    expect(page.locator(".strip").first).to_have_text(HOSTILE)
    markup = page.evaluate("document.querySelectorAll('main script, main img[src=x], .row b, .document-text b').length")
    assert markup == 0


DROP = """({ selector, text }) => {
    const data = new DataTransfer();
    data.items.add(new File([text], "dropped.txt"));
    const place = document.querySelector(selector);
    const event = (type) => new DragEvent(type, { dataTransfer: data, cancelable: true, bubbles: true });
    return [!place.dispatchEvent(event("dragover")), !place.dispatchEvent(event("drop"))];
}"""


def test_a_file_may_fall_beside_the_box_and_never_opens(service: Process, open_page: Open) -> None:
    service.put("/v1/collections/beside", {})
    page = open_page(service, "#/documents")
    documents(page, "beside")
    assert page.evaluate(DROP, {"selector": "#documents-title", "text": "A file that fell beside it."}) == [True, True]
    expect(page.locator(".import")).to_contain_text("1 document kept")
    page.get_by_role("tab", name="Compare").click()
    assert page.evaluate(DROP, {"selector": "#texts", "text": "Elsewhere nothing."}) == [True, True]
    page.get_by_role("tab", name="Documents").click()
    expect(page.locator(".import")).to_have_count(1)
