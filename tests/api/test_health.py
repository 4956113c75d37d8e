"""Ready, alive, and everything that belongs to every response."""

import threading
import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app import __version__
from app.errors import DirectoryTaken, ModelMissing
from app.main import create_app
from app.parts.embedding import OnFatal, Opened
from app.settings import Settings
from app.store.store import IndexState, Store
from tests.api.conftest import Start
from tests.fakes import FakeEmbedder
from tests.memory import MemoryStore


def test_ready(client: TestClient) -> None:
    body = client.get("/health").json()
    assert body["status"] == "ready"
    assert body["version"] == __version__
    assert body["uptime_s"] >= 0
    assert body["model"] == {"name": "fake-model", "precision": "fp32", "dimension": 8, "max_tokens": 16}
    index = {"state": "ready", "behind": 0, "detail": ""}
    assert body["store"] == {"collections": 0, "documents": 0, "index": index}
    assert client.get("/live").json() == {"status": "alive"}


def test_it_is_ready_while_the_index_is_rebuilt_and_says_so(client: TestClient, store: MemoryStore) -> None:
    client.put("/v1/collections/a")
    client.post("/v1/collections/a/documents", json={"documents": [{"text": "one"}, {"text": "two"}]})
    store.state = IndexState("rebuilding", 2, "its files were damaged")
    answer = client.get("/health")
    assert answer.status_code == 200
    index = {"state": "rebuilding", "behind": 2, "detail": "its files were damaged"}
    assert answer.json()["store"] == {"collections": 1, "documents": 2, "index": index}


def test_it_lists_no_collections(client: TestClient, store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is open to all, and asked all the time: the store has sums for it."""
    client.put("/v1/collections/a", json={"metadata": {"of": "tests"}})
    monkeypatch.setattr(store, "collections", None)
    assert client.get("/health").json()["store"]["collections"] == 1


def test_while_the_model_loads_it_answers_503_with_the_reason() -> None:
    loaded = threading.Event()

    def slow(*_: object) -> Opened:
        assert loaded.wait(10)
        return Opened(FakeEmbedder(), lambda: None)

    app = create_app(
        Settings(), on_fatal=lambda error: None, open_embedder=slow, open_store=lambda _, __: MemoryStore()
    )
    with TestClient(app) as client:
        while (waiting := client.get("/health")).json()["reason"].startswith("opening the store"):
            time.sleep(0.001)
        assert waiting.status_code == 503
        assert waiting.json()["reason"] == "loading the model all-MiniLM-L6-v2 (int8)"
        assert client.get("/live").status_code == 200
        early = client.post("/v1/embeddings", json={"model": "fake-model", "input": "a"})
        assert early.status_code == 503
        assert early.headers["retry-after"] == "1"
        loaded.set()
        while client.get("/health").status_code != 200:
            time.sleep(0.001)


def test_a_model_that_cannot_be_loaded_is_fatal_and_says_why(tmp_path: Path) -> None:
    fatal: list[BaseException] = []
    settings = Settings.model_validate({"models_directory": str(tmp_path)})
    store = MemoryStore()
    app = create_app(settings, on_fatal=fatal.append, open_store=lambda _, __: store)
    with TestClient(app) as client:
        while not fatal:
            time.sleep(0.001)
        assert isinstance(fatal[0], ModelMissing)
        answer = client.get("/health")
        assert answer.status_code == 503
        assert "python -m models" in answer.json()["reason"]
    assert store.closed


def test_a_directory_that_is_taken_is_fatal_before_any_model_is_loaded(tmp_path: Path) -> None:
    def taken(_: Settings, __: OnFatal) -> Store:
        raise DirectoryTaken(tmp_path, "process 7")

    def never(*_: object) -> Opened:
        raise AssertionError("the model was loaded")

    fatal: list[BaseException] = []
    app = create_app(Settings(), on_fatal=fatal.append, open_embedder=never, open_store=taken)
    with TestClient(app) as client:
        while not fatal:
            time.sleep(0.001)
        assert isinstance(fatal[0], DirectoryTaken)
        assert "process 7" in client.get("/health").json()["reason"]


@pytest.mark.parametrize("failing", [True, False])
def test_all_is_closed_in_reverse_whatever_fails(failing: bool) -> None:
    closed: list[str] = []

    class Watched(MemoryStore):
        def close(self) -> None:
            closed.append("store")

    def close_embedder() -> None:
        closed.append("embedder")
        if failing:
            raise RuntimeError("cannot be closed")

    app = create_app(
        Settings(),
        on_fatal=lambda error: None,
        open_embedder=lambda *_: Opened(FakeEmbedder(), close_embedder),
        open_store=lambda _, __: Watched(),
    )
    with TestClient(app):
        assert closed == []
    assert closed == ["embedder", "store"]


def test_request_ids_are_taken_made_and_sent_back(client: TestClient) -> None:
    assert client.get("/live", headers={"X-Request-Id": "trace-7"}).headers["x-request-id"] == "trace-7"
    made = client.get("/live").headers["x-request-id"]
    assert len(made) == 32
    for odd in ("a b", "x" * 200, '"', "{}"):
        assert client.get("/live", headers={"X-Request-Id": odd}).headers["x-request-id"] != odd


def test_unknown_paths_are_problem_documents(client: TestClient) -> None:
    answer = client.get("/nowhere", headers={"X-Request-Id": "trace-8"})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["status"], body["code"], body["request_id"]) == (404, "not_found", "trace-8")
    wrong = client.delete("/health")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
    assert wrong.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"X-API-Key": "wrong"}, {"X-API-Key": "é"}])
def test_without_the_key_there_is_no_service(start: Start, headers: dict[str, str]) -> None:
    client = start(api_key="first,second")
    raw = {name.encode(): value.encode() for name, value in headers.items()}
    for answer in (
        client.get("/v1/models", headers=raw),
        client.post("/v1/embeddings", json={"model": "fake-model", "input": "a"}, headers=raw),
    ):
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["error"]["code"] == "unauthorized"
    assert client.get("/health").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer first"},
        {"authorization": "bearer second"},
        {"X-API-Key": "second"},
        {"Authorization": "Bearer ", "X-API-Key": "second"},
    ],
)
def test_each_key_opens_the_service(start: Start, headers: dict[str, str]) -> None:
    assert start(api_key="first,second").get("/v1/models", headers=headers).status_code == 200


def test_the_openapi_document_has_every_path(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {path.removeprefix("/v1/collections") for path in paths} == {
        "/health",
        "/live",
        "/metrics",
        "/v1/passages",
        "/v1/embeddings",
        "/v1/models",
        "/v1/models/{name}",
        "/embed",
        "/similarity",
        "/tokenize",
        "/rerank",
        "/info",
        "",
        "/{name}",
        "/{name}/documents",
        "/{name}/documents/delete",
        "/{name}/documents/{id}",
        "/{name}/map",
        "/{name}/map/place",
        "/{name}/search",
        "/{name}/ask",
        "/{name}/import",
        "/{name}/export",
    }


def test_the_openapi_document_has_the_shape_of_every_answer(client: TestClient) -> None:
    """Routes build their answers themselves, so that no return type says it."""
    without = set()
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        for method, operation in operations.items():
            kinds = operation["responses"].get("200", {}).get("content", {})
            if not kinds.get("application/json", {"schema": True})["schema"]:
                without.add(f"{method.upper()} {path}")
    assert without == {"GET /live"}


def test_the_openapi_document_says_who_needs_a_key_and_when_to_come_back(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    schemes = document["components"]["securitySchemes"]
    assert [(each["type"], each.get("scheme", each.get("name"))) for each in schemes.values()] == [
        ("http", "bearer"),
        ("apiKey", "X-API-Key"),
    ]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            responses, closed = operation["responses"], path not in ("/health", "/live")
            assert operation.get("security", []) == [{name: []} for name in schemes if closed], path
            assert ("401" in responses) == closed, path
            for status in responses.keys() & {"429", "502", "503"}:
                assert ("Retry-After" in responses[status].get("headers", {})) == closed, (path, status)
    answers = document["paths"]["/metrics"]["get"]["responses"]
    assert {status: list(answer["content"]) for status, answer in answers.items()} == {
        "200": ["text/plain"],
        "401": ["application/problem+json"],
    }


def test_metrics_are_prometheus_text_and_need_the_key(start: Start) -> None:
    client = start(api_key="secret")
    assert client.get("/metrics").status_code == 401
    answer = client.get("/metrics", headers={"Authorization": "Bearer secret"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "vectorspace_things 3\n" in answer.text
