"""Every limit from both sides: as much as it allows is accepted, one more is refused with its name and the numbers."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass

import orjson
import pytest
from starlette.testclient import TestClient

from app.answer.answer import Found
from app.api.problems import from_error
from app.embedding.batcher import Batcher
from app.errors import QueueFull, TooManyAsks, TooManyMaps
from app.pipeline.ask import Question
from app.settings import Settings
from app.store.store import Query
from tests.api.conftest import Start
from tests.api.test_transfer import Exchange
from tests.fakes import FakeEncoder

NDJSON = {"Content-Type": "application/x-ndjson"}
NOTES = "/v1/collections/notes"
# Asks for `amount` of something; returns the words of the refusal, "" where there is none.
Probe = Callable[[TestClient, int], str]


@dataclass(frozen=True)
class Limit:
    """limit   what the setting is set to
    probe   how to ask for so much
    status  of a refusal; None where the refusal is a line in a stream
    counted whether a refusal has the amount that was asked for as well, where it is known at all
    """

    limit: int
    probe: Probe
    status: int | None = 400
    counted: bool = True


def said(client: TestClient, method: str, path: str, **more: object) -> str:
    answer = client.request(method, path, **more)  # type: ignore[arg-type]
    assert answer.status_code < 500
    return "" if answer.is_success else f"{answer.status_code} {answer.text}"


def post(path: str, body: Callable[[int], object]) -> Probe:
    return lambda client, amount: said(client, "POST", path, json=body(amount))


def body_of(client: TestClient, amount: int) -> str:
    empty = orjson.dumps({"model": "fake-model", "input": ""})
    text = b"x" * (amount - len(empty))
    body = empty.replace(b'""', b'"' + text + b'"')
    assert len(body) == amount
    return said(client, "POST", "/v1/embeddings", content=body, headers={"Content-Type": "application/json"})


def record_of(client: TestClient, amount: int) -> str:
    record = b'{"text": "' + b"x" * (amount - 12) + b'"}'
    assert len(record) == amount
    answer = client.post(f"{NOTES}/import", content=record + b"\n", headers=NDJSON)
    lines = [json.loads(line) for line in answer.text.splitlines()]
    return "".join(line["refused"]["reason"] for line in lines if "refused" in line)


def metadata_of(amount: int) -> dict[str, str]:
    metadata = {"k": "x" * (amount - len(orjson.dumps({"k": ""})))}
    assert len(orjson.dumps(metadata)) == amount
    return metadata


def answer_of(client: TestClient, amount: int) -> str:
    assert said(client, "POST", f"{NOTES}/documents", json={"documents": [{"id": "a", "text": "x" * amount}]}) == ""
    return said(client, "POST", f"{NOTES}/search", json={"query": "x", "include": ["text"]})


def nested(levels: int) -> dict[str, object]:
    value: object = 1
    for _ in range(levels - 1):
        value = [value]
    return {"k": value}


def document(**fields: object) -> dict[str, object]:
    return {"documents": [{"text": "a", **fields}]}


def collections_of(client: TestClient, amount: int) -> str:
    """One is there already."""
    answers = [said(client, "PUT", f"/v1/collections/c{n}") for n in range(amount - 1)]
    assert not any(answers[:-1])
    return answers[-1]


def streams_of(client: TestClient, amount: int) -> str:
    """The last of `amount` imports at once."""
    assert client.portal is not None

    async def open_all() -> str:
        exchanges = [Exchange(client.app, "POST", f"{NOTES}/import", client.app_state) for _ in range(amount)]
        for exchange in exchanges:
            exchange.send(b"\n")
        statuses = [await exchange.until("status") for exchange in exchanges]
        assert set(statuses[:-1]) == {200}
        text = ""
        if statuses[-1] != 200:
            text = f"{statuses[-1]} {(await exchanges[-1]._from.get())['body'].decode()}"
        for exchange in exchanges:
            exchange.hang_up()
            await exchange.task
        return text

    return str(client.portal.call(open_all))


def asks_of(client: TestClient, amount: int) -> str:
    """The last of `amount` questions at once; the others have been told their sources, and wait to go on."""
    assert client.portal is not None
    pipeline = client.app_state["parts"].pipeline

    async def ask_all() -> str:
        asked = [pipeline.ask.answer(Question("notes", Query("keyword", "a"))) for _ in range(amount)]
        try:
            for events in asked:
                assert isinstance(await anext(events), Found)
            return ""
        except TooManyAsks as error:
            return str(from_error(NOTES, error).status_code) + str(error)
        finally:
            for events in asked:
                await events.aclose()

    return str(client.portal.call(ask_all))


def maps_of(client: TestClient, amount: int) -> str:
    """`amount` maps at once, no two alike, while none gets its turn."""
    assert client.portal is not None
    maps = client.app_state["parts"].pipeline.maps

    async def draw_all() -> str:
        async with maps._turn:
            asked = [asyncio.create_task(maps.draw("notes", "components", limit)) for limit in range(1, amount + 1)]
            while maps._under_way + sum(task.done() for task in asked) < amount:
                await asyncio.sleep(0.001)
        drawn = await asyncio.gather(*asked, return_exceptions=True)
        refused = [error for error in drawn if isinstance(error, TooManyMaps)]
        return "".join(f"{from_error(NOTES, error).status_code} {error}" for error in refused)

    return str(client.portal.call(draw_all))


def waiting_of(_: TestClient, amount: int) -> str:
    """One text waits behind one that is being encoded, and the rest of `amount` joins it."""

    async def scenario() -> str:
        encoder, limit = FakeEncoder(), LIMITS["max_queue_texts"].limit
        encoder.open.clear()
        batcher = Batcher(
            encoder, lanes=1, max_batch_tokens=64, max_queue_texts=limit, max_queue_s=600, on_death=lambda _: None
        )
        encoded = asyncio.create_task(batcher.embed([[1]]))
        assert await asyncio.to_thread(encoder.entered.wait, 10)
        waiting = asyncio.create_task(batcher.embed([[2]]))
        await asyncio.sleep(0)
        joining = asyncio.create_task(batcher.embed([[3 + n] for n in range(amount - 1)]))
        await asyncio.sleep(0)
        encoder.open.set()
        try:
            await joining
            return ""
        except QueueFull as error:
            return f"429 {error}"
        finally:
            await asyncio.gather(encoded, waiting)
            batcher.close()

    return asyncio.run(scenario())


LIMITS = {
    "max_body_bytes": Limit(1024, body_of, 413),
    "max_texts": Limit(3, post("/v1/embeddings", lambda n: {"model": "fake-model", "input": ["a"] * n})),
    "max_tokenize_characters": Limit(20, post("/tokenize", lambda n: {"inputs": "x" * n}), 413),
    "max_queue_texts": Limit(5, waiting_of, 429, counted=False),  # it names those that wait and those that arrive
    "max_documents": Limit(3, post(f"{NOTES}/documents", lambda n: {"documents": [{"text": "a"}] * n})),
    "max_record_bytes": Limit(1024, record_of, None, counted=False),  # what is left of the record is not read
    "max_metadata_bytes": Limit(50, post(f"{NOTES}/documents", lambda n: document(metadata=metadata_of(n)))),
    "max_metadata_depth": Limit(3, post(f"{NOTES}/documents", lambda n: document(metadata=nested(n))), counted=False),
    "max_collections": Limit(3, collections_of, 409, counted=False),
    "max_limit": Limit(7, post(f"{NOTES}/search", lambda n: {"query": "a", "limit": n})),
    "max_answer_bytes": Limit(1024, answer_of),
    "max_offset": Limit(7, post(f"{NOTES}/search", lambda n: {"query": "a", "offset": n})),
    "max_query_characters": Limit(7, post(f"{NOTES}/search", lambda n: {"query": "x" * n})),
    "max_map_documents": Limit(7, lambda client, amount: said(client, "GET", f"{NOTES}/map?limit={amount}")),
    "max_sources": Limit(7, post(f"{NOTES}/ask", lambda n: {"question": "a", "limit": n})),
    "max_asks": Limit(2, asks_of, 429, counted=False),
    "max_maps": Limit(2, maps_of, 429, counted=False),
    "max_streams": Limit(2, streams_of, 429, counted=False),
}
NO_REFUSAL = {
    "max_batch_tokens",  # how much is encoded at a time, whatever comes: tests/unit/test_batcher.py
    "max_queue_s",  # an estimate of seconds, and no count: tests/unit/test_batcher.py
    "max_connections",  # further ones wait: tests/process/test_silence.py
}


def test_every_limit_has_a_row() -> None:
    assert set(LIMITS) | NO_REFUSAL == {name for name in Settings.model_fields if name.startswith("max_")}


@pytest.mark.parametrize("setting", LIMITS)
def test_as_much_as_allowed_is_accepted_and_one_more_is_refused_by_name(start: Start, setting: str) -> None:
    row = LIMITS[setting]
    client = start(**{setting: row.limit})
    assert client.put(NOTES).status_code == 201
    assert row.probe(client, row.limit) == ""
    client = start(**{setting: row.limit})
    client.put(NOTES)
    refusal = row.probe(client, row.limit + 1)
    assert setting.upper() in refusal
    assert str(row.limit) in refusal
    if row.counted:
        assert str(row.limit + 1) in refusal
    if row.status is not None:
        assert refusal.startswith(str(row.status))


@pytest.mark.parametrize("form", ["content-length", "chunked"])
def test_a_body_is_refused_by_what_it_says_and_by_what_it_is(start: Start, form: str) -> None:
    client = start(max_body_bytes=1024)
    content = b" " * 1025
    body = content if form == "content-length" else iter([content[:1000], content[1000:]])
    answer = client.post("/v1/embeddings", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert "MAX_BODY_BYTES" in answer.text


def test_a_text_has_as_many_tokens_as_the_model_reads(client: TestClient) -> None:
    """The model's own limit, no setting: `truncate` lifts it, and says what was cut."""
    limit = 16
    for tokens, truncate, status in ((limit, False, 200), (limit + 1, False, 400), (limit + 1, True, 200)):
        body = {"model": "fake-model", "input": "a " * tokens, "truncate": truncate}
        answer = client.post("/v1/embeddings", json=body)
        assert answer.status_code == status
        if status == 400:
            assert f"{tokens} tokens and the model reads {limit}" in answer.text
        elif truncate:
            assert answer.json()["truncated"] == [{"index": 0, "tokens": tokens, "kept": limit}]


@pytest.mark.parametrize(("path", "status"), [("/v1/collections/{}", 400), (NOTES + "/documents", 400)])
def test_names_and_ids_have_lengths(client: TestClient, path: str, status: int) -> None:
    client.put(NOTES)
    longest = 128 if "{}" in path else 512
    for length, accepted in ((longest, True), (longest + 1, False)):
        name = "x" * length
        answer = client.put(path.format(name)) if "{}" in path else client.post(path, json=document(id=name))
        assert answer.is_success if accepted else answer.status_code == status, answer.text


def test_filters_have_a_depth_and_a_number_of_values(client: TestClient) -> None:
    client.put(NOTES)
    deepest: dict[str, object] = {"k": 1}
    for _ in range(7):
        deepest = {"$and": [deepest]}
    for asked, status, number in (
        (deepest, 200, ""),
        ({"$and": [deepest]}, 400, "8 levels"),
        ({"k": {"$in": list(range(100))}}, 200, ""),
        ({"k": {"$in": list(range(101))}}, 400, "100 values"),
        ({"k": 2**63 - 1}, 200, ""),
        ({"k": -(2**63) + 1}, 200, ""),
        ({"k": 2**63}, 400, str(2**63 - 1)),
        ({"k": -(2**63)}, 400, str(2**63 - 1)),
        ({"k": 2**64 + 1}, 400, str(2**63 - 1)),
        ({"k": {"$in": [1, -(10**30)]}}, 400, str(2**63 - 1)),
    ):
        answers = [
            client.post(f"{NOTES}/search", json={"query": "a", "filter": asked}),
            client.get(f"{NOTES}/documents", params={"filter": json.dumps(asked)}),
            client.post(f"{NOTES}/documents/delete", json={"filter": asked}),
            client.delete(f"{NOTES}/documents", params={"filter": json.dumps(asked)}),
        ]
        assert [answer.status_code for answer in answers] == [status] * 4
        assert all(number in answer.text for answer in answers)


@pytest.mark.parametrize("value", [2**63, -(2**63), 2**64 + 1, -(2**64) - 1, 10**300])
def test_an_integer_that_no_store_has_place_for_never_becomes_another_number(client: TestClient, value: int) -> None:
    client.put(NOTES)
    said = f"an integer beyond ±{2**63 - 1}"
    for metadata in ({"k": value}, {"k": [{"j": value}]}):
        answer = client.post(f"{NOTES}/documents", json=document(metadata=metadata))
        assert (answer.status_code, said in answer.text) == (400, True)
        answer = client.put("/v1/collections/other", json={"metadata": metadata})
        assert (answer.status_code, said in answer.text) == (400, True)
        records = [{"text": "a", "metadata": metadata}, {"text": "b", "metadata": {"k": 2**63 - 1}}]
        lines = "".join(json.dumps(record) + "\n" for record in records)
        imported = client.post(f"{NOTES}/import", content=lines, headers=NDJSON).text
        assert (said in imported, '"line":1' in imported, '"line":2' in imported) == (True, True, False)
    kept = client.get(f"{NOTES}/documents").json()["documents"]
    assert [each["metadata"] for each in kept] == [{"k": 2**63 - 1}]


def test_json_has_a_depth(client: TestClient) -> None:
    """1,024 levels are read, and what they are is refused; of one more is said that it is no JSON."""
    client.put(NOTES)
    for levels, code in ((1024, "invalid_input"), (1025, "invalid_json")):
        nested = b"[" * (levels - 1) + b"]" * (levels - 1)
        for path, body in (("/v1/embeddings", b'{"input":%s}'), (f"{NOTES}/search", b'{"vector":%s}')):
            answer = client.post(path, content=body % nested, headers={"Content-Type": "application/json"})
            assert (answer.status_code, code in answer.text) == (400, True)


@pytest.mark.parametrize("zeros", [1, 4301, 20_000])
def test_a_length_may_begin_with_zeros(client: TestClient, zeros: int) -> None:
    client.put(NOTES)
    content = b'{"query":"a"}'
    for length, status in ((len(content), 200), (8_000_001, 413)):
        headers = {"Content-Type": "application/json", "Content-Length": "0" * zeros + str(length)}
        assert client.post(f"{NOTES}/search", content=content, headers=headers).status_code == status
    headers = NDJSON | {"Content-Length": "0" * zeros + "14"}
    assert '"complete":true' in client.post(f"{NOTES}/import", content=b'{"text": "a"}\n', headers=headers).text
