"""Documents over HTTP: keep, read, list, delete."""

import json
from base64 import b64encode
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from starlette.testclient import TestClient

from tests.api.conftest import Start
from tests.api.test_collections import refused
from tests.fakes import DIMENSION, FakeEmbedder, unit

DOCUMENTS = "/v1/collections/notes/documents"


@pytest.fixture(autouse=True)
def notes(client: TestClient) -> None:
    client.put("/v1/collections/notes")


def keep(client: TestClient, *documents: dict[str, Any]) -> Any:
    return client.post(DOCUMENTS, json={"documents": list(documents)})


def test_ids_given_and_made(client: TestClient) -> None:
    body = keep(client, {"id": "a", "text": "one"}, {"text": "two"}, {"id": "a", "text": "three"}).json()
    assert (body["ids"][0], body["ids"][2], body["documents"]) == ("a", "a", 2)
    assert len(body["ids"][1]) == 32
    assert client.get(f"{DOCUMENTS}/a").json()["text"] == "three"
    assert client.get("/v1/collections/notes").json()["documents"] == 2


def test_read_one_with_and_without_vectors(client: TestClient) -> None:
    keep(client, {"id": "a", "text": "one two", "metadata": {"lang": "en", "n": [1, {"x": None}]}})
    body = client.get(f"{DOCUMENTS}/a").json()
    assert body.pop("updated_at_unix_s") > 1_700_000_000
    assert body == {"id": "a", "text": "one two", "metadata": {"lang": "en", "n": [1, {"x": None}]}}
    (passage,) = client.get(f"{DOCUMENTS}/a", params={"vectors": True}).json()["passages"]
    assert (passage["start"], passage["end"]) == (0, 7)
    np.testing.assert_allclose(passage["vector"], unit("one two"), rtol=1e-6)


@pytest.mark.parametrize("id", ["a/b", "ü €", "a?b#c", "x" * 512, "delete", "100%"])
def test_any_id_can_be_asked_for(client: TestClient, id: str) -> None:
    keep(client, {"id": id, "text": "one"})
    path = f"{DOCUMENTS}/{quote(id, safe='')}"
    assert client.get(path).json()["id"] == id
    assert client.delete(path).status_code == 204
    assert f"no document {id[:128]!r}" in refused(client.get(path), 404, "document_not_found")
    refused(client.delete(path), 404, "document_not_found")


@pytest.mark.parametrize("vector", [[0.5] * DIMENSION, b64encode(np.full(DIMENSION, 0.5, "<f4").tobytes()).decode()])
def test_vectors_may_be_given(client: TestClient, embedder: FakeEmbedder, vector: Any) -> None:
    assert keep(client, {"id": "a", "vector": vector}).status_code == 200
    (passage,) = client.get(f"{DOCUMENTS}/a", params={"vectors": True}).json()["passages"]
    assert passage["vector"] == [0.5] * DIMENSION
    assert embedder.texts == []


@pytest.mark.parametrize(
    ("document", "status", "code", "words"),
    [
        ({}, 400, "invalid_document", "document 1: its text is empty"),
        ({"text": "a", "id": ""}, 400, "invalid_document", "1 to 512"),
        ({"text": "a", "metadata": {"$a": 1}}, 400, "invalid_document", "'$a'"),
        ({"text": "a", "vector": [1, 2]}, 409, "space_mismatch", "dimension 8, and 2 was given"),
        ({"text": "a", "vector": [1e39] * 8}, 400, "invalid_document", "float32"),
        ({"text": "a", "vector": [0] * 8}, 400, "invalid_document", "zero"),
        ({"text": "a", "vector": "?"}, 400, "invalid_document", "base64"),
        ({"text": 1}, 400, "invalid_input", "documents.1.text"),
        ({"text": "a", "id": 1}, 400, "invalid_input", "documents.1.id"),
        ({"text": "a", "metadata": None}, 400, "invalid_input", "documents.1.metadata"),
        ({"text": "a", "lang": "de"}, 400, "invalid_input", "documents.1.lang"),
    ],
)
def test_one_bad_document_refuses_all(
    client: TestClient, document: dict[str, Any], status: int, code: str, words: str
) -> None:
    assert words in refused(keep(client, {"id": "good", "text": "fine"}, document), status, code)
    assert client.get("/v1/collections/notes").json()["documents"] == 0


@pytest.mark.parametrize("body", [{}, {"documents": []}, {"documents": {}}, []])
def test_bad_bodies(client: TestClient, body: Any) -> None:
    refused(client.post(DOCUMENTS, json=body), 400, "invalid_input")


@pytest.mark.parametrize(
    ("path", "param"),
    [("documents?limit=0", "limit"), ("documents/a?vectors=perhaps", "vectors"), ("map?layout=zz", "layout")],
)
def test_a_parameter_that_is_wrong_is_named(client: TestClient, path: str, param: str) -> None:
    answer = client.get(f"/v1/collections/notes/{path}")
    assert refused(answer, 400, "invalid_input").startswith(f"{param}: ")
    assert answer.json()["param"] == param


@pytest.mark.parametrize("field", ["body", "query", "path", "more"])
def test_an_unknown_field_is_named_whatever_its_name(client: TestClient, field: str) -> None:
    answer = keep(client, {"text": "a", field: 1})
    assert refused(answer, 400, "invalid_input").startswith(f"documents.0.{field}: ")
    assert answer.json()["param"] == "documents"


def test_text_for_a_model_that_is_not_served_is_refused_naming_both(client: TestClient) -> None:
    client.put("/v1/collections/foreign", json={"model": "other", "dimension": 3})
    path = "/v1/collections/foreign/documents"
    answer = client.post(path, json={"documents": [{"text": "a"}]})
    assert "the model other, and fake-model is what is served here" in refused(answer, 409, "space_mismatch")
    assert client.post(path, json={"documents": [{"text": "a", "vector": [1, 2, 3]}]}).status_code == 200


def test_the_limit_on_documents_and_one_more(start: Start) -> None:
    client = start(max_documents=2)
    client.put("/v1/collections/notes")
    assert keep(client, {"text": "a"}, {"text": "b"}).status_code == 200
    detail = refused(keep(client, *[{"text": "a"}] * 3), 400, "limit_passed")
    assert "3, and at most 2 are allowed (MAX_DOCUMENTS)" in detail


def test_listing_goes_on_from_a_cursor(client: TestClient) -> None:
    keep(client, *({"id": f"d{i}", "text": "x", "metadata": {"even": i % 2 == 0}} for i in range(7)))
    seen, cursor = [], None
    while True:
        params = {"limit": "2", "filter": json.dumps({"even": True})} | ({"cursor": cursor} if cursor else {})
        page = client.get(DOCUMENTS, params=params).json()
        assert len(page["documents"]) <= 2
        seen += [each["id"] for each in page["documents"]]
        if (cursor := page["cursor"]) is None:
            break
    assert seen == ["d0", "d2", "d4", "d6"]


def test_a_page_ends_before_it_has_too_many_bytes(start: Start) -> None:
    client = start(max_answer_bytes=1024)
    keep(client, *({"id": f"d{i}", "text": "x" * 600, "metadata": {}} for i in range(3)))
    page = client.get(DOCUMENTS).json()
    assert [each["id"] for each in page["documents"]] == ["d0"]
    page = client.get(DOCUMENTS, params={"cursor": page["cursor"]}).json()
    assert [each["id"] for each in page["documents"]] == ["d1"]


@pytest.mark.parametrize(
    ("params", "code", "word"),
    [
        ({"cursor": "made up"}, "invalid_cursor", "made up"),
        ({"filter": "{"}, "invalid_filter", "not JSON"),
        ({"filter": "[]"}, "invalid_filter", "a filter is an object"),
        ({"filter": '{"a": {"$near": 1}}'}, "invalid_filter", "$near"),
        ({"limit": "0"}, "invalid_input", "limit"),
        ({"limit": "x"}, "invalid_input", "limit"),
        ({"limit": "1001"}, "limit_passed", "1001, and at most 1000 are allowed (MAX_LIMIT)"),
    ],
)
def test_bad_listings(client: TestClient, params: dict[str, str], code: str, word: str) -> None:
    assert word in refused(client.get(DOCUMENTS, params=params), 400, code)
    assert client.get(DOCUMENTS, params={"limit": 1000}).status_code == 200


def left(client: TestClient) -> list[str]:
    return [each["id"] for each in client.get(DOCUMENTS).json()["documents"]]


def test_delete_by_id_by_filter_and_by_both(client: TestClient) -> None:
    keep(client, *({"id": f"d{i}", "text": "x", "metadata": {"n": i}} for i in range(8)))
    by_id = client.delete(DOCUMENTS, params={"id": ["d0", "d1", "none"]})
    assert (by_id.status_code, by_id.json()) == (200, {"deleted": 2})
    assert client.delete(DOCUMENTS, params={"filter": '{"n": {"$gte": 7}}'}).json() == {"deleted": 1}
    body = {"ids": ["d2", "d3"], "filter": {"n": 3}}
    assert client.post(f"{DOCUMENTS}/delete", json=body).json() == {"deleted": 1}
    assert left(client) == ["d2", "d4", "d5", "d6"]


@pytest.mark.parametrize("body", [{}, {"filter": {}}, {"ids": None}])
def test_deleting_everything_is_not_done_by_accident(client: TestClient, body: dict[str, Any]) -> None:
    keep(client, {"id": "a", "text": "x"})
    answer = client.post(f"{DOCUMENTS}/delete", json=body)
    assert "delete the collection" in refused(answer, 400, "invalid_input")
    params = {"filter": "{}"} if "filter" in body else {}
    refused(client.delete(DOCUMENTS, params=params), 400, "invalid_input")
    assert left(client) == ["a"]
    assert client.post(f"{DOCUMENTS}/delete", json={"ids": []}).json() == {"deleted": 0}


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("GET", "/x"), ("DELETE", "/x"), ("DELETE", "?id=x"), ("POST", "/delete")]
)
def test_without_the_collection_all_is_404(client: TestClient, method: str, path: str) -> None:
    body = {"ids": ["x"]} if method == "POST" else None
    answer = client.request(method, f"/v1/collections/none/documents{path}", json=body)
    assert "'none'" in refused(answer, 404, "collection_not_found")
