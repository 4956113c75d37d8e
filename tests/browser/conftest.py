"""The page in a real browser, over a real service: headless Chromium, driven as a person would.

Every page that a test opens is watched: an error on its console, an exception, or a request to another host fails the
test.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request, expect, sync_playwright

from tests.browser.texts import NEWS
from tests.process.conftest import ROOT, Process, run

__all__ = ["run"]  # the fixture

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
MISSING = "Chromium is missing: apt-get install chromium, or name its program in CHROMIUM"
ARTEFACTS = ROOT / "artefacts" / "browser"
WIDE = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
Open = Callable[..., Page]
# How long a test waits for what must come; nothing waits this long where all is well, on however slow a machine.
PATIENCE_MS = 30_000
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Of a module, not of the session: while it is there, its event loop is in the way of other tests' loops."""
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        # Chromium's own sandbox refuses to run as root, as containers do.
        chromium = playwright.chromium.launch(executable_path=program, chromium_sandbox=os.geteuid() != 0)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Process]:
    """A service with the model of the image, and a collection `news`. After `browser`: without one, none is started."""
    process = Process(tmp_path_factory.mktemp("service") / "output.txt", LOG_FORMAT="json").ready()
    fill(process)
    yield process
    assert process.end() == 0, process.log


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Process]:
    """A service in which nothing is."""
    process = Process(tmp_path_factory.mktemp("empty") / "output.txt").ready()
    yield process
    assert process.end() == 0, process.log


def fill(process: Process, name: str = "news") -> None:
    assert process.put(f"/v1/collections/{name}", {})[0] == 201
    deadline = time.monotonic() + PATIENCE_MS / 1000
    # What another test's stopped import left in the queue goes first.
    while (status := process.post(f"/v1/collections/{name}/documents", {"documents": NEWS})[0]) == 429:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert status == 200


def look_at(page: Page, collection: str) -> None:
    picker = page.get_by_label("Collection", exact=True)
    expect(picker).to_be_enabled()
    with page.expect_response("**/v1/collections"):  # so that nothing of the change comes later
        picker.select_option(collection)
    expect(picker.locator("option:checked")).to_have_attribute("value", collection)


class Watch:
    """What a page must not do. expected: parts of console messages that a test provokes on purpose."""

    def __init__(self, page: Page, origin: str, expected: Sequence[str]) -> None:
        self._expected = expected
        self._wrong: list[str] = []
        self._origin = origin
        page.on("console", self._console)
        page.on("pageerror", lambda error: self._wrong.append(f"exception: {error}"))
        page.on("request", self._request)
        page.on("dialog", self._dialog)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._wrong.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("blob", "data") and f"{address.scheme}://{address.netloc}" != self._origin:
            self._wrong.append(f"request to {request.url}")

    def _dialog(self, dialog: Dialog) -> None:
        self._wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def check(self) -> None:
        wrong = [each for each in self._wrong if not any(part in each for part in self._expected)]
        assert not wrong, wrong


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Open the page of a service in a fresh context: open_page(service, "#/search", viewport=…, color_scheme=…)."""
    watches: list[Watch] = []
    contexts = []

    def open_page(process: Process, place: str = "", *, expected: Sequence[str] = (), **options: Any) -> Page:
        context = browser.new_context(**{"viewport": WIDE, "reduced_motion": "reduce", **options})
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        watches.append(Watch(page, process.url, expected))
        page.goto(f"{process.url}/{place}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    for watch in watches:
        watch.check()


def keep(page: Page, name: str) -> Path:
    """A screenshot among the test's artefacts."""
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    path = ARTEFACTS / f"{name}.png"
    page.screenshot(path=path)
    return path
