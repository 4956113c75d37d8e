"""The page's files as they are served: what they may do in a browser, what is kept of them, and nothing beside them."""

import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.api.page import MEDIA_TYPES, WEB, read_files, router
from tests.api.conftest import Start

# Everything in the folder as it is on the disk, the sample collection included.
BUDGET_BYTES = 150_000
FILES = sorted(path.name for path in WEB.iterdir())


@pytest.mark.parametrize("name", FILES)
def test_each_file_comes_with_its_type_and_without_a_key(start: Start, name: str) -> None:
    answer = start(api_key="k").get("/" if name == "index.html" else f"/web/{name}")
    assert answer.status_code == 200
    assert answer.content == (WEB / name).read_bytes()
    assert answer.headers["content-type"] == MEDIA_TYPES[Path(name).suffix]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers.get_list("cache-control") == ["no-cache"]


def test_the_policy_allows_this_origin_alone_and_nothing_inline(client: TestClient) -> None:
    (policy,) = client.get("/").headers.get_list("content-security-policy")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": "'self' data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }


def test_the_browser_keeps_a_file_until_it_changes(client: TestClient) -> None:
    etag = client.get("/web/main.js").headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = client.get("/web/main.js", headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert again.headers.get_list("cache-control") == ["no-cache"]
    assert client.get("/web/main.js", headers={"If-None-Match": '"other"'}).status_code == 200
    assert client.get("/").headers["etag"] != etag


def test_head_is_answered_and_other_methods_are_not(client: TestClient) -> None:
    assert client.head("/").status_code == 200
    assert client.head("/web/main.js").headers["etag"] == client.get("/web/main.js").headers["etag"]
    assert client.put("/").status_code == 405
    assert client.post("/web/main.js").status_code == 405


@pytest.mark.parametrize(
    "name", ["", "none.js", "../main.py", "..%2fmain.py", "%2e%2e/api/page.py", "__init__.py", "/etc/passwd"]
)
def test_nothing_beside_them_is_served(client: TestClient, name: str) -> None:
    assert client.get(f"/web/{name}").status_code == 404


def test_only_known_endings_are_read(tmp_path: Path) -> None:
    for name in ("index.html", "notes.txt~", "secret.env", "a.js"):
        (tmp_path / name).write_text(name)
    assert set(read_files(tmp_path)) == {"index.html", "a.js"}


def test_files_are_read_once(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("before")
    app = FastAPI()
    app.include_router(router(tmp_path))
    (tmp_path / "index.html").write_text("after")
    assert TestClient(app).get("/").text == "before"


def test_the_page_loads_what_is_there_and_all_of_it() -> None:
    """From index.html through every import: each file is there, and none is left over."""
    seen, waiting = {"index.html"}, ["index.html"]
    while waiting:
        text = (WEB / waiting.pop()).read_text()
        found = set(re.findall(r'"(?:\./|web/)([\w.-]+)"', text))
        waiting += [name for name in found - seen if name.endswith(".js")]
        seen |= found
    assert seen == set(FILES)


def test_it_is_small() -> None:
    assert sum(path.stat().st_size for path in WEB.iterdir()) < BUDGET_BYTES


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith((".js", ".html"))])
def test_no_data_becomes_markup_and_nothing_is_inline(name: str) -> None:
    text = (WEB / name).read_text()
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
    assert not re.findall(r"<script(?! (?:type=\"module\" )?src=)|<style|\sstyle=|\son[a-z]+=\"|javascript:", text)
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text), "from another host"


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith((".js", ".css"))])
def test_each_file_says_first_what_it_is_for_and_is_short(name: str) -> None:
    lines = (WEB / name).read_text().splitlines()
    assert lines[0].startswith(("// ", "/* "))
    assert len(lines) < 300
