"""Traces, as a real OTLP receiver gets them; and none of it where they are not asked for."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from app.errors import TracesUnavailable
from app.main import create_app
from app.settings import Settings
from tests.api.otlp import Receiver
from tests.api.whole import whole
from tests.fakes import FakeEncoder
from tests.remote.service import KEY, Service, vectors

EMBED = {"model": "fake-model", "input": ["a", "b a"]}
CALLER = "0af7651916cd43dd8448eb211c80319c"


def attributes(span: Span) -> dict[str, object]:
    return {
        each.key: getattr(each.value, each.value.WhichOneof("value") or "")
        for each in span.attributes
        if each.key != "http.response.header.x-request-id"
    }


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    receiver = Receiver()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=testing")
    yield receiver
    receiver.close()


def test_a_search_is_a_trace_of_its_parts(receiver: Receiver, tmp_path: Path) -> None:
    with whole(tmp_path) as client:
        client.put("/v1/collections/notes")
        client.post("/v1/collections/notes/documents", json={"documents": [{"id": "1", "text": "a b"}]})
        client.post("/v1/collections/notes/search", json={"query": "b"}, headers={"X-Request-Id": "trace-11"})
    root, parts = receiver.of("POST /v1/collections/{name}/search")
    assert [span.name for span in parts] == ["store collection", "embed", "queue", "encode", "store search"]
    assert root.kind == Span.SPAN_KIND_SERVER
    assert attributes(root) == {
        "http.request.method": "POST",
        "http.route": "/v1/collections/{name}/search",
        "http.response.status_code": 200,
        "url.scheme": "http",
    }
    (sent,) = [each for each in root.attributes if each.key == "http.response.header.x-request-id"]
    assert [each.string_value for each in sent.value.array_value.values] == ["trace-11"]
    assert attributes(parts[1]) == {"vectorspace.texts": 1, "vectorspace.tokens": 3}
    assert {span.trace_id for span in parts} == {root.trace_id}
    queue, encode = parts[2], parts[3]
    assert queue.parent_span_id == encode.parent_span_id == parts[1].span_id
    assert abs(encode.start_time_unix_nano - queue.end_time_unix_nano) < 1000  # both from one float
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in (root, *parts))
    resource = {
        each.key: each.value.string_value for each in receiver.received[0].resource_spans[0].resource.attributes
    }
    assert resource["service.name"] == "vectorspace"
    assert resource["deployment.environment.name"] == "testing"


def test_a_call_to_another_service_is_a_clients(receiver: Receiver, tmp_path: Path) -> None:
    with Service(vectors(8)) as service, whole(tmp_path, openai_api_key=KEY, openai_base_url=service.url) as client:
        client.put("/v1/collections/notes", json={"model": "openai/some-embedder"})
    _, parts = receiver.of("PUT /v1/collections/{name}")
    kinds = {span.name: span.kind for span in parts}
    assert kinds == {
        "remote embeddings": Span.SPAN_KIND_CLIENT,
        "store create_collection": Span.SPAN_KIND_INTERNAL,
        "store collection": Span.SPAN_KIND_INTERNAL,
    }


def test_calls_to_the_store_are_named_for_users(receiver: Receiver, tmp_path: Path) -> None:
    """By what they do to the store, whatever helpers they go through."""
    raw = b'{"id": "1", "text": "a b"}\n'
    with whole(tmp_path) as client:
        client.put("/v1/collections/notes")
        client.post("/v1/collections/notes/import", content=raw, headers={"content-type": "application/x-ndjson"})
        client.get("/v1/collections/notes/export")
        client.get("/health")
        client.get("/metrics")
    calls = {span.name.removeprefix("store ") for span in receiver.spans if span.name.startswith("store ")}
    imported, exported = {"collection", "unchanged", "vectors", "upsert"}, {"collection", "export"}
    assert calls == {"create_collection", "totals", "index_state"} | imported | exported


def test_a_callers_trace_goes_on_and_its_wish_is_kept(receiver: Receiver, tmp_path: Path) -> None:
    with whole(tmp_path) as client:
        client.post("/v1/embeddings", json=EMBED, headers={"traceparent": f"00-{CALLER}-b7ad6b7169203331-01"})
        client.get("/live", headers={"traceparent": f"00-{CALLER}-b7ad6b7169203331-00"})
        client.get("/v1/models", headers={"traceparent": "nonsense"})
    root, parts = receiver.of("POST /v1/embeddings")
    assert root.trace_id.hex() == CALLER
    assert root.parent_span_id.hex() == "b7ad6b7169203331"
    assert [span.name for span in parts] == ["embed", "queue", "encode"]
    names = [span.name for span in receiver.spans]
    assert "GET /live" not in names
    assert "GET /v1/models" in names


def test_failures_are_marked_and_unknown_paths_are_not_names(receiver: Receiver, tmp_path: Path) -> None:
    encoder = FakeEncoder()
    encoder.failure = ValueError("bad shape")
    with whole(tmp_path, encoder=encoder) as client:
        client.get("/some/where")
        client.request("XYZZY", "/v1/embeddings")
        client.get("/v1/collections/none")
        assert client.post("/v1/embeddings", json=EMBED).status_code == 500
    nowhere, _ = receiver.of("GET")
    assert "http.route" not in attributes(nowhere)
    missing, _ = receiver.of("GET /v1/collections/{name}")
    failed, parts = receiver.of("POST /v1/embeddings")
    assert failed.status.code == Status.STATUS_CODE_ERROR
    assert attributes(failed)["error.type"] == "500"
    assert "error.type" not in attributes(missing)
    (unknown,) = [span for span in receiver.spans if span.name.startswith("HTTP")]
    assert attributes(unknown)["http.request.method"] == "_OTHER"
    assert not [span.name for span in receiver.spans if "XYZZY" in span.name]
    assert parts == []
    assert missing.status.code == nowhere.status.code == Status.STATUS_CODE_UNSET


def test_a_receiver_that_is_gone_harms_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    with whole(tmp_path) as client:
        assert client.post("/v1/embeddings", json=EMBED).status_code == 200


def test_fastapi_sends_nothing_of_its_own(receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not even where it is asked to: it would send bodies, and each request twice."""
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    with whole(tmp_path) as client:
        client.put("/v1/collections/notes")
    scopes = [each.scope.name for sent in receiver.received for one in sent.resource_spans for each in one.scope_spans]
    assert "fastapi" not in scopes
    receiver.of("PUT /v1/collections/{name}")


@pytest.mark.parametrize(
    ("given", "traced"),
    [
        ({}, False),
        ({"otel_exporter_otlp_endpoint": "http://collector:4318"}, True),
        ({"otel_exporter_otlp_traces_endpoint": "http://collector:4318/v1/traces"}, True),
        ({"otel_traces_exporter": "otlp"}, True),
        ({"otel_exporter_otlp_endpoint": "http://collector:4318", "otel_traces_exporter": "none"}, False),
    ],
)
def test_when_traces_are_asked_for(given: dict[str, str], traced: bool) -> None:
    assert Settings.model_validate(given).traced is traced


def test_without_the_packages_the_start_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "app.observability.tracing", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    settings = Settings.model_validate({"otel_traces_exporter": "otlp"})
    with pytest.raises(TracesUnavailable, match=r"proto\.http\.trace_exporter is not installed: .* OTEL=1"):
        create_app(settings, on_fatal=lambda error: None)


@pytest.mark.parametrize(("asked", "loaded"), [({}, False), ({"OTEL_TRACES_EXPORTER": "otlp"}, True)])
def test_nothing_of_it_is_loaded_unless_it_is_asked_for(asked: dict[str, str], loaded: bool) -> None:
    start = (
        "import sys; from app.main import create_app; from app.settings import Settings;"
        "create_app(Settings(), on_fatal=print);"
        "print('app.observability.tracing' in sys.modules, 'opentelemetry.exporter.otlp.proto.http' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", start], capture_output=True, text=True, check=True, env=asked)
    assert done.stdout.split() == [str(loaded)] * 2


def test_chromadb_is_loaded_beside_it() -> None:
    """In either order: both have packages under opentelemetry.exporter, and chromadb's is a stand-in."""
    tracing, chroma = "import app.observability.tracing", "import app.store.library"
    for order in ((tracing, chroma), (chroma, tracing)):
        done = subprocess.run([sys.executable, "-c", "; ".join(order)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
