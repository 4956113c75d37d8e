"""Collections whose vectors a service makes, over HTTP, with a real server on loopback behind."""

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.embedding import openai
from app.remote.retries import Retries
from tests.api.conftest import Start
from tests.api.test_collections import refused
from tests.api.whole import whole
from tests.fakes import FakeEmbedder
from tests.memory import MemoryStore
from tests.remote.service import KEY, Reply, Service, broken, error, refusing, unit, vectors

NOTES = "/v1/collections/notes"
MODEL = "openai/some-embedder"
DOCUMENTS = {"documents": [{"id": "bread", "text": "Dough rises."}, {"id": "tap", "text": "Taps drip."}]}


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai, "RETRIES", Retries(2, 0.001, 20))


def started(start: Start, service: Service) -> TestClient:
    return start(openai_api_key=KEY, openai_base_url=service.url)


def created(client: TestClient, status: int = 201, **space: Any) -> Any:
    answer = client.put(NOTES, json={"model": MODEL, **space})
    assert answer.status_code == status, answer.text
    return answer.json()


def test_a_collection_remembers_the_length_of_its_model(start: Start, embedder: FakeEmbedder) -> None:
    with Service(vectors(8)) as service:
        client = started(start, service)
        assert (created(client)["model"], created(client, 200)["dimension"]) == (MODEL, 8)
        assert len(service.calls) == 1
        assert client.post(f"{NOTES}/documents", json=DOCUMENTS).status_code == 200
        found = client.post(f"{NOTES}/search", json={"query": "Taps drip.", "mode": "semantic"}).json()
        stored = client.get(f"{NOTES}/documents/bread", params={"vectors": True}).json()
        assert [call.body["input"] for call in service.calls[1:]] == [["Dough rises.", "Taps drip."], ["Taps drip."]]
    assert found["hits"][0]["id"] == "tap"
    assert found["hits"][0]["score"] == pytest.approx(1)
    assert stored["passages"][0]["vector"] == pytest.approx(unit("Dough rises.", 8).tolist(), abs=1e-6)
    assert embedder.texts == []
    metrics = client.get("/metrics").text
    assert 'vectorspace_remote_tokens_total{endpoint="embeddings",kind="prompt"} 7' in metrics
    assert 'vectorspace_remote_requests_total{endpoint="embeddings",outcome="ok"} 3' in metrics
    assert KEY not in metrics


def test_a_shorter_length_may_be_chosen(start: Start) -> None:
    with Service(vectors(8)) as service:
        client = started(start, service)
        assert created(client, dimension=4)["dimension"] == 4
        refused(client.put(NOTES, json={"model": MODEL, "dimension": 5}), 409, "space_mismatch")
        assert client.post(f"{NOTES}/documents", json=DOCUMENTS).status_code == 200
    with Service(vectors(8, shortens=False)) as service:
        detail = refused(
            started(start, service).put("/v1/collections/b", json={"model": MODEL, "dimension": 5}),
            400,
            "unsupported_dimension",
        )
    assert f"{MODEL} gives vectors of 8 dimensions and 5 were asked for" in detail


def test_a_query_asked_again_comes_from_the_one_cache_of_all_models(tmp_path: Path) -> None:
    """Which has its numbers, and keeps the same words of two models apart."""
    query = {"query": "a b", "mode": "semantic"}
    with Service(vectors(8)) as service, whole(tmp_path, openai_api_key=KEY, openai_base_url=service.url) as client:
        created(client)
        client.put("/v1/collections/local")
        for name in ("notes", "local", "notes", "local"):
            assert client.post(f"/v1/collections/{name}/search", json=query).status_code == 200
        asked = [call.body["input"] for call in service.calls]
        metrics = client.get("/metrics").text
    assert asked == [["dimension"], ["a b"]]
    for name, value in {"hits_total": 2, "misses_total": 2, "entries": 2}.items():
        assert f"vectorspace_cache_{name} {value}\n" in metrics


def test_the_same_text_is_not_paid_for_twice(start: Start) -> None:
    with Service(vectors(8)) as service:
        client = started(start, service)
        created(client)
        for _ in range(2):
            assert client.post(f"{NOTES}/documents", json=DOCUMENTS).status_code == 200
        more = {"documents": [{"id": "third", "text": "Dough rises."}, {"id": "new", "text": "New."}]}
        assert client.post(f"{NOTES}/documents", json=more).status_code == 200
        assert [call.body["input"] for call in service.calls[1:]] == [["Dough rises.", "Taps drip."], ["New."]]


@pytest.mark.parametrize(
    "reply",
    [refusing(401, error(message=KEY)), refusing(500, b"oh"), broken, vectors(9, shortens=False)],
    ids=["401", "500", "cut", "9"],
)
def test_a_failure_is_502_and_nothing_is_written(start: Start, store: MemoryStore, reply: Reply) -> None:
    with Service(vectors(8), reply) as service:
        client = started(start, service)
        created(client)
        for path, body in (("documents", DOCUMENTS), ("search", {"query": "a"}), ("ask", {"question": "a"})):
            detail = refused(client.post(f"{NOTES}/{path}", json=body), 502, "remote_failed")
            assert KEY not in detail
        lines = client.post(
            f"{NOTES}/import", content=b'{"text": "a"}\n', headers={"Content-Type": "application/x-ndjson"}
        )
    assert '"code":"remote_failed"' in lines.text
    assert '"complete":false' in lines.text
    assert store.upserts == []
    assert client.get(f"{NOTES}/documents").json()["documents"] == []


def test_a_model_that_the_service_does_not_have_makes_no_collection(start: Start) -> None:
    with Service(refusing(404, error("model_not_found"))) as service:
        client = started(start, service)
        refused(client.put(NOTES, json={"model": MODEL}), 502, "remote_failed")
        assert client.get(NOTES).status_code == 404


def test_a_pause_that_the_service_asks_for_is_passed_on(start: Start) -> None:
    with Service(refusing(429, error(), Retry_After="70")) as service:
        answer = started(start, service).put(NOTES, json={"model": MODEL})
    refused(answer, 502, "remote_failed")
    assert answer.headers["retry-after"] == "70"


def test_without_a_key_the_setting_is_named(client: TestClient) -> None:
    detail = refused(client.put(NOTES, json={"model": MODEL}), 409, "remote_unset")
    assert "set OPENAI_API_KEY" in detail
    created(client, dimension=2)
    for path, body in (("documents", DOCUMENTS), ("search", {"query": "a"}), ("ask", {"question": "a"})):
        assert "OPENAI_API_KEY" in refused(client.post(f"{NOTES}/{path}", json=body), 409, "remote_unset")
    brought = {"documents": [{"id": "own", "text": "Own words.", "vector": [0, 1]}]}
    assert client.post(f"{NOTES}/documents", json=brought).status_code == 200
    assert client.post(f"{NOTES}/search", json={"vector": [0, 1]}).json()["hits"][0]["id"] == "own"
    assert client.post(f"{NOTES}/ask", json={"question": "words", "mode": "keyword"}).json()["cited"] == [1]


def test_an_export_goes_into_a_service_without_a_key(start: Start) -> None:
    with Service(vectors(8)) as service:
        client = started(start, service)
        created(client)
        client.post(f"{NOTES}/documents", json=DOCUMENTS)
        exported = client.get(f"{NOTES}/export").content
        client.put("/v1/collections/copy", json={"model": MODEL})
        calls = len(service.calls)
        ndjson = {"Content-Type": "application/x-ndjson"}
        lines = client.post("/v1/collections/copy/import", content=exported, headers=ndjson).text
        assert '"done":2' in lines
        assert len(service.calls) == calls
