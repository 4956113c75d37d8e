"""`/v1/collections`: create, list, describe, delete, and each refusal with its status, code and numbers."""

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.errors import DirectoryUnusable, StorageFull
from tests.api.conftest import Start
from tests.fakes import DIMENSION
from tests.memory import MemoryStore


def refused(answer: Any, status: int, code: str) -> str:
    """The detail of a problem document, after checking the rest of it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["request_id"] == answer.headers["x-request-id"]
    return str(body["detail"])


def test_a_collection_takes_the_served_model(client: TestClient) -> None:
    made = client.put("/v1/collections/notes")
    assert made.status_code == 201
    body = made.json()
    assert body.pop("created_at_unix_s") > 1_700_000_000
    assert body == {
        "name": "notes",
        "model": "fake-model",
        "dimension": DIMENSION,
        "distance": "cosine",
        "metadata": {},
        "documents": 0,
        "passages": 0,
    }


def test_creating_it_again_changes_nothing(client: TestClient) -> None:
    first = client.put("/v1/collections/notes", json={"metadata": {"by": "me"}})
    again = client.put("/v1/collections/notes", json={"model": "nobody/fake-model", "metadata": {"by": "you"}})
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json() == client.get("/v1/collections/notes").json()


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ({"distance": "dot"}, "the distance cosine, and dot was given"),
        ({"model": "other", "dimension": 3}, "the model fake-model, and other was given"),
    ],
)
def test_another_space_is_refused_naming_both(client: TestClient, space: dict[str, Any], words: str) -> None:
    client.put("/v1/collections/notes")
    assert words in refused(client.put("/v1/collections/notes", json=space), 409, "space_mismatch")


def test_a_model_that_is_not_served_needs_its_dimension(client: TestClient) -> None:
    detail = refused(client.put("/v1/collections/a", json={"model": "other"}), 400, "invalid_input")
    assert "'other' is not served here, only fake-model" in detail
    made = client.put("/v1/collections/a", json={"model": "other", "dimension": 3, "distance": "euclidean"})
    assert (made.status_code, made.json()["model"], made.json()["dimension"]) == (201, "other", 3)


def test_a_model_is_named_in_characters_that_stores_keep(client: TestClient) -> None:
    space = {"model": "a\0b", "dimension": 2}
    assert "U+0000" in refused(client.put("/v1/collections/a", json=space), 400, "invalid_input")


def test_the_served_model_has_one_dimension(client: TestClient) -> None:
    detail = refused(client.put("/v1/collections/a", json={"dimension": 9}), 400, "unsupported_dimension")
    assert f"{DIMENSION} dimensions and 9" in detail
    assert client.put("/v1/collections/a", json={"dimension": DIMENSION}).status_code == 201


def test_list_and_delete(client: TestClient) -> None:
    for name in ("b", "a"):
        client.put(f"/v1/collections/{name}")
    assert [each["name"] for each in client.get("/v1/collections").json()["collections"]] == ["a", "b"]
    gone = client.delete("/v1/collections/a")
    assert (gone.status_code, gone.content) == (204, b"")
    assert "no collection 'a'" in refused(client.get("/v1/collections/a"), 404, "collection_not_found")
    refused(client.delete("/v1/collections/a"), 404, "collection_not_found")
    assert [each["name"] for each in client.get("/v1/collections").json()["collections"]] == ["b"]


@pytest.mark.parametrize("name", ["a", "A9._-", "0", "x" * 128])
def test_good_names(client: TestClient, name: str) -> None:
    assert client.put(f"/v1/collections/{name}").status_code == 201


@pytest.mark.parametrize("name", [".a", "..a", "-a", "_a", "a b", "ä", "x" * 129, "a%0A", "a%00", "%2e", "%2e%2e"])
def test_bad_names(client: TestClient, name: str) -> None:
    for answer in (client.put(f"/v1/collections/{name}"), client.get(f"/v1/collections/{name}")):
        assert "1 to 128 letters" in refused(answer, 400, "invalid_name")


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"distance": "l2"}, "distance"),
        ({"dimension": 0}, "dimension"),
        ({"dimension": "8"}, "dimension"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"$x": 1}}, "'$x'"),
        ({"models": "a"}, "models"),
        ([], "JSON object"),
    ],
)
def test_bad_bodies(client: TestClient, body: Any, word: str) -> None:
    assert word in refused(client.put("/v1/collections/a", json=body), 400, "invalid_input")


def test_the_limit_on_collections_and_one_more(start: Start) -> None:
    client = start(max_collections=2)
    assert [client.put(f"/v1/collections/{name}").status_code for name in "ab"] == [201, 201]
    detail = refused(client.put("/v1/collections/c"), 409, "too_many_collections")
    assert "2 collections" in detail
    assert "MAX_COLLECTIONS" in detail
    assert client.put("/v1/collections/a").status_code == 200


def test_metadata_limits(start: Start) -> None:
    client = start(max_metadata_bytes=20, max_metadata_depth=2)
    assert client.put("/v1/collections/a", json={"metadata": {"k": "x" * 12}}).status_code == 201
    detail = refused(client.put("/v1/collections/b", json={"metadata": {"k": "x" * 13}}), 400, "invalid_input")
    assert "21 bytes as JSON and may have 20 (MAX_METADATA_BYTES)" in detail
    assert client.put("/v1/collections/c", json={"metadata": {"k": [1]}}).status_code == 201
    detail = refused(client.put("/v1/collections/d", json={"metadata": {"k": [[1]]}}), 400, "invalid_input")
    assert "2 levels (MAX_METADATA_DEPTH)" in detail


ROUTES = [
    ("PUT", "/v1/collections/a"),
    ("GET", "/v1/collections/a"),
    ("DELETE", "/v1/collections/a"),
    ("GET", "/v1/collections"),
    ("POST", "/v1/collections/a/documents"),
    ("GET", "/v1/collections/a/documents"),
    ("DELETE", "/v1/collections/a/documents"),
    ("POST", "/v1/collections/a/documents/delete"),
    ("GET", "/v1/collections/a/documents/x"),
    ("DELETE", "/v1/collections/a/documents/x"),
    ("POST", "/v1/collections/a/search"),
    ("POST", "/v1/collections/a/import"),
    ("GET", "/v1/collections/a/export"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_needs_the_key(start: Start, method: str, path: str) -> None:
    client = start(api_key="secret")
    assert "needs a key" in refused(client.request(method, path), 401, "unauthorized")
    with_key = client.request(method, path, headers={"X-API-Key": "secret"})
    assert with_key.status_code != 401


def test_a_full_disk_is_507_and_reading_goes_on(client: TestClient, store: MemoryStore) -> None:
    client.put("/v1/collections/a")
    store.failure = StorageFull("No space left on device")
    body = {"documents": [{"text": "x"}]}
    detail = refused(client.post("/v1/collections/a/documents", json=body), 507, "storage_full")
    assert "No space left" in detail
    assert client.get("/v1/collections/a").status_code == 200


def test_a_ledger_that_is_damaged_while_served_is_503(client: TestClient, store: MemoryStore) -> None:
    client.put("/v1/collections/a")
    store.failure = DirectoryUnusable(Path("data"), "database disk image is malformed")
    body = {"documents": [{"text": "x"}]}
    detail = refused(client.post("/v1/collections/a/documents", json=body), 503, "directory_unusable")
    assert "malformed" in detail
