"""POST /v1/passages: the cuts that a document would have."""

from starlette.testclient import TestClient

from tests.api.conftest import Start

LONG = " ".join(f"word{n}" for n in range(20))


def test_each_text_is_cut_as_a_document_is(client: TestClient) -> None:
    client.put("/v1/collections/a")
    client.post("/v1/collections/a/documents", json={"documents": [{"id": "long", "text": LONG}]})
    kept = client.get("/v1/collections/a/documents/long?vectors=true").json()["passages"]
    answer = client.post("/v1/passages", json={"texts": [LONG, "a few words"]})
    assert answer.status_code == 200
    long, short = answer.json()["passages"]
    assert long == [{"start": each["start"], "end": each["end"]} for each in kept]
    assert len(long) > 1
    assert short == [{"start": 0, "end": 11}]


def test_it_keeps_nothing(client: TestClient) -> None:
    client.post("/v1/passages", json={"texts": [LONG]})
    assert client.get("/v1/collections").json()["collections"] == []


def test_it_has_limits_and_needs_the_key(start: Start) -> None:
    client = start(api_key="k", max_texts=2, max_tokenize_characters=10)
    key = {"X-API-Key": "k"}
    assert client.post("/v1/passages", json={"texts": ["a"]}).status_code == 401
    assert client.post("/v1/passages", json={"texts": ["abcde", "abcde"]}, headers=key).status_code == 200
    many = client.post("/v1/passages", json={"texts": ["a"] * 3}, headers=key)
    assert many.status_code == 400
    assert "MAX_TEXTS" in many.json()["detail"]
    long = client.post("/v1/passages", json={"texts": ["abcdef", "abcde"]}, headers=key)
    assert long.status_code == 400
    assert all(part in long.json()["detail"] for part in ("11", "10", "MAX_TOKENIZE_CHARACTERS"))
    assert client.post("/v1/passages", json={"texts": []}, headers=key).status_code == 400
