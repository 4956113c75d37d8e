"""`/v1/embeddings` and `/v1/models`: OpenAI's shapes, and each refusal with its numbers."""

import base64
import json
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from app.embedding.representation import shorten, to_binary, to_int8
from app.errors import EncoderFailed, NotReady, QueueFull
from tests.api.conftest import Start
from tests.fakes import DIMENSION, FakeEmbedder, card, unit

MODEL = "fake-model"


def post(client: TestClient, **body: Any) -> Any:
    return client.post("/v1/embeddings", json={"model": MODEL, **body})


def refused(client: TestClient, status: int, code: str, body: Any) -> str:
    """The message of a refusal in OpenAI's shape, after checking the rest of it."""
    answer = client.post("/v1/embeddings", json=body)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == code
    assert answer.headers["content-type"] == "application/json"
    return str(error["message"])


def test_one_text(client: TestClient) -> None:
    answer = post(client, input="hello there")
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"object", "data", "model", "usage"}
    assert (body["object"], body["model"]) == ("list", MODEL)
    assert body["usage"] == {"prompt_tokens": 2, "total_tokens": 2}
    (row,) = body["data"]
    assert (row["object"], row["index"]) == ("embedding", 0)
    np.testing.assert_allclose(row["embedding"], unit("hello there"), rtol=1e-6)


def test_many_texts_keep_their_order(client: TestClient) -> None:
    texts = ["c", "a", "b"]
    body = post(client, input=texts).json()
    assert [row["index"] for row in body["data"]] == [0, 1, 2]
    for row, text in zip(body["data"], texts, strict=True):
        np.testing.assert_allclose(row["embedding"], unit(text), rtol=1e-6)


def test_base64_is_little_endian_float32(client: TestClient) -> None:
    (row,) = post(client, input="hello", encoding_format="base64").json()["data"]
    np.testing.assert_array_equal(np.frombuffer(base64.b64decode(row["embedding"]), "<f4"), unit("hello"))


def test_the_name_at_the_origin_is_the_same_model(client: TestClient) -> None:
    assert post(client, input="a", model="nobody/fake-model").json()["model"] == MODEL


def test_the_role_reaches_the_model(client: TestClient, embedder: FakeEmbedder) -> None:
    post(client, input="a")
    post(client, input="a", input_type="query")
    assert embedder.roles == ["passage", "query"]


def test_truncate_cuts_and_says_what_it_cut(client: TestClient) -> None:
    body = post(client, input=["short", "w " * 20], truncate=True).json()
    assert body["truncated"] == [{"index": 1, "tokens": 20, "kept": 16}]
    assert body["usage"]["prompt_tokens"] == 17


def test_a_text_too_long_is_refused_with_both_numbers(client: TestClient) -> None:
    message = refused(client, 400, "text_too_long", {"model": MODEL, "input": ["short", "w " * 20]})
    assert "text 1" in message
    assert "20 tokens" in message
    assert "reads 16" in message


@pytest.mark.parametrize("tokens", [[1, 2, 3], [[1, 2], [3]]])
def test_token_ids_are_refused_with_the_remedy(client: TestClient, tokens: Any) -> None:
    message = refused(client, 400, "token_input", {"model": MODEL, "input": tokens})
    assert "check_embedding_ctx_length=False" in message


@pytest.mark.parametrize(
    ("body", "code", "word"),
    [
        ({"model": MODEL, "input": ""}, "empty_text", "text 0"),
        ({"model": MODEL, "input": ["a", ""]}, "empty_text", "text 1"),
        ({"model": MODEL, "input": []}, "invalid_input", "input"),
        ({"model": MODEL, "input": None}, "invalid_input", "input"),
        ({"model": MODEL, "input": ["a", None]}, "invalid_input", "input.1"),
        ({"model": MODEL, "input": {"text": "a"}}, "invalid_input", "input"),
        ({"model": MODEL, "input": [True]}, "invalid_input", "input.0"),
        ({"model": MODEL}, "invalid_input", "input"),
        ({"input": "a"}, "invalid_input", "model"),
        ({"model": 7, "input": "a"}, "invalid_input", "model"),
        ({"model": MODEL, "input": "a", "encoding_format": "hex"}, "invalid_input", "encoding_format"),
        ({"model": MODEL, "input": "a", "embedding_dtype": "uint8"}, "invalid_input", "embedding_dtype"),
        ({"model": MODEL, "input": "a", "dimensions": 0}, "invalid_input", "dimensions"),
        ({"model": MODEL, "input": "a", "truncate": "yes"}, "invalid_input", "truncate"),
        ({"model": MODEL, "input": "a", "truncat": True}, "invalid_input", "truncat"),
        ([], "invalid_input", "JSON object"),
        ("text", "invalid_input", "JSON object"),
    ],
)
def test_bad_bodies_are_refused_by_field(client: TestClient, body: Any, code: str, word: str) -> None:
    assert word in refused(client, 400, code, body)


def test_another_dimension_is_refused_with_both(client: TestClient) -> None:
    message = refused(client, 400, "unsupported_dimension", {"model": MODEL, "input": "a", "dimensions": 5})
    assert f"{DIMENSION} dimensions and 5 were asked for; it cannot be cut" in message
    assert post(client, input="a", dimensions=DIMENSION).status_code == 200


def test_a_model_that_may_be_cut_gives_shorter_vectors_of_length_1(client: TestClient, embedder: FakeEmbedder) -> None:
    embedder.card = card(matryoshka_dimensions=(2, 4))
    (row,) = post(client, input="hello", dimensions=4).json()["data"]
    np.testing.assert_allclose(row["embedding"], unit("hello")[:4] / np.linalg.norm(unit("hello")[:4]), rtol=1e-6)
    message = refused(client, 400, "unsupported_dimension", {"model": MODEL, "input": "a", "dimensions": 3})
    assert f"{DIMENSION} dimensions and 3 were asked for; it can be cut to 2, 4" in message


@pytest.mark.parametrize(("dtype", "numbers"), [("int8", to_int8), ("binary", to_binary)])
def test_smaller_numbers_are_json_and_never_base64(
    client: TestClient, embedder: FakeEmbedder, dtype: str, numbers: Any
) -> None:
    """The openai package asks for base64 by itself, and would read float32 in whatever comes."""
    texts = ["hello", "there"]
    expected = numbers(np.stack([unit(text) for text in texts]))
    plain = post(client, input=texts, embedding_dtype=dtype).json()["data"]
    assert [row["embedding"] for row in plain] == expected.tolist()
    asked = len(embedder.roles)
    body = {"model": MODEL, "input": texts, "embedding_dtype": dtype, "encoding_format": "base64"}
    message = refused(client, 400, "invalid_input", body)
    assert f'{dtype} was asked for: send encoding_format="float"' in message
    assert len(embedder.roles) == asked
    assert client.post("/v1/embeddings", json=body | {"embedding_dtype": "float"}).status_code == 200


def test_smaller_numbers_of_a_shorter_vector(client: TestClient, embedder: FakeEmbedder) -> None:
    embedder.card = card(matryoshka_dimensions=(4,))
    (row,) = post(client, input="hello", dimensions=4, embedding_dtype="int8").json()["data"]
    assert row["embedding"] == to_int8(shorten(unit("hello")[None], 4))[0].tolist()


def test_an_unknown_model_is_refused_and_the_served_one_named(client: TestClient) -> None:
    message = refused(client, 404, "model_not_found", {"model": "text-embedding-3-small", "input": "a"})
    assert "text-embedding-3-small" in message
    assert MODEL in message


def test_too_many_texts_are_refused_with_both_numbers(start: Start) -> None:
    client = start(max_texts=2)
    assert "3 texts and may hold 2" in refused(client, 400, "too_many_texts", {"model": MODEL, "input": ["a"] * 3})
    assert post(client, input=["a"] * 2).status_code == 200


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"\xff\xfe", b'{"model": "fake-model", "input": "\\ud800"}', b'{"input": NaN}', b"[" * 100_000]
)
def test_what_is_not_json_is_a_clear_400(client: TestClient, raw: bytes) -> None:
    answer = client.post("/v1/embeddings", content=raw, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in {"invalid_json", "invalid_input"}


def test_a_body_that_announces_too_much_is_refused_unread(start: Start) -> None:
    client = start(max_body_bytes=1024)
    answer = post(client, input="x" * 2000)
    assert answer.status_code == 413
    assert "may have 1024 (MAX_BODY_BYTES)" in answer.json()["error"]["message"]
    assert post(client, input="x" * 900).status_code == 200


def test_a_body_that_grows_too_large_is_refused(start: Start) -> None:
    client = start(max_body_bytes=1024)
    raw = json.dumps({"model": MODEL, "input": "x" * 2000}).encode()
    chunks = (raw[i : i + 100] for i in range(0, len(raw), 100))
    answer = client.post("/v1/embeddings", content=chunks, headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "body_too_large"


@pytest.mark.parametrize(
    ("failure", "status", "code", "retry_after"),
    [
        (QueueFull(7, 1, 7, 3), 429, "queue_full", "3"),
        (NotReady("the service is shutting down"), 503, "not_ready", "1"),
        (EncoderFailed("the model could not encode the batch: bad"), 500, "encoder_failed", None),
        (RuntimeError("secret detail"), 500, "internal_error", None),
    ],
)
def test_failures_have_their_status(
    client: TestClient, embedder: FakeEmbedder, failure: Exception, status: int, code: str, retry_after: str | None
) -> None:
    embedder.failure = failure
    answer = post(client, input="a")
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code
    assert answer.headers.get("retry-after") == retry_after
    assert "secret" not in answer.text


def test_a_full_queue_refuses_before_the_body_is_looked_at(client: TestClient, embedder: FakeEmbedder) -> None:
    embedder.full = QueueFull(7, 1, 7, 3)
    raw = client.post("/v1/embeddings", content=b"{", headers={"content-type": "application/json"})
    assert (raw.status_code, raw.headers["retry-after"]) == (429, "3")
    assert post(client, input="a").status_code == 429
    assert embedder.texts == []
    assert post(client, input="a", input_type="query").status_code == 200  # it does not wait behind passages


def test_what_finds_no_room_as_a_whole_is_refused_before_it_is_checked(
    client: TestClient, embedder: FakeEmbedder
) -> None:
    embedder.full, embedder.room = QueueFull(7, 3, 9, 3), 2
    assert post(client, input=["a", "b", "c"]).status_code == 429
    assert post(client, input=["a", "b", "c"], dimensions="none").status_code == 429
    assert embedder.texts == []
    assert post(client, input=["a", "b"]).status_code == 200
    assert post(client, input=["a", "a", "a", "b", "b"]).status_code == 200  # two texts, of which each is embedded once
    assert post(client, input=["a", "b", "c"], input_type="query").status_code == 200
    # Where one cannot tell how many texts it has, whoever checks it says what is wrong.
    assert post(client, input=[[1, 2, 3], [4], [5]]).status_code == 400
    assert client.post("/v1/embeddings", json=["a", "b", "c"]).status_code == 400


def test_models(client: TestClient) -> None:
    (entry,) = client.get("/v1/models").json()["data"]
    assert entry["id"] == MODEL
    assert entry["object"] == "model"
    assert entry["created"] == 1_700_000_000
    assert client.get("/v1/models/fake-model").json() == entry
    assert client.get("/v1/models/nobody/fake-model").json() == entry
    missing = client.get("/v1/models/other")
    assert missing.status_code == 404
    assert missing.json()["error"]["code"] == "model_not_found"
