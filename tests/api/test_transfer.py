"""Import and export over HTTP, streamed both ways."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.types import Message

from app.errors import EncoderFailed
from app.store.store import Space
from tests.api.conftest import Start
from tests.api.test_collections import refused
from tests.fakes import DIMENSION, FakeEmbedder
from tests.memory import MemoryStore

IMPORT = "/v1/collections/notes/import"
EXPORT = "/v1/collections/notes/export"
NDJSON = {"content-type": "application/x-ndjson"}


@pytest.fixture(autouse=True)
def notes(client: TestClient) -> None:
    client.put("/v1/collections/notes")


def lines(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert "content-length" not in answer.headers
    return [json.loads(line) for line in answer.text.splitlines()]


def numbered(count: int) -> bytes:
    return b"".join(b'{"id": "d%d", "text": "text %d"}\n' % (i, i) for i in range(count))


def test_import_then_export_then_import_elsewhere(client: TestClient, embedder: FakeEmbedder) -> None:
    raw = numbered(3) + b"bad\n"
    first, refusal, last = lines(client.post(IMPORT, content=raw, headers=NDJSON))
    assert first["progress"]["done"] == 0
    assert refusal["refused"]["line"] == 4
    summary = last["summary"]
    assert (summary["complete"], summary["done"], summary["refused"]) == (True, 3, 1)
    assert summary["bytes_total"] == summary["bytes_read"] == summary["bytes_done"] == len(raw)
    exported = client.get(EXPORT)
    header, *documents = lines(exported)
    assert header["collection"]["model"] == "fake-model"
    assert [each["id"] for each in documents] == ["d0", "d1", "d2"]
    client.put("/v1/collections/copy")
    embedder.failure = AssertionError("embedded again")
    again = lines(client.post("/v1/collections/copy/import", content=exported.content, headers=NDJSON))
    assert again[-1]["summary"]["done"] == 3
    assert client.get("/v1/collections/copy/export").text.partition("\n")[2] == exported.text.partition("\n")[2]


def test_an_export_of_large_documents_can_be_imported(start: Start) -> None:
    """A line has the vectors beside the text, and may be longer than any record or request that came in."""
    client = start(max_record_bytes=1024, max_body_bytes=5000)
    client.put("/v1/collections/copy")
    words = " ".join(f"word{i}" for i in range(600))
    documents = [
        {"id": "brought", "text": words[:3000], "vector": [0.5] * DIMENSION},
        {"id": "long", "text": words[:800]},
        {"id": "longer", "text": words[:3000]},
    ]
    for each in documents:
        assert client.post("/v1/collections/notes/documents", json={"documents": [each]}).status_code == 200
    exported = client.get(EXPORT)
    sizes = [len(line) for line in exported.content.splitlines()]
    _, one, two, three = lines(exported)
    assert (len(one["passages"]), len(two["passages"]) > 1, "passages" in three) == (1, True, False)
    assert min(sizes[1:]) > 1024
    assert max(sizes) < 5000
    summary = lines(client.post("/v1/collections/copy/import", content=exported.content, headers=NDJSON))[-1]["summary"]
    assert (summary["complete"], summary["done"], summary["refused"]) == (True, 3, 0)
    assert client.get("/v1/collections/copy/export").text.partition("\n")[2] == exported.text.partition("\n")[2]
    passages = [client.get(f"/v1/collections/{name}").json()["passages"] for name in ("notes", "copy")]
    assert passages[0] == passages[1] > 30


def test_a_text_that_fills_a_request_to_its_last_byte_is_imported_again(start: Start) -> None:
    client = start(max_body_bytes=2048, max_record_bytes=1024)
    client.put("/v1/collections/copy")
    body = b'{"documents":[{"text":"%s"}]}' % (b"x" * 2021)
    assert len(body) == 2048
    as_json = {"content-type": "application/json"}
    assert client.post("/v1/collections/notes/documents", content=body, headers=as_json).status_code == 200
    exported = client.get(EXPORT)
    assert len(exported.content.splitlines()[1]) > 2048
    answer = client.post("/v1/collections/copy/import", content=exported.content, headers=NDJSON)
    assert lines(answer)[-1]["summary"]["done"] == 1
    assert client.get("/v1/collections/copy/export").text.partition("\n")[2] == exported.text.partition("\n")[2]


@pytest.mark.parametrize(
    ("content_type", "raw"),
    [("text/csv", b"text\na\n"), ("text/markdown; charset=utf-8", b"# a\n"), ("text/plain", b"a\n")],
)
def test_other_forms(client: TestClient, content_type: str, raw: bytes) -> None:
    answer = client.post(IMPORT, content=raw, headers={"content-type": content_type})
    assert lines(answer)[-1]["summary"]["done"] == 1


def test_what_ends_an_import_early_is_told_before_the_summary(client: TestClient, embedder: FakeEmbedder) -> None:
    *_, error, last = lines(client.post(IMPORT, content=b"a,b\n", headers={"content-type": "text/csv"}))
    assert error["error"]["code"] == "invalid_input"
    assert "no column text" in error["error"]["detail"]
    assert not last["summary"]["complete"]
    embedder.failure = EncoderFailed("bad batch")
    *_, error, _ = lines(client.post(IMPORT, content=numbered(1), headers=NDJSON))
    assert error["error"] == {"code": "encoder_failed", "detail": "bad batch"}
    embedder.failure = RuntimeError("secret")
    *_, error, _ = lines(client.post(IMPORT, content=numbered(1), headers=NDJSON))
    assert error["error"]["code"] == "internal_error"
    assert "secret" not in str(error)


def test_an_export_of_another_space_is_refused(client: TestClient) -> None:
    client.put("/v1/collections/other", json={"distance": "dot"})
    exported = client.get("/v1/collections/other/export").content
    *_, error, _ = lines(client.post(IMPORT, content=exported, headers=NDJSON))
    assert error["error"]["code"] == "space_mismatch"
    assert "the distance cosine, and dot" in error["error"]["detail"]


def test_refusals_before_anything_is_read(client: TestClient) -> None:
    detail = refused(client.post(IMPORT, content=b"x", headers={"content-type": "text/html"}), 415, "unknown_format")
    assert "application/x-ndjson" in detail
    for answer in (
        client.post("/v1/collections/none/import", content=b"x", headers=NDJSON),
        client.get("/v1/collections/none/export"),
    ):
        refused(answer, 404, "collection_not_found")


def test_an_import_may_be_longer_than_a_body_and_a_record_not_than_its_limit(start: Start) -> None:
    client = start(max_body_bytes=1024, max_record_bytes=1024)
    client.put("/v1/collections/notes")
    raw = numbered(100)
    assert len(raw) > 1024
    assert lines(client.post(IMPORT, content=raw, headers=NDJSON))[-1]["summary"]["done"] == 100
    for size, is_refused in ((1024, False), (1025, True)):
        record = b'{"text": "' + b"x" * (size - 12) + b'"}\n'
        summary = lines(client.post(IMPORT, content=record, headers=NDJSON))[-1]["summary"]
        assert (summary["done"], summary["refused"]) == ((0, 1) if is_refused else (1, 0))
    too_large = client.post("/v1/collections/notes/documents", content=raw)
    refused(too_large, 413, "body_too_large")


def test_after_an_early_end_the_rest_is_read_and_thrown_away(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(begin: Callable[[str, str], Exchange]) -> bool:
        exchange = begin("POST", IMPORT)
        exchange.send(b'{"collection": {}}\n')
        await exchange.until("error")
        exchange.send(b"x" * 60)
        exchange.send(b"x" * 60)
        assert not (await exchange.until("summary"))["complete"]
        await exchange.task
        return True

    monkeypatch.setattr("app.api.transfer.DRAINED_BYTES", 100)
    assert talk(client, scenario)


class Exchange:
    """One request to the app, spoken in ASGI, so that a test can read the answer while it still sends."""

    def __init__(self, app: Any, method: str, path: str, state: Any) -> None:
        self._to, self._from = asyncio.Queue[Message](), asyncio.Queue[Message]()
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(b"content-type", b"application/x-ndjson")],
            "state": dict(state),
        }
        self.task = asyncio.create_task(app(scope, self._to.get, self._from.put))

    def send(self, body: bytes, *, more: bool = True) -> None:
        self._to.put_nowait({"type": "http.request", "body": body, "more_body": more})

    def hang_up(self) -> None:
        self._to.put_nowait({"type": "http.disconnect"})

    async def until(self, kind: str) -> Any:
        """The next line of this kind, or the status."""
        while True:
            message = await asyncio.wait_for(self._from.get(), 10)
            if kind == "status" and message["type"] == "http.response.start":
                return message["status"]
            for line in message.get("body", b"").splitlines():
                if kind in (content := json.loads(line)):
                    return content[kind]


def talk(client: TestClient, scenario: Callable[[Callable[[str, str], Exchange]], Any]) -> Any:
    """Run `scenario` on the loop that the app lives on."""
    assert client.portal is not None

    async def run() -> Any:
        return await scenario(lambda method, path: Exchange(client.app, method, path, client.app_state))

    return client.portal.call(run)


def test_progress_comes_back_while_the_body_is_still_sent(client: TestClient) -> None:
    async def scenario(begin: Callable[[str, str], Exchange]) -> Any:
        exchange = begin("POST", IMPORT)
        exchange.send(b"bad\n")
        assert await exchange.until("status") == 200
        assert (await exchange.until("progress"))["bytes_read"] == 4
        assert (await exchange.until("refused"))["line"] == 1
        exchange.send(b'{"text": "a"}\nworse\n')
        assert (await exchange.until("refused"))["line"] == 3
        exchange.send(b"", more=False)
        summary = await exchange.until("summary")
        await exchange.task
        return summary

    summary = talk(client, scenario)
    assert (summary["complete"], summary["done"], summary["refused"]) == (True, 1, 2)


def test_a_client_that_hangs_up_leaves_whole_batches(client: TestClient, store: MemoryStore) -> None:
    async def scenario(begin: Callable[[str, str], Exchange]) -> None:
        exchange = begin("POST", IMPORT)
        exchange.send(numbered(600))
        exchange.hang_up()
        await exchange.task

    talk(client, scenario)
    assert [len(ids) for ids in store.upserts] == [256, 256]
    summary = lines(client.post(IMPORT, content=numbered(600), headers=NDJSON))[-1]["summary"]
    assert (summary["done"], summary["unchanged"]) == (88, 512)


def test_an_import_ends_where_its_collection_is_made_anew(client: TestClient, store: MemoryStore) -> None:
    async def scenario(begin: Callable[[str, str], Exchange]) -> Any:
        exchange = begin("POST", IMPORT)
        exchange.send(numbered(300))
        await exchange.until("progress")
        while not store.upserts:
            await asyncio.sleep(0)
        store.delete_collection("notes")
        store.create_collection("notes", Space("mine", 3), {})
        exchange.send(numbered(300), more=False)
        error, summary = await exchange.until("error"), await exchange.until("summary")
        await exchange.task
        return error, summary

    error, summary = talk(client, scenario)
    assert error["code"] == "collection_not_found"
    assert not summary["complete"]
    assert store.collection("notes").documents == 0


def test_streams_are_limited_and_counted_out_again(start: Start) -> None:
    client = start(max_streams=1)
    client.put("/v1/collections/notes")

    async def scenario(begin: Callable[[str, str], Exchange]) -> None:
        first = begin("POST", IMPORT)
        first.send(b"\n")
        assert await first.until("status") == 200
        for second in (begin("POST", IMPORT), begin("GET", EXPORT)):
            assert await second.until("status") == 429
            await second.task
        first.hang_up()
        await first.task

    talk(client, scenario)
    assert lines(client.post(IMPORT, content=numbered(1), headers=NDJSON))[-1]["summary"]["done"] == 1
    assert len(lines(client.get(EXPORT))) == 2
    assert lines(client.get(EXPORT))


def test_an_export_stops_where_nobody_listens(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.pipeline.exporter.BLOCK_BYTES", 1)
    client.post(IMPORT, content=numbered(50), headers=NDJSON)

    async def scenario(begin: Callable[[str, str], Exchange]) -> int:
        exchange = begin("GET", EXPORT)
        exchange.hang_up()
        await exchange.task
        return exchange._from.qsize()

    assert talk(client, scenario) < 10
