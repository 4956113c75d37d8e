"""Embedding models of a service, against a real server on loopback."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

import numpy as np
import pytest

from app.embedding import openai
from app.embedding.cache import VectorCache
from app.embedding.embedder import Cut
from app.embedding.encoder import F32
from app.embedding.openai import OpenAIModels
from app.embedding.remote import MAX_TOKENS
from app.errors import EmptyText, InvalidInput, RemoteFailed, TextTooLong, UnsupportedDimension
from app.remote.client import RemoteClient, Timeouts
from app.remote.retries import Retries
from tests.remote.seen import Seen
from tests.remote.service import KEY, Call, Reply, Service, broken, error, refusing, silent, streaming, unit, vectors

T = TypeVar("T")
MODEL = "openai/some-embedder"


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai, "RETRIES", Retries(2, 0.001, 20))


def asked(url: str, call: Callable[[OpenAIModels], Awaitable[T]], seen: Seen | None = None, whole_s: float = 60) -> T:
    async def scenario() -> T:
        timeouts = Timeouts(10, 60, 60, whole_s)
        client = RemoteClient(url, KEY, timeouts=timeouts, max_connections=4, observer=seen or Seen())
        try:
            return await call(OpenAIModels(client, VectorCache(1_000_000)))
        finally:
            await client.close()

    return asyncio.run(scenario())


@pytest.mark.parametrize("packed", [True, False])
def test_vectors_have_length_1_and_the_order_of_their_texts(packed: bool) -> None:
    seen = Seen()
    with Service(vectors(8, packed=packed)) as service:
        made = asked(service.url, lambda models: models.embedder(MODEL, 8).embed(["a b", "c"]), seen)
        (call,) = service.calls
    assert made.vectors.dtype == np.float32
    np.testing.assert_allclose(made.vectors, np.stack([unit("a b", 8), unit("c", 8)]), atol=1e-6)
    assert made.tokens == 3
    assert seen.calls == ["embeddings ok"]
    assert seen.tokens == [(3, 0)]
    assert call.path == "/v1/embeddings"
    assert call.headers["Authorization"] == f"Bearer {KEY}"
    assert call.body == {"model": "some-embedder", "input": ["a b", "c"], "encoding_format": "base64"}


@pytest.mark.parametrize(
    ("texts", "sizes"),
    [
        (["a"] * 300, [128, 128, 44]),
        (["x" * 2000] * 301, [128, 128, 45]),
        (["日" * 600] * 301, [128, 128, 45]),
        ([], []),
    ],
)
def test_requests_are_within_the_limits_of_a_service(texts: list[str], sizes: list[int]) -> None:
    with Service(vectors(8)) as service:
        made = asked(service.url, lambda models: models.embedder(MODEL, 8).embed(texts, truncate=True))
        bodies = [call.body for call in service.calls]
    assert made.vectors.shape == (len(texts), 8)
    assert [len(body["input"]) for body in bodies] == sizes
    for body in bodies:
        assert sum(len(text.encode()) for text in body["input"]) <= 300_000


def test_a_request_has_no_more_bytes_than_a_request_may_have_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai, "REQUEST_TOKENS", 10)
    with Service(vectors(8)) as service:
        asked(service.url, lambda models: models.embedder(MODEL, 8).embed(["aaaa", "bbbb", "cccc", "日本日本", "d"]))
        assert [call.body["input"] for call in service.calls] == [["aaaa", "bbbb"], ["cccc"], ["日本日本"], ["d"]]


def test_a_length_is_asked_for_where_the_model_has_another_and_once_that_is_known_at_once() -> None:
    async def twice(models: OpenAIModels) -> tuple[int, ...]:
        embedder = models.embedder(MODEL, 4)
        return tuple([(await embedder.embed([text])).vectors.shape[1] for text in ("a", "b")])

    with Service(vectors(8)) as service:
        assert asked(service.url, twice) == (4, 4)
        assert [call.body.get("dimensions") for call in service.calls] == [None, 4, 4]
    with (
        Service(vectors(8, shortens=False)) as service,
        pytest.raises(RemoteFailed, match="8 dimensions, and not of 4"),
    ):
        asked(service.url, twice)


def test_an_answer_that_comes_once_another_call_knows_the_length_is_asked_for_again() -> None:
    sent, known = threading.Event(), threading.Event()

    def staggered(call: Call) -> None:
        if call.body["input"] == ["late"] and "dimensions" not in call.body:
            sent.set()
            assert known.wait(10)
        assert sent.wait(10)
        vectors(8)(call)

    async def both(models: OpenAIModels) -> F32:
        embedder = models.embedder(MODEL, 4)
        late = asyncio.create_task(embedder.embed(["late"]))
        await embedder.embed(["soon"])
        known.set()
        return (await late).vectors

    with Service(staggered) as service:
        made = asked(service.url, both)
        bodies = [call.body for call in service.calls]
    np.testing.assert_allclose(made, [unit("late", 4)], atol=1e-6)
    assert [body.get("dimensions") for body in bodies if body["input"] == ["late"]] == [None, 4]


def test_the_length_of_a_model_is_found_by_asking_it() -> None:
    with Service(vectors(8)) as service:
        assert asked(service.url, lambda models: models.dimension_of(MODEL, None)) == 8
        assert asked(service.url, lambda models: models.dimension_of(MODEL, 5)) == 5
        assert [call.body.get("dimensions") for call in service.calls] == [None, 5]
    with (
        Service(vectors(8, shortens=False)) as service,
        pytest.raises(UnsupportedDimension, match="8 dimensions and 5"),
    ):
        asked(service.url, lambda models: models.dimension_of(MODEL, 5))


def test_a_query_is_not_paid_for_twice() -> None:
    async def twice(models: OpenAIModels) -> list[bool]:
        made = [await models.embedder(MODEL, 8).embed(["why?"], role="query") for _ in range(2)]
        other = await models.embedder(MODEL, 4).embed(["why?"], role="query")
        assert other.vectors.shape == (1, 4)
        return [np.array_equal(made[0].vectors, one.vectors) for one in made]

    with Service(vectors(8)) as service:
        assert asked(service.url, twice) == [True, True]
        assert len(service.calls) == 3  # the other length is asked for twice, the first time to find out


def test_passages_are_cut_by_estimated_tokens_and_fit_whatever_they_hold() -> None:
    texts = ["short", "word " * 2000, "日本語" * 500, "\u3000" * 9000 + "end", "x" * 50_000, "👩‍🚀" * 900]
    with Service(vectors(8)) as service:
        spans = asked(service.url, lambda models: models.embedder(MODEL, 8).split(texts))
    assert spans[0] == [(0, 5)]
    for text, spans_of in zip(texts, spans, strict=True):
        parts = [text[start:end] for start, end in spans_of]
        assert max(len(part.encode()) for part in parts) < 8191
        covered = {place for start, end in spans_of for place in range(start, end)}
        assert all(text[place].isspace() for place in set(range(len(text))) - covered)


@pytest.mark.parametrize("text", ["word " * 5000, "日本" * 5000, " \u3000 x" * 5000, "👩‍🚀" * 5000])
def test_a_text_that_is_too_long_is_refused_or_cut(text: str) -> None:
    with Service(vectors(8)) as service:
        with pytest.raises(TextTooLong, match=f"the model reads {MAX_TOKENS}"):
            asked(service.url, lambda models: models.embedder(MODEL, 8).embed([text], role="query"))
        assert service.calls == []
        made = asked(service.url, lambda models: models.embedder(MODEL, 8).embed([text], role="query", truncate=True))
        (sent,) = service.calls[0].body["input"]
    assert text.startswith(sent)
    assert 0 < len(sent.encode()) <= 8191
    (cut,) = made.cuts
    assert cut == Cut(0, cut.tokens, MAX_TOKENS)
    assert cut.tokens > MAX_TOKENS


def test_what_is_not_asked() -> None:
    with Service(vectors(8)) as service:
        with pytest.raises(EmptyText):
            asked(service.url, lambda models: models.embedder(MODEL, 8).embed(["a", ""]))
        with pytest.raises(InvalidInput, match="vocabulary"):
            asked(service.url, lambda models: models.embedder(MODEL, 8).tokenize(["a"]))
        assert service.calls == []


def answering(*embeddings: object, **more: object) -> Reply:
    data = [{"index": index, "embedding": embedding} for index, embedding in enumerate(embeddings)]
    return refusing(200, {"data": data} | more)


@pytest.mark.parametrize(
    ("reply", "kind", "calls"),
    [
        (refusing(401, error(message=KEY)), "unauthorized", 1),
        (refusing(404, error("model_not_found")), "refused", 1),
        (refusing(429, error(), Retry_After="0"), "rate_limited", 3),
        (refusing(429, error("insufficient_quota")), "rate_limited", 1),
        (refusing(500, b"oh"), "server_error", 3),
        (broken, "cut_off", 3),
        (streaming(b'{"data": ', then=broken), "cut_off", 3),
        (refusing(200, b"<html>"), "malformed", 1),
        (refusing(200, {"data": None}), "malformed", 1),
        (refusing(200, ["a"]), "malformed", 1),
        (answering([1.0] * 8), "malformed", 1),
        (answering([1.0] * 8, [1.0] * 7), "malformed", 1),
        (answering([1.0] * 8, ["x"] * 8), "malformed", 1),
        (answering([1.0] * 8, "not base64!"), "malformed", 1),
        (answering([1.0] * 8, [0.0] * 8), "malformed", 1),
        (answering([1.0] * 8, [1e39] * 8), "malformed", 1),
        (answering([], []), "malformed", 1),
        (answering([1.0] * 8, [1.0] * 8, [1.0] * 8), "malformed", 1),
        (answering([1.0] * 9, [1.0] * 9), "malformed", 2),
    ],
)
def test_failures_are_named_and_the_passing_ones_tried_again(reply: Reply, kind: str, calls: int) -> None:
    with Service(reply) as service:
        with pytest.raises(RemoteFailed) as failed:
            asked(service.url, lambda models: models.embedder(MODEL, 8).embed(["a", "b"]))
        assert len(service.calls) == calls
    assert failed.value.kind == kind
    assert KEY not in str(failed.value)


def test_there_is_an_end_to_waiting() -> None:
    with Service(silent) as service, pytest.raises(RemoteFailed, match="did not send a whole answer in time"):
        asked(service.url, lambda models: models.embedder(MODEL, 8).embed(["a"]), whole_s=0.15)


def test_all_requests_for_the_texts_of_one_call_have_one_time_out() -> None:
    def unhurried(call: Call) -> None:
        call.service.closing.wait(0.5)
        vectors(8)(call)

    texts = ["a"] * 300  # three requests, each of which is answered in time
    with Service(unhurried) as service, pytest.raises(RemoteFailed, match="did not send a whole answer in time"):
        asked(service.url, lambda models: models.embedder(MODEL, 8).embed(texts), whole_s=1.2)


def test_a_second_try_is_enough() -> None:
    seen = Seen()
    with Service(refusing(503, error()), vectors(8)) as service:
        asked(service.url, lambda models: models.embedder(MODEL, 8).embed(["a"]), seen)
    assert seen.calls == ["embeddings server_error", "embeddings ok"]
