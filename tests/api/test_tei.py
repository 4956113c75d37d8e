"""text-embeddings-inference's routes: its shapes, its error types, and what is refused by name."""

from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from app import __version__
from app.embedding.registry import Prompts
from app.errors import EncoderFailed, NotReady, QueueFull
from tests.api.conftest import Start
from tests.fakes import FakeEmbedder, card, unit

LONG = "w " * 20


def refused(client: TestClient, status: int, kind: str, path: str, body: Any) -> str:
    """The message of a refusal in TEI's shape, after checking the rest of it."""
    answer = client.post(path, json=body)
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error", "error_type"}
    assert answer.json()["error_type"] == kind
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]
    return str(answer.json()["error"])


@pytest.mark.parametrize("path", ["/embed", "/"])
def test_one_text_is_one_row(client: TestClient, path: str) -> None:
    answer = client.post(path, json={"inputs": "hello there"})
    assert answer.status_code == 200
    np.testing.assert_allclose(answer.json(), [unit("hello there")], rtol=1e-6)
    assert (answer.headers["x-compute-tokens"], answer.headers["x-truncated-texts"]) == ("2", "0")


def test_many_texts_keep_their_order(client: TestClient) -> None:
    texts = ["c", "a", "b"]
    np.testing.assert_allclose(
        client.post("/embed", json={"inputs": texts}).json(), [unit(text) for text in texts], rtol=1e-6
    )


def test_a_prompt_is_used_where_it_is_named(client: TestClient, embedder: FakeEmbedder) -> None:
    for name in (None, "query", "passage"):
        assert client.post("/embed", json={"inputs": "a", "prompt_name": name}).status_code == 200
    assert embedder.roles == [None, "query", "passage"]
    message = refused(client, 422, "Validation", "/embed", {"inputs": "a", "prompt_name": "summary"})
    assert "no prompt 'summary': there are query, passage" in message


def test_truncate_cuts_the_side_that_is_asked_for_and_counts(client: TestClient, embedder: FakeEmbedder) -> None:
    for direction in ("Left", "left", "Right", "right"):
        body = {"inputs": ["a", LONG], "truncate": True, "truncation_direction": direction}
        answer = client.post("/embed", json=body)
        assert answer.headers["x-truncated-texts"] == "1"
        assert answer.headers["x-compute-tokens"] == "17"
    assert embedder.sides == ["left", "left", "right", "right"]


@pytest.mark.parametrize("truncate", [False, None])
def test_a_text_too_long_is_refused_with_both_numbers(client: TestClient, truncate: bool | None) -> None:
    message = refused(client, 413, "Validation", "/embed", {"inputs": ["a", LONG], "truncate": truncate})
    assert "text 1 of the input has 20 tokens and the model reads 16" in message


def test_dimensions(client: TestClient, embedder: FakeEmbedder) -> None:
    body = {"inputs": "a", "dimensions": 4}
    assert "8 dimensions and 4 were asked for" in refused(client, 422, "Validation", "/embed", body)
    embedder.card = card(matryoshka_dimensions=(4,))
    (row,) = client.post("/embed", json=body).json()
    assert len(row) == 4
    assert np.linalg.norm(row) == pytest.approx(1, abs=1e-6)


def test_vectors_of_another_length_are_refused(client: TestClient) -> None:
    message = refused(client, 422, "Validation", "/embed", {"inputs": "a", "normalize": False})
    assert "always have length 1" in message


def test_similarity_is_the_cosine_to_the_source(client: TestClient, embedder: FakeEmbedder) -> None:
    inputs = {"source_sentence": "a", "sentences": ["b", "a", "c"]}
    answer = client.post("/similarity", json={"inputs": inputs})
    np.testing.assert_allclose(answer.json(), [unit(text) @ unit("a") for text in "bac"], atol=1e-6)
    assert client.post("/similarity", json={"inputs": inputs, "parameters": {}}).json() == answer.json()
    client.post("/similarity", json={"inputs": inputs, "parameters": {"prompt_name": "query"}})
    assert embedder.roles == [None, None, "query"]


def test_tokens(client: TestClient, embedder: FakeEmbedder) -> None:
    embedder.card = card(prompts=Prompts(query="find "))
    word = {"id": 5, "text": "hello", "special": False, "start": 0, "stop": 5}
    opening = {"id": 1, "text": "[CLS]", "special": True, "start": None, "stop": None}
    assert client.post("/tokenize", json={"inputs": "hello"}).json() == [[opening, word]]
    plain = client.post("/tokenize", json={"inputs": ["hello", LONG], "add_special_tokens": False}).json()
    assert plain[0] == [word]
    assert len(plain[1]) == 20
    ((_, find, after),) = client.post("/tokenize", json={"inputs": "hello", "prompt_name": "query"}).json()
    assert (find["text"], after["start"], after["stop"]) == ("find", 5, 10)


def test_tokens_are_limited_by_characters(start: Start) -> None:
    client = start(max_tokenize_characters=5)
    message = refused(client, 413, "Validation", "/tokenize", {"inputs": ["abc", "def"]})
    assert "characters to tokenize: 6, and at most 5 are allowed (MAX_TOKENIZE_CHARACTERS)" in message
    assert client.post("/tokenize", json={"inputs": ["abc", "de"]}).status_code == 200


@pytest.mark.parametrize(
    "body", [{"query": "a", "texts": ["b"]}, {"model": "m", "query": "a", "documents": ["b"], "top_n": 1}, []]
)
def test_rerank_says_which_model_it_wants(client: TestClient, body: Any) -> None:
    message = refused(client, 424, "Backend", "/rerank", body)
    assert "fake-model is an embedding model" in message
    assert "cross-encoder/ms-marco-MiniLM-L6-v2" in message


def test_info(start: Start) -> None:
    body = start(max_texts=7, max_batch_tokens=512).get("/info").json()
    assert {key: value for key, value in body.items() if value is not None} == {
        "model_id": "nobody/fake-model",
        "model_sha": "1",
        "model_dtype": "float32",
        "model_type": {"embedding": {"pooling": "mean"}},
        "max_input_length": 16,
        "max_batch_tokens": 512,
        "max_client_batch_size": 7,
        "auto_truncate": False,
        "version": __version__,
    }
    # TEI's clients look for these names, and nothing here is true of them.
    assert {"max_concurrent_requests", "tokenization_workers", "docker_label", "sha"} <= set(body)


@pytest.mark.parametrize(
    ("path", "body", "status", "kind", "word"),
    [
        ("/embed", {"inputs": ["a", ""]}, 400, "Empty", "text 1"),
        ("/tokenize", {"inputs": ""}, 400, "Empty", "text 0"),
        ("/embed", {"inputs": [1, 2]}, 422, "Validation", "token ids"),
        ("/embed", {"inputs": [[1, 2], [3]]}, 422, "Validation", "token ids"),
        ("/tokenize", {"inputs": [1]}, 422, "Validation", "token ids"),
        ("/embed", {"inputs": []}, 422, "Validation", "inputs"),
        ("/embed", {"input": "a"}, 422, "Validation", "input"),
        ("/embed", {"inputs": "a", "truncation_direction": "up"}, 422, "Validation", "truncation_direction"),
        ("/embed", [], 422, "Validation", "JSON object"),
        ("/similarity", {"inputs": {"source_sentence": "a", "sentences": []}}, 422, "Validation", "inputs.sentences"),
        ("/similarity", {"inputs": {"source_sentence": "", "sentences": ["a"]}}, 422, "Validation", "source_sentence"),
        ("/similarity", {"inputs": {"source_sentence": "a", "sentences": [LONG]}}, 413, "Validation", "text 1"),
        ("/tokenize", {"inputs": "a", "prompt_name": "other"}, 422, "Validation", "'other'"),
    ],
)
def test_bad_bodies_are_refused_by_field(
    client: TestClient, path: str, body: Any, status: int, kind: str, word: str
) -> None:
    assert word in refused(client, status, kind, path, body)


def test_too_many_texts_are_refused_with_both_numbers(start: Start) -> None:
    client = start(max_texts=2)
    similar = {"inputs": {"source_sentence": "a", "sentences": ["b", "c"]}}
    for path, body in (
        ("/embed", {"inputs": ["a"] * 3}),
        ("/tokenize", {"inputs": ["a"] * 3}),
        ("/similarity", similar),
    ):
        assert "3 texts and may hold 2" in refused(client, 413, "Validation", path, body)


def test_a_body_too_large_has_the_same_shape(start: Start) -> None:
    assert "MAX_BODY_BYTES" in refused(start(max_body_bytes=1024), 413, "Validation", "/embed", {"inputs": "x" * 2000})


def test_what_is_not_json_or_not_a_post(client: TestClient) -> None:
    broken = client.post("/embed", content=b"{", headers={"content-type": "application/json"})
    assert (broken.status_code, broken.json()["error_type"]) == (422, "Validation")
    assert "not JSON" in broken.json()["error"]
    assert (client.get("/embed").status_code, set(client.get("/embed").json())) == (405, {"error", "error_type"})


@pytest.mark.parametrize(
    ("failure", "status", "kind", "retry_after"),
    [
        (QueueFull(7, 1, 7, 3), 429, "Overloaded", "3"),
        (NotReady("the service is shutting down"), 503, "Unhealthy", "1"),
        (EncoderFailed("the model could not encode the batch: bad"), 424, "Backend", None),
        (RuntimeError("secret detail"), 500, "Backend", None),
    ],
)
def test_failures_have_their_type(
    client: TestClient, embedder: FakeEmbedder, failure: Exception, status: int, kind: str, retry_after: str | None
) -> None:
    embedder.failure = failure
    assert "secret" not in refused(client, status, kind, "/embed", {"inputs": "a"})
    assert client.post("/embed", json={"inputs": "a"}).headers.get("retry-after") == retry_after


@pytest.mark.parametrize("path", ["/", "/embed", "/similarity", "/tokenize", "/rerank"])
def test_a_key_is_needed(start: Start, path: str) -> None:
    client = start(api_key="secret")
    refused(client, 401, "Unauthorized", path, {})
    assert client.get("/info").status_code == 401
    assert client.get("/info", headers={"Authorization": "Bearer secret"}).status_code == 200


def test_the_interface_is_documented(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    for path in ("/embed", "/similarity", "/tokenize"):
        assert set(paths[path]["post"]["responses"]) >= {"413", "422", "424", "429"}
    for path in ("/embed", "/similarity"):
        assert set(paths[path]["post"]["responses"]["200"]["headers"]) == {"X-Compute-Tokens", "X-Truncated-Texts"}
    rerank = paths["/rerank"]["post"]["responses"]
    assert set(rerank) == {"401", "413", "415", "424", "503"}
    assert rerank["424"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/TEIError"}
    content = paths["/tokenize"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert content["items"]["items"]["$ref"].endswith("/SimpleToken")
