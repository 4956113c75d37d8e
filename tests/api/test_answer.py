"""Questions over HTTP: extracted answers without a key, written ones over a real service on loopback with one."""

import json
import logging
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.errors import QueueFull
from tests.api.conftest import Start
from tests.api.test_collections import refused
from tests.fakes import FakeEmbedder
from tests.remote.service import KEY, Reply, Service, broken, delta, error, refusing, saying, streaming

ASK = "/v1/collections/notes/ask"
EVENTS = {"Accept": "text/event-stream"}
BREAD = "Dough rises slowly overnight. Salt keeps the yeast from work."
TAP = "A new washer mends a tap."


def fill(client: TestClient) -> TestClient:
    client.put("/v1/collections/notes")
    documents = [
        {"id": "bread", "text": BREAD, "metadata": {"lang": "en"}},
        {"id": "tap", "text": TAP, "metadata": {"lang": "de"}},
    ]
    assert client.post("/v1/collections/notes/documents", json={"documents": documents}).status_code == 200
    return client


def with_key(start: Start, service: Service, **settings: object) -> TestClient:
    return fill(start(openai_api_key=KEY, openai_base_url=service.url, **settings))


def ask(client: TestClient, question: str = "Salt and yeast?", **body: Any) -> Any:
    answer = client.post(ASK, json={"question": question, "mode": "keyword"} | body)
    assert KEY not in answer.text + str(answer.headers)
    return answer


def events(answer: Any) -> list[tuple[str, dict[str, Any]]]:
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    blocks = [block.split("\n") for block in answer.text.removesuffix("\n\n").split("\n\n")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in blocks]


def metric(client: TestClient, name: str) -> float:
    text = client.get("/metrics").text
    assert KEY not in text
    (value,) = [line.split()[-1] for line in text.splitlines() if line.rpartition(" ")[0] == f"vectorspace_{name}"]
    return float(value)


def test_without_a_key_sentences_answer_word_for_word(client: TestClient, embedder: FakeEmbedder) -> None:
    fill(client)
    answer = ask(client).json()
    assert answer["kind"] == "extracted"
    (source,) = answer["sources"]
    assert source == {
        "number": 1,
        "id": "bread",
        "start": 0,
        "end": len(BREAD),
        "text": BREAD,
        "score": source["score"],
        "metadata": {"lang": "en"},
    }
    assert answer["cited"] == [1]
    assert answer["left_out"] == 0
    for sentence in answer["sentences"]:
        assert BREAD[sentence["start"] : sentence["end"]] == sentence["text"]
        assert f"{sentence['text']} [1]" in answer["answer"]
    assert "Salt and yeast?" in embedder.texts
    assert not answer.keys() & {"model", "usage", "finish", "fallback"}
    assert metric(client, 'answered_requests_total{kind="extracted"}') == 1


@pytest.mark.parametrize(
    ("headers", "body", "streamed"),
    [({}, {}, False), (EVENTS, {}, True), ({}, {"stream": True}, True), (EVENTS, {"stream": False}, False)],
)
def test_a_stream_is_asked_for_in_two_ways(
    client: TestClient, headers: dict[str, str], body: dict[str, Any], streamed: bool
) -> None:
    fill(client)
    answer = client.post(ASK, json={"question": "salt", "mode": "keyword", **body}, headers=headers)
    if not streamed:
        assert answer.json()["kind"] == "extracted"
        return
    assert [name for name, _ in events(answer)] == ["sources", "extracted", "done"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-accel-buffering"] == "no"


@pytest.mark.parametrize("stream", [True, False])
def test_nothing_found_is_said_and_nobody_is_called(start: Start, stream: bool) -> None:
    with Service(saying("Yes.")) as service:
        client = with_key(start, service)
        answer = ask(client, "nowhere", stream=stream)
        assert service.calls == []
    if stream:
        told = events(answer)
        assert [name for name, _ in told] == ["sources", "extracted", "done"]
        answer_text, kind = told[1][1]["answer"], told[2][1]["kind"]
    else:
        answer_text, kind = answer.json()["answer"], answer.json()["kind"]
    assert answer_text == "Nothing was found that could answer this."
    assert kind == "none"
    assert metric(client, 'answered_requests_total{kind="none"}') == 1


def test_a_filter_leaves_sources_out(client: TestClient) -> None:
    fill(client)
    answer = ask(client, mode="semantic", filter={"lang": "de"}).json()
    assert [source["id"] for source in answer["sources"]] == ["tap"]
    assert ask(client, mode="semantic", limit=1).json()["sources"][0]["number"] == 1


def test_a_language_model_writes_and_its_citations_are_checked(start: Start) -> None:
    with Service(saying("Salt slows ", "yeast [1", "] a lot [7].", cost=(200, 8))) as service:
        client = with_key(start, service, openai_model="some-model")
        told = ask(client)
        answer = told.json()
        (call,) = service.calls
    assert "remote;dur=" in told.headers["server-timing"]
    assert answer["kind"] == "generated"
    assert answer["answer"] == "Salt slows yeast [1] a lot."
    assert answer["cited"] == [1]
    assert (answer["model"], answer["finish"]) == ("some-model", "stop")
    assert answer["usage"] == {"prompt_tokens": 200, "completion_tokens": 8}
    assert "sentences" not in answer
    assert BREAD in call.body["messages"][1]["content"]
    assert metric(client, 'answered_requests_total{kind="generated"}') == 1
    assert metric(client, 'remote_requests_total{endpoint="chat",outcome="ok"}') == 1
    assert metric(client, 'remote_tokens_total{endpoint="chat",kind="prompt"}') == 200
    assert metric(client, 'remote_tokens_total{endpoint="chat",kind="completion"}') == 8


def test_sources_come_first_then_the_text_as_it_is_written(start: Start) -> None:
    with Service(saying("Salt ", "slows ", "[1].", cost=None)) as service:
        told = events(ask(with_key(start, service), stream=True))
    assert [name for name, _ in told] == ["sources", "text", "text", "text", "done"]
    assert "".join(data["text"] for name, data in told if name == "text") == "Salt slows [1]."
    assert told[0][1]["sources"][0]["id"] == "bread"
    assert told[-1][1] == {
        "kind": "generated",
        "cited": [1],
        "model": "gpt-4.1-mini",
        "finish": "stop",
        "usage": None,
    }


def test_extraction_can_be_asked_for_with_a_key_too(start: Start) -> None:
    with Service(saying("Yes.")) as service:
        answer = ask(with_key(start, service), extract=True).json()
        assert service.calls == []
    assert answer["kind"] == "extracted"
    assert "fallback" not in answer


@pytest.mark.parametrize(
    ("reply", "kind", "reason"),
    [
        (refusing(401, error(message=f"Incorrect API key: {KEY}")), "unauthorized", "does not take OPENAI_API_KEY"),
        (refusing(400, error(message=f"what is {KEY}?")), "refused", "answered 400"),
        (refusing(429, error("insufficient_quota")), "rate_limited", "quota for this key is used up"),
        (streaming(delta(refusal="no"), delta(finish="stop")), "declined", "declined"),
        (streaming(b"<html>", content_type="text/html"), "malformed", "text/html and not a stream"),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_where_the_model_fails_sentences_answer_and_the_reason_is_told(
    start: Start, caplog: pytest.LogCaptureFixture, reply: Reply, kind: str, reason: str, stream: bool
) -> None:
    caplog.set_level(logging.DEBUG)
    with Service(reply) as service:
        client = with_key(start, service)
        answer = ask(client, stream=stream)
    if stream:
        told = events(answer)
        assert [name for name, _ in told] == ["sources", "fallback", "extracted", "done"]
        fallback, extracted = told[1][1], told[2][1]
        assert told[3][1]["kind"] == "extracted"
    else:
        extracted = answer.json()
        fallback = extracted["fallback"]
        assert extracted["kind"] == "extracted"
    assert fallback["kind"] == kind
    assert reason in fallback["reason"]
    assert extracted["sentences"]
    assert metric(client, f'fallback_requests_total{{reason="{kind}"}}') == 1
    assert metric(client, f'remote_requests_total{{endpoint="chat",outcome="{kind}"}}') == 1
    assert KEY not in caplog.text


@pytest.mark.parametrize("stream", [True, False])
def test_where_it_breaks_off_what_was_sent_stays_and_sentences_follow(start: Start, stream: bool) -> None:
    with Service(streaming(delta("Salt "), delta("slows "), then=broken)) as service:
        answer = ask(with_key(start, service), stream=stream)
    if not stream:
        assert answer.json()["answer"].endswith("[1]")
        assert "Salt slows" not in answer.json()["answer"]
        assert answer.json()["fallback"]["kind"] == "cut_off"
        return
    told = events(answer)
    assert [name for name, _ in told] == ["sources", "text", "text", "fallback", "extracted", "done"]
    assert "".join(data["text"] for name, data in told if name == "text") == "Salt slows"
    assert told[3][1] == {"kind": "cut_off", "reason": "the connection broke off"}


def test_what_fails_before_the_first_event_has_a_status(client: TestClient, embedder: FakeEmbedder) -> None:
    for stream in (True, False):
        body = {"question": "a", "stream": stream}
        refused(client.post("/v1/collections/none/ask", json=body), 404, "collection_not_found")
        refused(ask(fill(client), " ", stream=stream), 400, "invalid_input")
        refused(ask(client, filter={"a": {"$no": 1}}, stream=stream), 400, "invalid_filter")
        refused(ask(client, other=1, stream=stream), 400, "invalid_input")


def test_what_fails_in_a_stream_is_its_last_event(client: TestClient, embedder: FakeEmbedder) -> None:
    fill(client)
    for failure, code in ((ValueError("our bug"), "internal_error"), (QueueFull(1, 2, 3, 1), "queue_full")):
        embedder.failure = failure
        told = events(ask(client, stream=True))
        assert [name for name, _ in told] == ["sources", "error"]
        assert told[1][1]["code"] == code
        assert "our bug" not in told[1][1]["detail"]


def test_as_many_sources_as_fit_are_sent(start: Start) -> None:
    with Service(saying("Yes [1].")) as service:
        client = with_key(start, service, openai_context_tokens=1000)
        documents = [{"id": f"d{n}", "text": "salt" + f" {'x' * 60}" * 10} for n in range(5)]
        client.post("/v1/collections/notes/documents", json={"documents": documents})
        answer = ask(client, "salt", limit=6).json()
        (call,) = service.calls
    sent = call.body["messages"][1]["content"]
    assert 0 < len(answer["sources"]) < 6
    assert answer["left_out"] == 6 - len(answer["sources"])
    assert [f'"number":{n},' in sent for n in range(1, 7)] == [n <= len(answer["sources"]) for n in range(1, 7)]


def test_a_question_that_is_too_long_says_how_much_of_it_was_read(client: TestClient) -> None:
    fill(client)
    long, cut = "yeast " * 40, {"tokens": 40, "kept": 16}
    assert ask(client, long, mode="semantic").json()["truncated"] == cut
    assert events(ask(client, long, mode="semantic", stream=True))[0][1]["truncated"] == cut
    assert "truncated" not in ask(client, mode="semantic").json()


def test_a_question_of_too_many_words_says_how_many_were_not_looked_for(client: TestClient) -> None:
    fill(client)
    many = " ".join(f"yeast{n}" for n in range(70))
    assert ask(client, many, mode="keyword").json()["words_left_out"] == 6
    assert events(ask(client, many, mode="hybrid", stream=True))[0][1]["words_left_out"] == 6
    assert "words_left_out" not in ask(client, many, mode="semantic").json()
    assert "words_left_out" not in ask(client, mode="hybrid").json()
