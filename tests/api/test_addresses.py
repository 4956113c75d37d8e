"""What an address names, to the letter: dots, slashes, methods and queries never come to mean something near it."""

import pytest
from starlette.testclient import TestClient

from tests.api.test_collections import ROUTES, refused

NDJSON = {"Content-Type": "application/x-ndjson"}
NOTES = "/v1/collections/notes"
DOCUMENTS = f"{NOTES}/documents"
ALL = [
    ("GET", "/health"),
    ("GET", "/live"),
    ("GET", "/metrics"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/fake-model"),
]


@pytest.fixture(autouse=True)
def notes(client: TestClient) -> None:
    client.put(NOTES)
    client.post(DOCUMENTS, json={"documents": [{"id": "a", "text": "x"}, {"id": "b", "text": "x"}]})


def left(client: TestClient) -> list[str]:
    return [each["id"] for each in client.get(DOCUMENTS).json()["documents"]]


@pytest.mark.parametrize("id", [".", ".."])
def test_an_id_that_no_address_can_hold_is_refused(client: TestClient, id: str) -> None:
    """Clients take it out of an address: to delete it would delete the collection."""
    answer = client.post(DOCUMENTS, json={"documents": [{"id": id, "text": "x"}]})
    assert "POST …/documents/delete" in refused(answer, 400, "invalid_document")
    kept = client.post(f"{NOTES}/import", content=f'{{"id": "{id}", "text": "x"}}', headers=NDJSON)
    assert "clients take out of an address" in kept.text
    assert left(client) == ["a", "b"]


@pytest.mark.parametrize("end", ["/", "/documents/", "/documents/a%0A"])
def test_what_an_address_has_lost_deletes_nothing(client: TestClient, end: str) -> None:
    """The first two are what most clients make of `/documents/..` and `/documents/.`."""
    assert client.delete(f"{NOTES}{end}").status_code == 404
    assert left(client) == ["a", "b"]


@pytest.mark.parametrize(("method", "path"), [*ALL, *ROUTES, ("GET", DOCUMENTS)])
def test_a_slash_more_is_another_address(client: TestClient, method: str, path: str) -> None:
    """And no redirect leads to the one without it: it would copy the Host header, and say http:// behind TLS."""
    answer = client.request(method, f"{path}/", follow_redirects=False)
    assert answer.status_code in (404, 405)
    assert "location" not in answer.headers


def test_an_empty_name_is_not_found_as_any_address(client: TestClient) -> None:
    assert refused(client.get(f"{DOCUMENTS}/"), 404, "not_found") == f"GET {DOCUMENTS}/: Not Found"
    assert client.get("/v1/models/").json()["error"]["code"] == "not_found"
