"""`GET /metrics`: Prometheus reads all of it, by its own parser, and the numbers move as requests are made."""

import math
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from app import __version__
from app.api.application import build_api
from app.errors import AnswerUnread, StorageFull
from app.observability.requests import CUT_SHORT
from app.store.store import IndexState, Totals
from tests.api.conftest import Start
from tests.api.whole import whole
from tests.memory import MemoryStore

# Prometheus' base units, and what we count that has none: https://prometheus.io/docs/practices/naming/
COUNTED = r"seconds|bytes|texts|tokens|requests|changes|entries|collections|documents|passages|rebuilds|hits|misses"
NAMED_OTHERWISE = {
    "vectorspace_build_info",
    "vectorspace_index_state",
    "vectorspace_http_requests_in_flight",
    "process_open_fds",
    "process_max_fds",
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with whole(tmp_path_factory.mktemp("data")) as client:
        yield client


def families(client: TestClient) -> list[Metric]:
    return list(text_string_to_metric_families(client.get("/metrics").text))


def value(client: TestClient, name: str, **labels: str) -> float:
    """0 where there is no such sample."""
    found = [
        sample.value
        for family in families(client)
        for sample in family.samples
        if sample.name == name and sample.labels == labels
    ]
    assert len(found) <= 1
    return float(found[0]) if found else 0.0


def use(client: TestClient) -> None:
    """Requests of every kind, some of them refused."""
    client.put("/v1/collections/notes")
    documents = [{"id": "1", "text": "a b"}, {"id": "2", "text": "a b a b a b a b a b a b"}]
    assert client.post("/v1/collections/notes/documents", json={"documents": documents}).status_code == 200
    assert client.post("/v1/collections/notes/search", json={"query": "b"}).status_code == 200
    assert client.post("/v1/embeddings", json={"model": "fake-model", "input": ["a", "a", "b a"]}).status_code == 200
    client.get("/nowhere")
    client.delete("/health")


def test_what_may_be_cut_short_is_there_before_it_is() -> None:
    paths = build_api().openapi()["paths"]
    assert CUT_SHORT.keys() <= paths.keys()
    said = {"client_left", "internal_error", "shutdown"} | {StorageFull.code, AnswerUnread.code}
    assert {reason for reasons in CUT_SHORT.values() for reason in reasons} == said


def test_every_family_has_its_help_its_type_and_a_name_by_the_rules(client: TestClient) -> None:
    use(client)
    text = client.get("/metrics").text
    assert text.endswith("\n")
    heads = re.findall(r"^# (HELP|TYPE) (\S+) ", text, re.MULTILINE)
    names = [name for kind, name in heads if kind == "TYPE"]
    assert [name for kind, name in heads if kind == "HELP"] == names
    assert len(names) == len(set(names))
    found = families(client)
    assert len(found) == len(names) > 30
    for family, name in zip(found, names, strict=True):
        assert family.type in ("counter", "gauge", "histogram"), name
        assert family.documentation.endswith("."), name
        assert re.fullmatch(r"(vectorspace|process)_[a-z_]+", name)
        assert name.endswith("_total") == (family.type == "counter"), name
        assert name in NAMED_OTHERWISE or re.search(f"_({COUNTED})(_total)?$", name), name
        assert family.samples, name


def test_every_histogram_adds_up(client: TestClient) -> None:
    use(client)
    histograms = [family for family in families(client) if family.type == "histogram"]
    assert len(histograms) >= 4
    for family in histograms:
        series: dict[str, dict[float, float]] = {}
        counts: dict[str, float] = {}
        for sample in family.samples:
            route = sample.labels.get("route", "") + sample.labels.get("endpoint", "")
            if sample.name.endswith("_bucket"):
                series.setdefault(route, {})[float(sample.labels["le"])] = sample.value
            elif sample.name.endswith("_count"):
                counts[route] = sample.value
        assert series.keys() == counts.keys()
        for route, buckets in series.items():
            assert list(buckets) == sorted(buckets)
            assert list(buckets.values()) == sorted(buckets.values())
            assert buckets[math.inf] == counts[route]
            assert counts[route] > 0 or "remote" in family.name  # no such service is called here


def test_the_numbers_move_with_the_requests(client: TestClient) -> None:
    client.post("/v1/embeddings", json={"model": "fake-model", "input": "b b"})
    watched = {
        ("vectorspace_http_requests_total", "/v1/embeddings", "POST", "200"): 1,
        ("vectorspace_http_requests_total", "/v1/embeddings", "POST", "400"): 1,
        ("vectorspace_http_requests_total", "/v1/collections/{name}/documents/{id}", "GET", "404"): 2,
        ("vectorspace_http_requests_total", "other", "GET", "404"): 2,
        ("vectorspace_http_requests_total", "/health", "other", "405"): 1,
    }

    def seen() -> dict[tuple[str, ...], float]:
        return {key: value(client, key[0], route=key[1], method=key[2], status=key[3]) for key in watched}

    plain = ("requested_texts_total", "requested_tokens_total", "cache_hits_total", "encoded_texts_total")
    before = seen()
    sums = {name: value(client, f"vectorspace_{name}") for name in plain}
    taken = value(client, "vectorspace_http_request_duration_seconds_count", route="/v1/embeddings")
    client.post("/v1/embeddings", json={"model": "fake-model", "input": ["b b", "b b b"]})
    client.post("/v1/embeddings", json={"model": "fake-model", "input": ""})
    client.get("/v1/collections/x/documents/y")
    client.get("/v1/collections/x/documents/z/z")
    client.get("/no/where")
    client.get("/no/where/else")
    client.request("BREW", "/health")
    assert {key: count - before[key] for key, count in seen().items()} == watched
    moved = {name: value(client, f"vectorspace_{name}") - sums[name] for name in plain}
    # "b b" is in the cache: 4 tokens with those around it, and 5 of the other.
    assert moved == {
        "requested_texts_total": 2,
        "requested_tokens_total": 9,
        "cache_hits_total": 1,
        "encoded_texts_total": 1,
    }
    assert value(client, "vectorspace_http_request_duration_seconds_count", route="/v1/embeddings") == taken + 2


def test_no_caller_can_add_a_label(client: TestClient) -> None:
    use(client)
    before = {tuple(sorted(each.labels.items())) for family in families(client) for each in family.samples}
    for number in range(20):
        client.get(f"/v1/collections/notes/documents/{number}")
        client.get(f"/{number}")
        client.request(f"METHOD{number}", "/health")
        client.get("/live", headers={"X-Request-Id": str(number)})
    after = {tuple(sorted(each.labels.items())) for family in families(client) for each in family.samples}
    new = {dict(labels)["route"] for labels in after - before}
    assert new <= {"/v1/collections/{name}/documents/{id}", "/health", "/live", "other", "/metrics"}


def test_what_is_kept_is_counted(tmp_path: Path) -> None:
    with whole(tmp_path) as client:
        assert value(client, "vectorspace_documents") == 0
        use(client)
        assert value(client, "vectorspace_collections") == 1
        assert value(client, "vectorspace_documents") == 2
        assert value(client, "vectorspace_passages") > 2
        on_disk = sum((tmp_path / name).stat().st_size for name in ("ledger.sqlite", "ledger.sqlite-wal"))
        assert value(client, "vectorspace_ledger_bytes") == on_disk
        client.delete("/v1/collections/notes")
        assert value(client, "vectorspace_documents") == value(client, "vectorspace_collections") == 0


def test_how_the_index_stands(start: Start, store: MemoryStore) -> None:
    store.state = IndexState("rebuilding", 7, "its files were damaged", rebuilds=2)
    client = start()
    assert value(client, "vectorspace_index_behind_changes") == 7
    assert value(client, "vectorspace_index_rebuilds_total") == 2
    states = {state: value(client, "vectorspace_index_state", state=state) for state in ("ready", "rebuilding")}
    assert states == {"ready": 0, "rebuilding": 1}


def test_a_store_that_fails_takes_only_its_own_numbers_along(
    start: Start, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> Totals:
        raise StorageFull("no space left on device")

    client = start()
    monkeypatch.setattr(store, "totals", full)
    names = {family.name for family in families(client)}
    assert "vectorspace_documents" not in names
    assert "vectorspace_http_requests" in names


def test_the_build_says_what_it_is(client: TestClient) -> None:
    labels = {"version": __version__, "model": "fake-model", "precision": "fp32"}
    assert value(client, "vectorspace_build_info", **labels) == 1


def test_the_process_is_this_one(client: TestClient) -> None:
    assert 0 < value(client, "process_start_time_seconds") <= time.time() + 1
    assert 10e6 < value(client, "process_resident_memory_bytes") < value(client, "process_virtual_memory_bytes")
    assert 0 < value(client, "process_open_fds") <= value(client, "process_max_fds")
    spent_s = value(client, "process_cpu_seconds_total")
    assert 0 < spent_s <= time.process_time()
    assert value(client, "process_cpu_seconds_total") > spent_s


def test_a_scrape_sees_itself_under_way(client: TestClient) -> None:
    assert value(client, "vectorspace_http_requests_in_flight") == 1
