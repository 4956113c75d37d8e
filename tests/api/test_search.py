"""Search over HTTP: modes, explained scores, limits and refusals."""

from base64 import b64encode
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from tests.api.conftest import Start
from tests.api.test_collections import refused
from tests.fakes import DIMENSION, FakeEmbedder, unit

SEARCH = "/v1/collections/notes/search"
LONG = " ".join(f"w{i}" for i in range(40))


def fill(client: TestClient) -> None:
    client.put("/v1/collections/notes")
    documents = [
        {"id": "apple", "text": "red apple", "metadata": {"lang": "en", "n": 1}},
        {"id": "sea", "text": "blue sea", "metadata": {"lang": "en", "n": 2}},
        {"id": "long", "text": LONG, "metadata": {"lang": "none", "n": 3}},
    ]
    assert client.post("/v1/collections/notes/documents", json={"documents": documents}).status_code == 200


@pytest.fixture(autouse=True)
def notes(client: TestClient) -> None:
    fill(client)


def search(client: TestClient, **body: Any) -> Any:
    return client.post(SEARCH, json=body)


def test_hybrid_is_the_default_and_explains_itself(client: TestClient) -> None:
    body = search(client, query="blue sea").json()
    assert body["mode"] == "hybrid"
    assert "truncated" not in body
    first = body["hits"][0]
    assert first == {
        "id": "sea",
        "score": 1.0,
        "text": "blue sea",
        "metadata": {"lang": "en", "n": 2},
        "passage": {"start": 0, "end": 8, "text": "blue sea"},
        "semantic": {"rank": 1, "score": pytest.approx(1.0)},
        "keyword": {"rank": 1, "score": 2.0},
    }
    assert "keyword" not in body["hits"][1]
    assert body["hits"][1]["semantic"]["rank"] == 2


def test_the_passage_that_was_found_is_marked(client: TestClient) -> None:
    (hit,) = search(client, query="w39", mode="keyword").json()["hits"]
    assert hit["text"] == LONG
    assert "w39" in hit["passage"]["text"]
    assert hit["passage"]["text"] == LONG[hit["passage"]["start"] : hit["passage"]["end"]] != LONG
    assert set(hit) == {"id", "score", "text", "metadata", "passage", "keyword"}


def test_semantic(client: TestClient, embedder: FakeEmbedder) -> None:
    body = search(client, query="red apple", mode="semantic").json()
    assert body["hits"][0]["id"] == "apple"
    assert body["hits"][0]["score"] == body["hits"][0]["semantic"]["score"] == pytest.approx(1)
    assert embedder.roles[-1] == "query"


@pytest.mark.parametrize("packed", [True, False])
def test_a_vector_alone_is_a_semantic_search(client: TestClient, embedder: FakeEmbedder, packed: bool) -> None:
    vector = b64encode(unit("red apple").tobytes()).decode() if packed else unit("red apple").tolist()
    body = search(client, vector=vector).json()
    assert (body["mode"], body["hits"][0]["id"]) == ("semantic", "apple")
    assert "query" not in embedder.roles
    assert search(client, vector=vector, query="sea").json()["mode"] == "hybrid"


def test_filters_pages_and_a_least_score(client: TestClient) -> None:
    found = search(client, query="red apple", mode="semantic", filter={"lang": {"$in": ["en"]}}).json()["hits"]
    assert [hit["id"] for hit in found] == ["apple", "sea"]
    second = search(client, query="red apple", mode="semantic", filter={"lang": "en"}, offset=1, limit=1).json()["hits"]
    assert second == found[1:]
    assert [
        hit["id"] for hit in search(client, query="red apple", mode="semantic", min_score=0.999).json()["hits"]
    ] == ["apple"]
    assert search(client, query="red apple", filter={}).json()["hits"]


@pytest.mark.parametrize("include", [[], ["text"], ["metadata"], ["passage"], ["text", "passage"]])
def test_only_what_is_asked_for_is_sent(client: TestClient, include: list[str]) -> None:
    (hit, *_) = search(client, query="sea", include=include).json()["hits"]
    assert set(hit) & {"text", "metadata", "passage"} == set(include)


def test_a_query_longer_than_the_model_reads_says_so(client: TestClient) -> None:
    assert search(client, query="w1 " * 30).json()["truncated"] == {"tokens": 30, "kept": 16}
    assert "truncated" not in search(client, query="w1 " * 30, mode="keyword").json()


def test_words_that_keyword_search_leaves_out_are_counted(client: TestClient) -> None:
    words = [f"w{i}" for i in range(70)]
    assert search(client, query=" ".join(words), mode="keyword").json()["words_left_out"] == 6
    assert "words_left_out" not in search(client, query=" ".join(words[:64]), mode="keyword").json()


@pytest.mark.parametrize(
    ("body", "status", "code", "word"),
    [
        ({}, 400, "invalid_input", "hybrid needs a query"),
        ({"query": " "}, 400, "invalid_input", "needs a query"),
        ({"mode": "keyword"}, 400, "invalid_input", "keyword needs a query"),
        ({"query": "a", "mode": "fuzzy"}, 400, "invalid_input", "mode"),
        ({"query": 7}, 400, "invalid_input", "query"),
        ({"query": "a", "limit": 0}, 400, "invalid_input", "limit"),
        ({"query": "a", "offset": -1}, 400, "invalid_input", "offset"),
        ({"query": "a", "include": ["vector"]}, 400, "invalid_input", "include"),
        ({"query": "a", "k": 3}, 400, "invalid_input", "k"),
        ({"query": "a", "filter": {"$not": 1}}, 400, "invalid_filter", "$not"),
        ({"query": "a", "filter": {"x": {"$in": []}}}, 400, "invalid_filter", "$in"),
        ({"query": "a", "mode": "keyword", "vector": [1]}, 400, "invalid_input", "takes no vector"),
        ({"vector": [1, 2]}, 409, "space_mismatch", f"dimension {DIMENSION}, and 2"),
        ({"vector": "?"}, 400, "invalid_input", "base64"),
        ({"vector": [0] * DIMENSION}, 400, "invalid_input", "zero"),
        ({"query": "a", "limit": 1001}, 400, "limit_passed", "1001, and at most 1000 are allowed (MAX_LIMIT)"),
        ({"query": "a", "offset": 10001}, 400, "limit_passed", "10001, and at most 10000 are allowed (MAX_OFFSET)"),
        ({"query": "a" * 32769}, 400, "limit_passed", "32769, and at most 32768 are allowed (MAX_QUERY_CHARACTERS)"),
    ],
)
def test_refusals(client: TestClient, body: dict[str, Any], status: int, code: str, word: str) -> None:
    assert word in refused(client.post(SEARCH, json=body), status, code)


def test_the_limits_themselves_are_allowed(start: Start) -> None:
    client = start(max_limit=3, max_offset=2, max_query_characters=5)
    fill(client)
    assert search(client, query="a" * 5, limit=3, offset=2).status_code == 200
    assert len(search(client, query="a").json()["hits"]) == 3
    for body in ({"query": "a" * 6}, {"query": "a", "limit": 4}, {"query": "a", "offset": 3}):
        refused(client.post(SEARCH, json=body), 400, "limit_passed")


def test_a_collection_of_another_model_is_refused_naming_both(client: TestClient) -> None:
    client.put("/v1/collections/foreign", json={"model": "other", "dimension": 3})
    path = "/v1/collections/foreign/search"
    detail = refused(client.post(path, json={"query": "a"}), 409, "space_mismatch")
    assert "the model other, and fake-model is what is served here" in detail
    assert client.post(path, json={"query": "a", "mode": "keyword"}).json()["hits"] == []
    assert client.post(path, json={"vector": np.ones(3).tolist()}).json()["hits"] == []


def test_no_collection(client: TestClient) -> None:
    refused(client.post("/v1/collections/none/search", json={"query": "a"}), 404, "collection_not_found")
