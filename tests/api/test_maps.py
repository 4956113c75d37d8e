"""A collection's map over HTTP: points, clusters, samples, places, and refusals."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.conftest import Start
from tests.api.test_collections import refused
from tests.fakes import FakeEmbedder

MAP = "/v1/collections/notes/map"
LAYOUTS = ("components", "neighbours")


def fill(client: TestClient, count: int = 40) -> None:
    client.put("/v1/collections/notes")
    documents = [{"id": f"d{n:02}", "text": f"text number {n}", "metadata": {"n": n}} for n in range(count)]
    assert client.post("/v1/collections/notes/documents", json={"documents": documents}).status_code == 200


@pytest.fixture(autouse=True)
def notes(client: TestClient) -> None:
    fill(client)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_document_is_a_point(client: TestClient, layout: str) -> None:
    body = client.get(MAP, params={"layout": layout}).json()
    points = body.pop("points")
    variance = body.pop("variance")
    assert body == {"layout": layout, "documents": 40, "shown": 40, "sampled": False, "clusters": 4}
    assert [point["id"] for point in points] == [f"d{n:02}" for n in range(40)]
    assert (points[7]["text"], points[7]["metadata"]) == ("text number 7", {"n": 7})
    assert set(points[0]) == {"id", "x", "y", "cluster", "text", "metadata"}
    assert {point["cluster"] for point in points} == {0, 1, 2, 3}
    assert max(max(abs(point["x"]), abs(point["y"])) for point in points) == 1
    if layout == "components":
        assert 1 > variance[0] >= variance[1] > 0
    else:
        assert variance is None


def test_components_are_the_layout_unless_another_is_asked_for(client: TestClient) -> None:
    assert client.get(MAP).json() == client.get(MAP, params={"layout": "components"}).json()
    assert client.get(MAP).json()["points"] != client.get(MAP, params={"layout": "neighbours"}).json()["points"]


def test_of_more_documents_than_the_limit_a_sample_is_shown_and_said(start: Start) -> None:
    client = start(max_map_documents=10)
    fill(client)
    for asked, shown in ((None, 10), (10, 10), (4, 4)):
        body = client.get(MAP, params={} if asked is None else {"limit": asked}).json()
        assert (body["documents"], body["shown"], body["sampled"], len(body["points"])) == (40, shown, True, shown)
        assert client.get(MAP, params={} if asked is None else {"limit": asked}).json() == body


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_empty_collection_has_no_points(client: TestClient, layout: str) -> None:
    client.put("/v1/collections/empty")
    body = client.get("/v1/collections/empty/map", params={"layout": layout}).json()
    variance = [0, 0] if layout == "components" else None
    assert body == {
        "layout": layout,
        "documents": 0,
        "shown": 0,
        "sampled": False,
        "variance": variance,
        "clusters": 0,
        "points": [],
    }
    placed = client.post("/v1/collections/empty/map/place", json={"query": "a", "layout": layout})
    assert placed.json() == {"x": 0, "y": 0}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_one_document_is_one_point(client: TestClient, layout: str) -> None:
    client.put("/v1/collections/one")
    client.post("/v1/collections/one/documents", json={"documents": [{"text": "x" * 300}]})
    (point,) = client.get("/v1/collections/one/map", params={"layout": layout}).json()["points"]
    assert (point["x"], point["y"], point["cluster"], point["text"]) == (0, 0, 0, "x" * 200)


def test_a_change_of_a_document_changes_the_map(client: TestClient) -> None:
    before = client.get(MAP).json()["points"]
    documents = [{"id": "d00", "text": "another text altogether"}]
    client.post("/v1/collections/notes/documents", json={"documents": documents})
    after = client.get(MAP).json()["points"]
    assert after[0]["text"] == "another text altogether"
    assert (after[0]["x"], after[0]["y"]) != (before[0]["x"], before[0]["y"])
    client.delete("/v1/collections/notes/documents/d00")
    assert client.get(MAP).json()["shown"] == 39


@pytest.mark.parametrize("limit", [None, 12])
def test_a_query_falls_in_the_plane_of_the_same_layout_and_limit(
    client: TestClient, embedder: FakeEmbedder, limit: int | None
) -> None:
    params: dict[str, Any] = {} if limit is None else {"limit": limit}
    for point in client.get(MAP, params=params).json()["points"][:5]:
        placed = client.post(f"{MAP}/place", json={"query": point["text"], **params})
        assert placed.json() == {"x": pytest.approx(point["x"], abs=2e-4), "y": pytest.approx(point["y"], abs=2e-4)}
        assert embedder.roles[-1] == "query"
    placed = client.post(f"{MAP}/place", json={"query": "text number 1", "layout": "neighbours", **params})
    assert max(abs(number) for number in placed.json().values()) <= 1


def test_a_query_longer_than_the_model_reads_says_so(client: TestClient) -> None:
    placed = client.post(f"{MAP}/place", json={"query": "w1 " * 30}).json()
    assert placed["truncated"] == {"tokens": 30, "kept": 16}


def test_a_collection_of_another_model_has_a_map_and_no_places(client: TestClient) -> None:
    client.put("/v1/collections/foreign", json={"model": "other", "dimension": 3, "distance": "euclidean"})
    documents = [{"id": str(n), "vector": [n, 1, 0]} for n in range(5)]
    assert client.post("/v1/collections/foreign/documents", json={"documents": documents}).status_code == 200
    assert client.get("/v1/collections/foreign/map").json()["shown"] == 5
    answer = client.post("/v1/collections/foreign/map/place", json={"query": "a"})
    assert "the model other, and fake-model is what is served here" in refused(answer, 409, "space_mismatch")


def test_vectors_of_any_size_have_a_place(client: TestClient) -> None:
    client.put("/v1/collections/wide", json={"model": "other", "dimension": 3, "distance": "dot"})
    rows = [[5e14, 5e14, 5e14], [-1e15, 0, 0], [0, 0, 0], [1.1e-15, 0, 0], [1, 2, 3]]
    documents = [{"id": str(n), "vector": row} for n, row in enumerate(rows)]
    assert client.post("/v1/collections/wide/documents", json={"documents": documents}).status_code == 200
    for layout in LAYOUTS:
        points = client.get("/v1/collections/wide/map", params={"layout": layout}).json()["points"]
        assert all(-1 <= point["x"] <= 1 and -1 <= point["y"] <= 1 for point in points)


@pytest.mark.parametrize(
    ("params", "word"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 2001}, "2001, and at most 2000 are allowed (MAX_MAP_DOCUMENTS)"),
        ({"limit": "many"}, "limit"),
        ({"layout": "spiral"}, "layout"),
    ],
)
def test_maps_that_cannot_be_drawn(client: TestClient, params: dict[str, Any], word: str) -> None:
    answer = client.get(MAP, params=params)
    assert answer.status_code == 400
    assert word in answer.text


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({}, "query"),
        ({"query": " "}, "not empty"),
        ({"query": "a", "layout": "spiral"}, "layout"),
        ({"query": "a", "limit": 2001}, "MAX_MAP_DOCUMENTS"),
        ({"query": "a" * 32769}, "32769, and at most 32768 are allowed (MAX_QUERY_CHARACTERS)"),
        ({"query": "a", "k": 1}, "k"),
    ],
)
def test_places_that_cannot_be_found(client: TestClient, body: dict[str, Any], word: str) -> None:
    answer = client.post(f"{MAP}/place", json=body)
    assert answer.status_code == 400
    assert word in answer.text


def test_an_absent_collection_is_named(client: TestClient) -> None:
    path = "/v1/collections/nowhere/map"
    assert "nowhere" in refused(client.get(path), 404, "collection_not_found")
    assert "nowhere" in refused(client.post(f"{path}/place", json={"query": "a"}), 404, "collection_not_found")


def test_a_map_needs_a_key_where_one_is_set(start: Start) -> None:
    client = start(api_key="secret")
    assert client.get(MAP).status_code == 401
    assert client.post(f"{MAP}/place", json={"query": "a"}).status_code == 401


def test_the_answer_says_how_long_drawing_took_where_it_was_drawn(client: TestClient) -> None:
    assert "map;dur=" in client.get(MAP).headers["server-timing"]
    assert "map;dur=" not in client.get(MAP).headers["server-timing"]
