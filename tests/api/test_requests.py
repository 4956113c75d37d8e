"""What a request leaves behind: its id, its log line, and its times in a header."""

import json
import logging
import re
import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from app.observability.logging import JsonFormatter
from app.observability.requests import ObserveRequests, RequestMetrics
from app.observability.timing import MAX_STAGES, Timing, current, embedded, stored
from tests.api.conftest import Start
from tests.api.whole import whole
from tests.fakes import FakeEmbedder

EMBED = {"model": "fake-model", "input": ["a", "b a"]}


def line(caplog: pytest.LogCaptureFixture) -> dict[str, object]:
    """The last request's line, as a machine reads it."""
    record = [record for record in caplog.records if record.name == "app.requests"][-1]
    found = json.loads(JsonFormatter().format(record))
    assert isinstance(found, dict)
    return found


@pytest.fixture(autouse=True)
def _logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def times(header: str) -> dict[str, float]:
    """Milliseconds by name; all of the header is read."""
    parts = [re.fullmatch(r"([a-z]+);dur=([0-9]+\.[0-9]+)", part) for part in header.split(", ")]
    return {part[1]: float(part[2]) for part in parts if part is not None} if all(parts) else {}


def test_the_line_of_an_embedding(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    client.post("/v1/embeddings", json=EMBED, headers={"X-Request-Id": "trace-9"})
    found = line(caplog)
    assert isinstance(found.pop("duration_ms"), float)
    del found["time"]
    assert found == {
        "level": "info",
        "logger": "app.requests",
        "message": "POST /v1/embeddings 200",
        "method": "POST",
        "route": "/v1/embeddings",
        "status": 200,
        "queue_ms": 250.0,  # as the fake embedder says
        "encode_ms": 500.0,
        "texts": 2,
        "tokens": 3,
    }


def test_a_search_also_has_the_time_of_the_store(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    client.put("/v1/collections/secret-name")
    assert "queue_ms" not in line(caplog)
    found = client.post("/v1/collections/secret-name/search", json={"query": "secret words"})
    written = line(caplog)
    assert written["route"] == "/v1/collections/{name}/search"
    assert (written["queue_ms"], written["encode_ms"], written["texts"], written["tokens"]) == (250, 500, 1, 2)
    assert isinstance(written["store_ms"], float)
    assert written["store_ms"] > 0
    assert list(times(found.headers["server-timing"])) == ["queue", "encode", "store", "total"]


def test_log_header_and_metrics_tell_the_same_time_in_their_units(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    """None is longer than what was waited for the answer, and the whole is the longest."""

    def seconds() -> float:
        name = "vectorspace_http_request_duration_seconds_sum"
        return float(re.search(rf'^{name}{{route="/v1/embeddings"}} (.+)$', client.get("/metrics").text, re.M)[1])  # type: ignore[index]

    client.post("/v1/embeddings", json=EMBED)
    before_s, began_s = seconds(), time.perf_counter()
    answer = client.post("/v1/embeddings", json=EMBED)
    waited_ms = (time.perf_counter() - began_s) * 1000
    logged_ms = line(caplog)["duration_ms"]
    assert isinstance(logged_ms, float)
    assert 0 < times(answer.headers["server-timing"])["total"] <= logged_ms + 0.01 <= waited_ms + 0.02
    assert abs((seconds() - before_s) * 1000 - logged_ms) < 0.01


def test_a_method_of_anybodys_making_is_not_told(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    client.request("A" * 10_000, "/live")
    found = line(caplog)
    assert (found["method"], found["message"]) == ("other", "other /live 405")


def test_an_answer_that_ends_early_says_so_beside_its_status(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    client.put("/v1/collections/a")
    path, ndjson = "/v1/collections/a/import", {"Content-Type": "application/x-ndjson"}
    header = '{"collection": {"name": "a", "model": "another", "dimension": 3, "distance": "cosine"}}\n'
    answer = client.post(path, content=header + '{"text": "a"}\n', headers=ndjson)
    code = json.loads(answer.text.splitlines()[1])["error"]["code"]
    assert (line(caplog)["status"], line(caplog)["cut_short"]) == (200, code)
    assert client.post(path, content='{"text": "a"}\n', headers=ndjson).status_code == 200
    assert "cut_short" not in line(caplog)
    counted = f'vectorspace_cut_short_requests_total{{route="/v1/collections/{{name}}/import",reason="{code}"}} 1'
    assert counted in client.get("/metrics").text


def test_nobody_finds_texts_names_or_ids_in_the_log(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    client.put("/v1/collections/secret-name")
    client.post("/v1/collections/secret-name/documents", json={"documents": [{"id": "secret-id", "text": "secret"}]})
    client.get("/v1/collections/secret-name/documents/secret-id")
    client.post("/v1/collections/secret-name/search", json={"query": "secret"})
    client.post("/v1/embeddings?key=secret", json=EMBED | {"input": "secret"}, headers={"X-API-Key": "secret"})
    client.get("/secret")
    client.post("/v1/embeddings", content=b'{"input": "secret')
    lines = [JsonFormatter().format(record) for record in caplog.records if record.name.startswith("app.")]
    assert len(lines) >= 7
    assert not [each for each in lines if "secret" in each]


@pytest.mark.parametrize(
    ("method", "path", "route", "status"),
    [
        ("GET", "/v1/models/a/b", "/v1/models/{name}", 404),
        ("DELETE", "/v1/embeddings", "/v1/embeddings", 405),
        ("POST", "/v1/embeddings", "/v1/embeddings", 400),
        ("GET", "/nowhere/at/all", "other", 404),
    ],
)
def test_a_line_names_the_route_and_not_the_path(
    client: TestClient, caplog: pytest.LogCaptureFixture, method: str, path: str, route: str, status: int
) -> None:
    client.request(method, path)
    assert (line(caplog)["route"], line(caplog)["status"]) == (route, status)


@pytest.mark.parametrize(
    ("path", "body", "stages"),
    [
        ("/v1/embeddings", EMBED, ["total"]),
        ("/v1/collections/notes/search", {"query": "a", "mode": "semantic"}, ["store", "total"]),
    ],
)
def test_a_failure_has_its_line_its_shape_and_its_headers(
    start: Start,
    embedder: FakeEmbedder,
    caplog: pytest.LogCaptureFixture,
    path: str,
    body: dict[str, object],
    stages: list[str],
) -> None:
    """On the hot path, which FastAPI does not see, and within FastAPI."""
    client = start()
    client.put("/v1/collections/notes")
    client.post("/v1/collections/notes/documents", json={"documents": [{"text": "a"}]})
    embedder.failure = RuntimeError("nobody expected this")
    answer = client.post(path, json=body, headers={"X-Request-Id": "trace-10"})
    assert answer.status_code == line(caplog)["status"] == 500
    assert answer.json().get("error", answer.json())["code"] == "internal_error"
    assert answer.headers["x-request-id"] == "trace-10"
    assert list(times(answer.headers["server-timing"])) == stages
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_header_has_the_times_of_the_real_queue(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with whole(tmp_path) as client:
        first = times(client.post("/v1/embeddings", json=EMBED).headers["server-timing"])
        assert list(first) == ["queue", "encode", "total"]
        assert first["queue"] + first["encode"] <= first["total"] + 0.02  # each is rounded
        assert first["encode"] > 0
        again = times(client.post("/v1/embeddings", json=EMBED).headers["server-timing"])
        assert (again["queue"], again["encode"]) == (0, 0)  # the cache has both
        assert (line(caplog)["texts"], line(caplog)["tokens"]) == (2, 7)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-Railway-Request-Id": "edge-1"}, "edge-1"),
        ({"X-Railway-Request-Id": "edge-1", "X-Request-Id": "mine"}, "mine"),
        ({"X-Railway-Request-Id": "edge-1", "X-Request-Id": "not one"}, "edge-1"),
    ],
)
def test_the_edge_names_a_request_that_its_caller_does_not(
    client: TestClient, headers: dict[str, str], expected: str
) -> None:
    assert client.get("/live", headers=headers).headers["x-request-id"] == expected


def test_outside_of_requests_nothing_is_timed() -> None:
    assert current.get() is None
    stored("search", 1.0)
    embedded(_Result())


class _Result:
    vectors = (1, 2)
    tokens = 3
    waited_s = 0.5
    took_s = 0.25


def test_an_app_that_never_answers_leaves_a_line_too(caplog: pytest.LogCaptureFixture) -> None:
    async def silent(scope: Scope, receive: Receive, send: Send) -> None:
        embedded(_Result())
        raise RuntimeError("broken before the head")

    metrics = RequestMetrics()
    client = TestClient(ObserveRequests(silent, metrics), raise_server_exceptions=False)
    client.get("/")
    assert (line(caplog)["status"], line(caplog)["message"]) == (0, "GET other no response")
    assert (metrics.in_flight, metrics.texts, metrics.tokens) == (0, 2, 3)


def test_stages_are_kept_only_for_traces() -> None:
    timing = Timing(traced=True)
    token = current.set(timing)
    try:
        embedded(_Result())
        stored("search", 0.125)
    finally:
        current.reset(token)
    assert timing.stages is not None
    embed, store = timing.stages
    queue, encode = embed.parts
    assert [(each.name, each.took_s) for each in (embed, queue, encode, store)] == [
        ("embed", 0.75),
        ("queue", 0.5),
        ("encode", 0.25),
        ("store search", 0.125),
    ]
    assert embed.attributes == {"vectorspace.texts": 2, "vectorspace.tokens": 3}
    assert embed.began_unix_s == queue.began_unix_s
    assert encode.began_unix_s == pytest.approx(queue.began_unix_s + 0.5)


def test_a_long_import_keeps_the_first_stages() -> None:
    timing = Timing(traced=True)
    token = current.set(timing)
    try:
        for _ in range(MAX_STAGES):
            embedded(_Result())
            stored("upsert", 0.125)
    finally:
        current.reset(token)
    assert timing.stages is not None
    assert len(timing.stages) == MAX_STAGES
    assert timing.store_s == 0.125 * MAX_STAGES
