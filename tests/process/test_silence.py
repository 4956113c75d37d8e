"""Clients that fall silent hold nothing for long: idle connections, bodies that stop, answers that nobody reads."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from tests.process.conftest import Process, Run
from tests.process.streams import ImportStream, hung_export, kept, ndjson, raw


@pytest.fixture
def impatient(run: Run) -> Iterator[Process]:
    """A service that closes what is silent for a second, and holds little at once."""
    process = run(IDLE_TIMEOUT_S=1, MAX_CONNECTIONS=16, MAX_STREAMS=1).ready()
    yield process
    assert process.end() == 0, process.log
    assert "Traceback" not in process.log


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET /live HT", b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /live HTTP/1.1\r\nHost: x\r\n\r\nGET"],
)
def test_a_connection_without_a_request_is_closed(impatient: Process, sent: bytes) -> None:
    with raw(impatient, sent) as connection:
        seen = b""
        while part := connection.recv(4096):
            seen += part
    assert seen.startswith(b"HTTP/1.1 200") == sent.endswith((b"\r\n\r\n", b"GET"))


def test_idle_connections_lock_nobody_out_for_long(impatient: Process) -> None:
    idle = [raw(impatient, b"") for _ in range(100)]
    with urllib.request.urlopen(f"{impatient.url}/live", timeout=60) as answer:
        assert answer.status == 200
    for connection in idle:
        connection.close()


def test_as_many_connections_as_allowed_are_served_and_one_more_waits_for_one_to_end(run: Run) -> None:
    limit = 16
    process = run(MAX_CONNECTIONS=limit).ready()
    time.sleep(0.2)  # the connections that asked whether it is ready are gone
    held = [raw(process, b"") for _ in range(limit - 1)]
    asking = b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n"
    with raw(process, asking) as last:
        assert last.recv(15).startswith(b"HTTP/1.1 200")
        with raw(process, asking) as beyond:
            beyond.settimeout(2)
            with pytest.raises(TimeoutError):
                beyond.recv(15)
            held.pop().close()
            beyond.settimeout(60)
            assert beyond.recv(15).startswith(b"HTTP/1.1 200")
    for connection in held:
        connection.close()
    assert process.end() == 0, process.log


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/collections/a/search"])
def test_a_body_that_stops_is_answered_with_the_setting(impatient: Process, path: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    with raw(impatient, head.encode() + b'{"model') as connection:
        answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"nothing of the request body came for 1 s (IDLE_TIMEOUT_S)" in answer


def test_an_import_that_stops_says_so_and_its_place_is_free_again(impatient: Process) -> None:
    kept(impatient, "a", 0)
    with ImportStream(impatient, "a") as importing:
        importing.send(ndjson(range(10)))
        lines = importing.lines_until("summary")
    assert {"body_stalled"} == {line["error"]["code"] for line in lines if "error" in line}
    assert not lines[-1]["summary"]["complete"]
    with ImportStream(impatient, "a") as importing:
        importing.send(ndjson(range(10)))
        importing.finish()
        assert importing.lines_until("summary")[-1]["summary"]["complete"]


def test_the_connection_of_an_import_that_stops_is_closed(run: Run) -> None:
    """A body that was not read to its end keeps its connection for as long as anything refers to it."""
    process = run(IDLE_TIMEOUT_S=1, MAX_STREAMS=12).ready()
    kept(process, "a", 0)
    head = (
        b"POST /v1/collections/a/import HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\n"
    )
    stopped = []
    for _ in range(12):
        stopped.append(raw(process, head + b"hello"))
        time.sleep(0.03)
    for connection in stopped:
        seen = b""
        while part := connection.recv(65536):
            seen += part
        assert b'"body_stalled"' in seen
        assert seen.endswith(b"0\r\n\r\n")
        connection.close()


def test_an_export_that_nobody_reads_gives_its_place_back(impatient: Process) -> None:
    kept(impatient, "a", 2000)
    with hung_export(impatient, "a"):
        assert status_of_export(impatient) == 429
        deadline = time.monotonic() + 60
        while (status := status_of_export(impatient)) == 429:
            assert time.monotonic() < deadline, impatient.log
        assert status == 200
    assert "the answer was not read for 1 s (IDLE_TIMEOUT_S)" in impatient.log


@pytest.mark.parametrize("path", ["/v1/collections/a/export", "/openapi.json"])
def test_connections_whose_answers_nobody_reads_lock_nobody_out_for_long(run: Run, path: str) -> None:
    """As many as there may be, whether the answer comes in pieces or is given to the server as a whole."""
    process = run(IDLE_TIMEOUT_S=1, MAX_CONNECTIONS=16, MAX_STREAMS=50).ready()
    kept(process, "a", 500)
    asking = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    unread = [raw(process, asking * 50, receive_bytes=4096) for _ in range(16)]
    with urllib.request.urlopen(f"{process.url}/live", timeout=60) as answer:
        assert answer.status == 200
    for connection in unread:
        connection.close()
    assert process.end() == 0, process.log
    assert "do not read" not in process.log, "none of them was left when it ended"


def status_of_export(process: Process) -> int:
    try:
        with urllib.request.urlopen(f"{process.url}/v1/collections/a/export", timeout=60) as answer:
            lines = answer.read().splitlines()
            assert len(lines) == 1 + 2000
            assert json.loads(lines[0])["collection"]["name"] == "a"
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_large_answer_that_nobody_reads_is_cut_off(impatient: Process) -> None:
    texts = [f"text {number}" for number in range(2000)]
    body = json.dumps({"model": "all-MiniLM-L6-v2", "input": texts}).encode()
    head = "POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {len(body)}\r\n"
    with raw(impatient, head.encode() + b"\r\n" + body) as connection:
        for _ in range(600):
            if "the answer was not read for 1 s (IDLE_TIMEOUT_S)" in impatient.log:
                break
            time.sleep(0.1)
        seen = 0
        try:
            while part := connection.recv(1 << 20):
                seen += len(part)
        except ConnectionResetError:
            pass
    assert "the answer was not read for 1 s (IDLE_TIMEOUT_S)" in impatient.log
    assert 0 < seen < 9_000_000  # of 16 MB
    # Who reads gets it whole.
    status, answer = impatient.post("/v1/embeddings", {"model": "all-MiniLM-L6-v2", "input": texts})
    assert (status, len(answer["data"])) == (200, 2000)


def test_a_slow_sender_is_not_a_silent_one(run: Run) -> None:
    """Each part comes in time, and all of them take longer than the limit: progress comes once a second."""
    limit_s = 5
    process = run(IDLE_TIMEOUT_S=limit_s).ready()
    kept(process, "a", 0)
    with ImportStream(process, "a") as importing:
        for number in range(limit_s + 2):
            importing.send(ndjson([number]))
            importing.lines_until("progress", number + 1)
        importing.finish()
        assert importing.lines_until("summary")[-1]["summary"]["done"] == limit_s + 2
    assert process.end() == 0, process.log
