"""Questions to the real service, with a service behind it on loopback: who leaves, who is cut off, and the key."""

import json
import socket
import urllib.request
from pathlib import Path

import pytest

from tests.process.conftest import Process, Run
from tests.process.streams import raw
from tests.remote.service import KEY, Service, delta, error, refusing, saying, streaming, waiting

TEXTS = {
    "bread": "Bread turns out heavy when the dough has not had enough time to rise. My aunt baked every Friday.",
    "tap": "A dripping tap is usually mended with a new rubber washer.",
}


def filled(process: Process) -> Process:
    process.ready()
    process.put("/v1/collections/notes", {})
    documents = [{"id": name, "text": text} for name, text in TEXTS.items()]
    assert process.post("/v1/collections/notes/documents", {"documents": documents})[0] == 200
    return process


def asking(process: Process, question: str) -> socket.socket:
    """A connection on which a stream was asked for."""
    body = json.dumps({"question": question, "stream": True}).encode()
    head = "POST /v1/collections/notes/ask HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    return raw(process, f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)


def read_until(connection: socket.socket, word: bytes) -> bytes:
    seen = b""
    while word not in seen:
        part = connection.recv(65536)
        assert part, seen
        seen += part
    return seen


def test_the_sentence_that_answers_is_found_by_the_model(service: Process) -> None:
    filled(service)
    status, answer = service.post("/v1/collections/notes/ask", {"question": "Why is my loaf so dense?"})
    assert status == 200
    assert answer["answer"] == "Bread turns out heavy when the dough has not had enough time to rise. [1]"
    urllib.request.urlopen(urllib.request.Request(f"{service.url}/v1/collections/notes", method="DELETE"), timeout=60)


def test_one_service_makes_the_vectors_of_another(run: Run, service: Process) -> None:
    """Ours speaks the protocol from both sides, with the real model behind."""
    process = run(OPENAI_API_KEY=KEY, OPENAI_BASE_URL=f"{service.url}/v1").ready()
    status, collection = process.put("/v1/collections/notes", {"model": "openai/all-MiniLM-L6-v2"})
    assert (status, collection["dimension"]) == (201, 384)
    long = " ".join(f"Sentence number {n} is about the weather in the mountains." for n in range(100))
    documents = [{"id": name, "text": text} for name, text in (TEXTS | {"long": long}).items()]
    status, body = process.post("/v1/collections/notes/documents", {"documents": documents})
    assert status == 200, body
    status, found = process.post("/v1/collections/notes/search", {"query": "leaking faucet", "mode": "semantic"})
    assert found["hits"][0]["id"] == "tap", found
    status, refused = process.put("/v1/collections/other", {"model": "openai/some-other"})
    assert (status, refused["code"]) == (502, "remote_failed")
    assert process.end() == 0


def test_whoever_leaves_takes_the_call_to_the_language_model_along(run: Run) -> None:
    with Service(streaming(delta("Because "), delta("it "), then=waiting), saying("So.")) as behind:
        process = filled(run(OPENAI_API_KEY=KEY, OPENAI_BASE_URL=behind.url))
        with asking(process, "Why is bread heavy?") as connection:
            seen = read_until(connection, b'"Because"')
            assert seen.index(b"event: sources") < seen.index(b"event: text")
            assert not behind.calls[0].gone.is_set()
        assert behind.calls[0].gone.wait(60)
        assert process.post("/v1/collections/notes/ask", {"question": "And now?"})[1]["answer"] == "So."
        with urllib.request.urlopen(f"{process.url}/metrics", timeout=60) as answer:
            assert 'remote_requests_total{endpoint="chat",outcome="left"} 1' in answer.read().decode()
        assert process.end() == 0
    assert "Traceback" not in process.log


def test_an_answer_that_is_still_written_does_not_hold_up_the_end(run: Run) -> None:
    with Service(streaming(delta("Because "), delta("it "), then=waiting)) as behind:
        process = filled(run(OPENAI_API_KEY=KEY, OPENAI_BASE_URL=behind.url, SHUTDOWN_TIMEOUT_S=1))
        with asking(process, "Why is bread heavy?") as connection:
            read_until(connection, b'"Because"')
            assert process.end() == 0
        assert behind.calls[0].gone.wait(60)
    assert "Traceback" not in process.log


@pytest.mark.parametrize("status", [401, 400, 429, 500])
def test_the_key_is_told_to_nobody(run: Run, status: int) -> None:
    """Not even where the service behind quotes it back."""
    with Service(refusing(status, error(message=f"the key {KEY} is wrong"), Retry_After="0")) as behind:
        process = filled(run(OPENAI_API_KEY=KEY, OPENAI_BASE_URL=behind.url, LOG_LEVEL="debug"))
        answered, body = process.post("/v1/collections/notes/ask", {"question": "Why is bread heavy?"})
        with asking(process, "Why is bread heavy?") as connection:
            streamed = read_until(connection, b"event: done")
        with urllib.request.urlopen(f"{process.url}/metrics", timeout=60) as answer:
            metrics = answer.read()
        arguments = Path(f"/proc/{process.process.pid}/cmdline").read_bytes()
        assert process.end() == 0
        assert behind.calls[0].headers["Authorization"] == f"Bearer {KEY}"
    assert answered == 200
    assert body["fallback"]["kind"]
    assert f"the OpenAI-compatible service answered {status}" in process.log
    for told in (json.dumps(body).encode(), streamed, metrics, arguments, process.log.encode()):
        assert KEY.encode() not in told
    assert "Traceback" not in process.log
