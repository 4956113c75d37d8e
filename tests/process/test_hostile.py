"""Clients that break the rules, against the real service: it refuses them, tells them nothing, and stays as it was."""

import gzip
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import TOLD
from tests.process.conftest import Process, Run
from tests.process.wide import WIDE

SEARCH = "/v1/collections/notes/search"
MODEL = "all-MiniLM-L6-v2"
IDLE_TIMEOUT_S = 2
# What the allocator may keep of everything that was sent. A leak of one body a round would be far beyond it.
KEPT_BYTES = 25_000_000
ROUNDS = 30
# Both bodies of 2 MB, read, parsed and answered, and a block of tokens: 44 to 77 MB. All tokens of "¡" at once: 590.
MOST_FOR_TOKENS_BYTES = 120_000_000
# A body of 8 MB that is nothing but empty lists is 170 MB of them, in a list of 20 MB: 240 MB at most were seen.
MOST_FOR_A_BODY_BYTES = 320_000_000
EMBED = b'{"model": "all-MiniLM-L6-v2", "input": '
BOMB = gzip.compress(b" " * 50_000_000)


def request(path: str, body: bytes = b"", *headers: str, method: str = "POST", kind: str = "application/json") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Type: {kind}", "Connection: close", *headers]
    if not [line for line in headers if line.startswith(("Content-Length", "Transfer-Encoding"))]:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def chunked(*chunks: bytes) -> bytes:
    return request("/v1/embeddings", b"".join(chunks), "Transfer-Encoding: chunked")


def depth(levels: int) -> bytes:
    return EMBED + b"[" * levels + b"]" * levels + b"}"


# Each is sent as it is; the answer begins with one of the statuses, or the connection is closed without one.
ATTACKS: dict[str, tuple[bytes, set[int]]] = {
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 60, {400}),
    "a large header": (request("/v1/embeddings", b"{}", "X-A: " + "a" * 600_000), {431}),
    "many headers": (request("/v1/embeddings", b"{}", *(f"X-{n}: a" for n in range(2000))), {431}),
    "a long path": (request("/v1/collections/" + "a" * 100_000, method="GET"), {400, 414}),
    "two lengths": (request("/v1/embeddings", b"{}", "Content-Length: 2", "Content-Length: 30"), {400}),
    "length and chunks": (
        request("/v1/embeddings", b"2\r\n{}\r\n0\r\n\r\n", "Content-Length: 3", "Transfer-Encoding: chunked"),
        {400},
    ),
    "an endless chunk": (chunked(b"FFFFFFFFFFFFFFFFFF\r\n", b"{}"), {400}),
    "a chunk of no size": (chunked(b"zz\r\n{}\r\n0\r\n\r\n"), {400}),
    "a chunk longer than it says": (chunked(b"1\r\n{}{}{}\r\n0\r\n\r\n"), {400}),
    "a length of no number": (request("/v1/embeddings", b"{}", "Content-Length: +2"), {400}),
    "a length beyond all": (request("/v1/embeddings", b"{}", "Content-Length: 99999999999999999999999"), {400, 413}),
    "a length with zeros": (request("/live", b"", "Content-Length: " + "0" * 4400, method="GET"), {200}),
    "an import's length with zeros": (
        request("/v1/collections/notes/import", b"\n", f"Content-Length: {'0' * 4400}1", kind="application/x-ndjson"),
        {200},
    ),
    "a length beyond the limit": (request("/v1/embeddings", b"{}", "Content-Length: 9000000"), {413}),
    "a bomb": (request("/v1/embeddings", BOMB, "Content-Encoding: gzip"), {415}),
    "a bomb in an import": (
        request("/v1/collections/notes/import", BOMB, "Content-Encoding: gzip", kind="application/x-ndjson"),
        {415},
    ),
    "brackets": (request("/v1/embeddings", b"[" * 1_000_000), {400}),
    "deep JSON": (request("/v1/embeddings", depth(1000)), {400}),
    "deeper JSON": (request("/v1/embeddings", depth(100_000)), {400}),
    "a deep filter": (
        request(SEARCH, b'{"query": "a", "filter": ' + b'{"$and": [' * 400 + b"]}" * 400 + b"}"),
        {400},
    ),
    "NaN": (request(SEARCH, b'{"query": "a", "min_score": NaN}'), {400}),
    "infinity": (request(SEARCH, b'{"query": "a", "min_score": 1e999}'), {400}),
    "an infinite vector": (request(SEARCH, b'{"vector": [1e999, -Infinity]}'), {400}),
    "a large integer": (request(SEARCH, b'{"query": "a", "limit": 1' + b"0" * 5000 + b"}"), {400}),
    "a large integer in a filter": (
        request(SEARCH, b'{"query": "a", "filter": {"k": 9' + b"9" * 400 + b"}}"),
        {400},
    ),
    "an integer beyond all in metadata": (
        request("/v1/collections/notes/documents", b'{"documents": [{"text": "a", "metadata": {"k": %d}}]}' % 2**64),
        {400},
    ),
    "an integer beyond all in a filter that deletes": (
        request("/v1/collections/notes/documents/delete", b'{"filter": {"k": %d}}' % -(2**70)),
        {400},
    ),
    "a null byte": (request("/v1/collections/notes/documents", b'{"documents": [{"text": "a\\u0000b"}]}'), {400}),
    "a raw null byte": (request("/v1/embeddings", EMBED + b'"a\0b"}'), {400}),
    "a lone surrogate": (request("/v1/embeddings", EMBED + b'"\\ud800"}'), {400}),
    "no UTF-8": (request("/v1/embeddings", EMBED + b'"\xff\xfe"}'), {400}),
    "a surrogate in the path": (request("/v1/collections/%ed%a0%80", method="PUT"), {400}),
    "a null byte in the path": (request("/v1/collections/%00", method="PUT"), {400}),
    "up and out": (request("/v1/collections/..%2f..%2fetc%2fpasswd", method="PUT"), {404, 405}),
    "up and out, plainly": (request("/../../../etc/passwd", method="GET"), {400, 404}),
    "up and out, in a document": (request("/v1/collections/notes/documents/..%2f..%2fx", method="GET"), {404}),
    "a name of dots": (request("/v1/collections/..", method="PUT"), {400, 404}),
    "a long name": (request("/v1/collections/" + "a" * 129, method="PUT"), {400}),
    "a name with a line break": (request("/v1/collections/a%0d%0aX-Evil:%20yes", method="PUT"), {400}),
    "SQL in a filter": (
        request(SEARCH, b'{"query": "a", "filter": {"k\') OR 1=1 --": {"$gt": "\' OR 1"}}}'),
        {200},
    ),
    "FTS5 in a query": (
        request(SEARCH, b'{"query": "a\\" OR NEAR(* AND tokens:", "mode": "keyword"}'),
        {200},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def hardened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A service that is told to be impatient with bodies, with a collection in it."""
    process = Process(tmp_path_factory.mktemp("hardened") / "output.txt", IDLE_TIMEOUT_S=IDLE_TIMEOUT_S).ready()
    assert ask(process, request("/v1/collections/notes", method="PUT"))[0] == 201
    document = b'{"documents": [{"id": "cat", "text": "a cat", "metadata": {"k": 1}}]}'
    assert ask(process, request("/v1/collections/notes/documents", document))[0] == 200
    yield process
    assert process.end() == 0, process.log


def ask(process: Process, raw: bytes) -> tuple[int, str]:
    """Send bytes as they are; the status (0: closed without an answer) and the whole answer."""
    with socket.create_connection(("127.0.0.1", process.port), 60) as connection:
        answer = b""
        with suppress(OSError):  # refused before all was sent; the answer is there all the same
            connection.sendall(raw)
        with suppress(ConnectionResetError):
            # Until it is whole, and not until it is closed: Granian may wait for the rest of a body that was refused.
            while not _whole(answer) and (part := connection.recv(65536)):
                answer += part
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    return int(found[1]) if found else 0, answer.decode("utf-8", "replace")


def _whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" in head.lower():
        return body.endswith(b"0\r\n\r\n")
    length = re.search(rb"(?i)^content-length: *(\d+)", head, re.MULTILINE)
    return bool(end) and length is not None and len(body) >= int(length[1])


def resident_bytes(process: Process, field: str = "VmRSS") -> int:
    """field: VmRSS for now, VmHWM for the most there was"""
    status = Path(f"/proc/{process.process.pid}/status").read_text()
    found = re.search(rf"^{field}:\s+(\d+) kB", status, re.MULTILINE)
    assert found
    return int(found[1]) * 1024


def still_serves(process: Process) -> bool:
    status, answer = process.post("/v1/embeddings", {"model": MODEL, "input": "a cat"})
    return status == 200 and len(answer["data"][0]["embedding"]) == 384


@pytest.mark.parametrize("attack", ATTACKS)
def test_it_is_refused_in_words_and_the_service_goes_on(hardened: Process, attack: str) -> None:
    raw, statuses = ATTACKS[attack]
    status, answer = ask(hardened, raw)
    assert status in statuses, answer[:500]
    assert "Traceback" not in answer
    assert str(Path(__file__).parents[2]) not in answer
    assert "\nX-Evil" not in answer
    assert re.search(r"(?i)^server: granian\r$", answer, re.MULTILINE) or "server:" not in answer.lower()
    assert "Traceback" not in hardened.log
    assert still_serves(hardened)


def test_a_client_that_sends_a_byte_at_a_time_is_served(hardened: Process) -> None:
    raw = request("/v1/embeddings", EMBED + b'"slow"}')
    with socket.create_connection(("127.0.0.1", hardened.port), 60) as slow:
        slow.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for place in range(len(raw)):
            slow.sendall(raw[place : place + 1])
        assert slow.recv(15).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("path", ["/v1/embeddings", "/embed", SEARCH])
def test_a_body_that_stops_coming_is_refused_by_name(hardened: Process, path: str) -> None:
    status, answer = ask(hardened, request(path, b'{"input', "Content-Length: 100"))
    assert status == 408
    assert f"{IDLE_TIMEOUT_S} s (IDLE_TIMEOUT_S)" in answer


@pytest.mark.parametrize("path", ["/v1/embeddings", "/embed", SEARCH])
def test_a_client_that_leaves_within_its_body_is_no_error_of_ours(hardened: Process, path: str) -> None:
    before = len(hardened.log.splitlines())
    with socket.create_connection(("127.0.0.1", hardened.port), 60) as leaving:
        leaving.sendall(request(path, b'{"input', "Content-Length: 100"))
    lines: list[str] = []
    for _ in range(500):
        lines = hardened.log.splitlines()[before:]
        if [line for line in lines if f"POST {path.replace('notes', '{name}')} 4" in line]:
            break
        assert still_serves(hardened)
    else:
        raise AssertionError("it never noticed")
    assert not [line for line in lines if "unexpected" in line or " error " in line or "Traceback" in line]


def test_who_has_no_key_is_refused_before_a_body_is_waited_for(run: Run) -> None:
    """What it would send without one is not held, however many connections it opens."""
    process = run(API_KEY="secret").ready()
    for path in ("/v1/embeddings", "/embed", SEARCH, "/v1/collections/notes/documents", "/v1/collections/notes/import"):
        status, answer = ask(process, request(path, b'{"in', "Content-Length: 7800000"))
        assert status == 401, path
        assert "needs a key" in answer
    assert process.end() == 0


def test_head_ends_with_the_head(hardened: Process) -> None:
    """The length is GET's, and the connection is good for another request: no body hides between the two."""
    with socket.create_connection(("127.0.0.1", hardened.port), 60) as connection:
        for path in ("/live", "/nowhere", "/live"):
            connection.sendall(f"HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            answer = b""
            while not answer.endswith(b"\r\n\r\n"):
                answer += connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 404" if path == "/nowhere" else b"HTTP/1.1 200")
            length = re.search(rb"(?i)^content-length: *(\d+)", answer, re.MULTILINE)
            assert length is not None
            assert int(length[1]) > 0
            assert answer.count(b"\r\n\r\n") == 1


def test_an_import_that_stops_coming_ends_and_gives_its_place_back(run: Run) -> None:
    process = run(IDLE_TIMEOUT_S=IDLE_TIMEOUT_S, MAX_STREAMS=1).ready()
    ask(process, request("/v1/collections/notes", method="PUT"))
    path, kind = "/v1/collections/notes/import", "application/x-ndjson"
    for _ in range(2):
        status, answer = ask(process, request(path, b'{"text": "a"}\n', "Content-Length: 100", kind=kind))
        assert status == 200
        assert "body_stalled" in answer
        assert '"complete":false' in answer
    assert process.end() == 0


def test_connections_that_are_left_open_keep_nobody_out(hardened: Process) -> None:
    """Half a head, half a body, an answer that nobody reads, and nothing at all: fifty of each, left to themselves."""
    halves = (b"", b"GET /live HT", request("/v1/embeddings", b'{"in', "Content-Length: 100"), request("/health"))
    left = [socket.create_connection(("127.0.0.1", hardened.port), 60) for _ in range(200)]
    try:
        for place, connection in enumerate(left):
            connection.sendall(halves[place % len(halves)])
        assert still_serves(hardened)
    finally:
        for connection in left:
            connection.close()
    assert still_serves(hardened)


def test_memory_does_not_grow(hardened: Process, record_property: Callable[[str, object], None]) -> None:
    """All attacks, again and again: what they leave is bounded. The first rounds fill pools and buffers, once."""
    for _ in range(3):
        _all(hardened)
    before = resident_bytes(hardened)
    for _ in range(ROUNDS):
        _all(hardened)
    grown = resident_bytes(hardened) - before
    count = ROUNDS * len(ATTACKS)
    memory = f"resident memory {before / 1e6:.0f} MB and {grown / 1e6:+.1f} MB after them"
    record_property(TOLD, f"hostile: {count} requests, {memory}")
    assert grown < KEPT_BYTES
    assert still_serves(hardened)


@pytest.mark.parametrize("character", ["!", "¡"])  # plain text, which is read word by word, and other
def test_texts_of_which_each_character_is_a_token_take_little_memory(run: Run, character: str) -> None:
    """One of them took half a kilobyte a token, 8 MB of them four gigabytes, before it was refused."""
    token = character.encode()

    def many(tokens: int) -> None:
        texts = b",".join(b'"%d%s"' % (number, token * tokens) for number in range(100))
        status, answer = ask(process, request("/v1/embeddings", EMBED + b'[%s], "truncate": true}' % texts))
        assert (status, answer.count('"kept":256')) == (200, 100)

    process = run().ready()
    many(300)  # the encoder's memory for full batches is no part of it
    before = resident_bytes(process, "VmHWM")
    status, answer = ask(process, request("/v1/embeddings", EMBED + b'"%s"}' % (token * (2_000_000 // len(token)))))
    assert (status, f"text 0 of the input has {2_000_000 // len(token) + 2} tokens" in answer) == (400, True)
    many(20_000 // len(token))
    assert resident_bytes(process, "VmHWM") - before < MOST_FOR_TOKENS_BYTES
    assert process.end() == 0


@pytest.mark.parametrize("body", WIDE)
def test_a_body_of_very_many_things_takes_little_more_than_to_read_it(hardened: Process, body: str) -> None:
    """Each had an error of its own once, or was looked at before it was counted: 3.8 GB, and half a minute."""
    path, raw = WIDE[body]()
    Path(f"/proc/{hardened.process.pid}/clear_refs").write_text("5")  # the peak begins anew
    before = resident_bytes(hardened)
    status, answer = ask(hardened, request("/v1/collections/notes" + path, raw))
    assert status == 400, answer[:500]
    assert len(answer) < 2000
    assert resident_bytes(hardened, "VmHWM") - before < MOST_FOR_A_BODY_BYTES
    assert still_serves(hardened)


def _all(process: Process) -> None:
    for raw, statuses in ATTACKS.values():
        assert ask(process, raw)[0] in statuses


def test_a_path_forges_no_line_of_the_log(hardened: Process) -> None:
    ask(hardened, request("/nowhere%0a2026-01-01T00:00:00%20critical%20forged%1b[2J", method="GET"))
    assert still_serves(hardened)
    assert "forged" not in hardened.log, "a request's line names its route, and never its path"
    assert "\x1b" not in hardened.log
