"""What an address names, to the letter: dots, slashes, methods and queries never come to mean something near it."""

import pytest
from starlette.testclient import TestClient

from tests.api.test_collections import ROUTES, refused

NDJSON = {"Content-Type": "application/x-ndjson"}
NOTES = "/v1/collections/notes"
DOCUMENTS = f"{NOTES}/documents"
ALL = [
    ("GET", "/health"),
    ("GET", "/live"),
    ("GET", "/metrics"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/fake-model"),
]


@pytest.fixture(autouse=True)
def notes(client: TestClient) -> None:
    client.put(NOTES)
    client.post(DOCUMENTS, json={"documents": [{"id": "a", "text": "x"}, {"id": "b", "text": "x"}]})


def left(client: TestClient) -> list[str]:
    return [each["id"] for each in client.get(DOCUMENTS).json()["documents"]]


@pytest.mark.parametrize("id", [".", ".."])
def test_an_id_that_no_address_can_hold_is_refused(client: TestClient, id: str) -> None:
    """Clients take it out of an address: to delete it would delete the collection."""
    answer = client.post(DOCUMENTS, json={"documents": [{"id": id, "text": "x"}]})
    assert "POST …/documents/delete" in refused(answer, 400, "invalid_document")
    kept = client.post(f"{NOTES}/import", content=f'{{"id": "{id}", "text": "x"}}', headers=NDJSON)
    assert "clients take out of an address" in kept.text
    assert left(client) == ["a", "b"]


@pytest.mark.parametrize("end", ["/", "/documents/", "/documents/a%0A"])
def test_what_an_address_has_lost_deletes_nothing(client: TestClient, end: str) -> None:
    """The first two are what most clients make of `/documents/..` and `/documents/.`."""
    assert client.delete(f"{NOTES}{end}").status_code == 404
    assert left(client) == ["a", "b"]


@pytest.mark.parametrize(("method", "path"), [*ALL, *ROUTES, ("GET", DOCUMENTS)])
def test_a_slash_more_is_another_address(client: TestClient, method: str, path: str) -> None:
    """And no redirect leads to the one without it: it would copy the Host header, and say http:// behind TLS."""
    answer = client.request(method, f"{path}/", follow_redirects=False)
    assert answer.status_code in (404, 405)
    assert "location" not in answer.headers


def test_an_empty_name_is_not_found_as_any_address(client: TestClient) -> None:
    assert refused(client.get(f"{DOCUMENTS}/"), 404, "not_found") == f"GET {DOCUMENTS}/: Not Found"
    assert client.get("/v1/models/").json()["error"]["code"] == "not_found"


@pytest.mark.parametrize(
    "path",
    ["/", "/health", "/live", "/metrics", "/openapi.json", "/v1/models", "/info", NOTES, DOCUMENTS, f"{NOTES}/map"],
)
def test_head_is_get_without_its_body(client: TestClient, path: str) -> None:
    got, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (got.status_code, b"") == (200, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    assert int(head.headers["content-length"]) == pytest.approx(len(got.content), rel=0.1)  # times, and requests so far


def test_head_of_what_is_not_there_says_so_and_no_more(client: TestClient) -> None:
    for path, status in (("/v1/collections/none", 404), ("/nowhere", 404), ("/v1/embeddings", 405)):
        answer = client.head(path)
        assert (answer.status_code, answer.content) == (status, b"")
        assert int(answer.headers["content-length"]) > 0


def test_head_makes_no_export_that_nobody_reads(client: TestClient) -> None:
    answer = client.head(f"{NOTES}/export")
    assert (answer.status_code, answer.headers["allow"], answer.content) == (405, "GET", b"")


def test_head_is_logged_and_counted_as_such(client: TestClient) -> None:
    client.head("/live")
    counted = 'vectorspace_http_requests_total{route="/live",method="HEAD",status="200"} 1'
    assert counted in client.get("/metrics").text


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", NOTES, "DELETE, GET, HEAD, PUT"),
        ("PUT", DOCUMENTS, "DELETE, GET, HEAD, POST"),
        ("PUT", f"{DOCUMENTS}/delete", "DELETE, GET, HEAD, POST"),  # a document may have this id
        ("PUT", "/", "GET, HEAD, POST"),
        ("GET", "/v1/embeddings", "POST"),
        ("OPTIONS", "/health", "GET, HEAD"),
    ],
)
def test_allow_has_every_method_of_an_address(client: TestClient, method: str, path: str, allow: str) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allow)


@pytest.mark.parametrize(
    ("method", "address", "words"),
    [
        ("DELETE", f'{DOCUMENTS}?filter={{"n":1}}&ids=a', "'ids' is no parameter of this address: it takes filter, id"),
        ("DELETE", f"{DOCUMENTS}?id=a&Filter={{}}", "'Filter' is no parameter of this address: it takes filter, id"),
        ("GET", f"{DOCUMENTS}?offset=2", "'offset' is no parameter of this address: it takes cursor, filter, limit"),
        ("DELETE", f"{DOCUMENTS}/a?filter=", "'filter' is no parameter of this address: it takes none"),
        ("GET", f"{DOCUMENTS}/a?vector=true", "it takes vectors"),
        ("DELETE", f"{NOTES}?dry_run", "'dry_run' is no parameter of this address: it takes none"),
        ("GET", f"{NOTES}/map?=", "'' is no parameter of this address: it takes layout, limit"),
        ("POST", f"{NOTES}/search?limit=3", "'limit'"),
        ("POST", f"{NOTES}/ask?stream=true", "'stream'"),
        ("POST", f"{NOTES}/import?format=csv", "'format'"),
        ("GET", f"{NOTES}/export?vectors=false", "'vectors'"),
        ("POST", "/v1/passages?a=b", "'a'"),
    ],
)  # fmt: skip
def test_a_query_that_the_route_does_not_know_is_refused(
    client: TestClient, method: str, address: str, words: str
) -> None:
    """Else a slip in a name deletes more than was meant, or leafs through the same page for ever."""
    answer = client.request(method, address)
    assert words in refused(answer, 400, "unknown_parameter")
    assert answer.json()["param"] in words
    assert left(client) == ["a", "b"]


@pytest.mark.parametrize(
    ("method", "address", "words"),
    [
        ("DELETE", f'{DOCUMENTS}?filter={{"n":1}}&filter={{"m":1}}', "'filter' is given 2 times"),
        ("GET", f"{DOCUMENTS}?limit=2&limit=3&limit=3", "'limit' is given 3 times"),
        ("GET", f"{NOTES}/map?layout=components&limit=5&layout=components", "'layout' is given 2 times"),
    ],
)
def test_a_name_given_twice_is_refused_where_one_value_counts(
    client: TestClient, method: str, address: str, words: str
) -> None:
    """Else one of two conditions is none, and more is deleted than was meant."""
    answer = client.request(method, address)
    assert words in refused(answer, 400, "repeated_parameter")
    assert left(client) == ["a", "b"]
    assert client.delete(f"{DOCUMENTS}?id=a&id=b").json() == {"deleted": 2}


def test_it_is_refused_in_openais_words_as_well(client: TestClient) -> None:
    body = {"model": "fake-model", "input": "a"}
    for answer in (client.post("/v1/embeddings?api-version=1", json=body), client.get("/v1/models?limit=1")):
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unknown_parameter")
    assert client.post("/v1/embeddings?", json=body).status_code == 200


def test_probes_scrapers_and_browsers_may_ask_with_anything(client: TestClient) -> None:
    for path in ("/health", "/live", "/metrics", "/", "/web/main.js", "/openapi.json", "/info"):
        assert client.get(f"{path}?now=1").status_code == 200
    assert client.get("/nowhere?now=1").status_code == 404


@pytest.mark.parametrize("query", ["", '?filter={"n":1}', "?id=none"])
def test_a_body_that_a_delete_would_not_read_is_refused(client: TestClient, query: str) -> None:
    answer = client.request("DELETE", f"{DOCUMENTS}{query}", json={"ids": ["a"]})
    assert "POST …/documents/delete" in refused(answer, 400, "invalid_input")
    assert left(client) == ["a", "b"]
