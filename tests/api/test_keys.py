"""The key, asked for by the head of every request but the open ones, whatever its body is."""

import json
import logging
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.types import Message

from app.api.application import build_api
from app.api.auth import OPEN
from app.api.routes import Routes
from app.observability.logging import JsonFormatter
from tests.api.conftest import Start

ALL = [(method, known.template) for known in Routes(build_api().routes)._all for method in sorted(known.methods)]
CLOSED = [each for each in ALL if each not in OPEN and each != ("HEAD", "/openapi.json")]


@pytest.fixture
def locked(start: Start) -> TestClient:
    return start(api_key="secret")


def filled(template: str) -> str:
    return template.replace("{name}", "main.js" if template.startswith("/web") else "notes").replace("{id}", "a")


def by_its_head(client: TestClient, method: str, path: str) -> tuple[int, dict[str, str], Any]:
    """Status, headers and body of the answer to a request whose body must not be asked for."""
    messages: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("the body was asked for")

    async def send(message: Message) -> None:
        messages.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"7800000"), (b"x-request-id", b"t-1")],
        "state": dict(client.app_state),
    }
    assert client.portal is not None
    client.portal.call(client.app, scope, receive, send)
    headers = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
    return messages[0]["status"], headers, json.loads(messages[1]["body"])


@pytest.mark.parametrize(("method", "template"), CLOSED)
def test_without_it_nothing_of_a_body_is_read(
    locked: TestClient, caplog: pytest.LogCaptureFixture, method: str, template: str
) -> None:
    caplog.set_level(logging.INFO)
    status, headers, body = by_its_head(locked, method, filled(template))
    assert status == 401
    assert (headers["www-authenticate"], headers["x-request-id"]) == ("Bearer", "t-1")
    assert headers["x-content-type-options"] == "nosniff"
    assert "total;dur=" in headers["server-timing"]
    said = body.get("detail") or body["error"]
    assert "needs a key" in (said["message"] if isinstance(said, dict) else said)
    (line,) = [JsonFormatter().format(record) for record in caplog.records if record.name == "app.requests"][-1:]
    assert {"method": method, "route": template, "status": 401}.items() <= json.loads(line).items()
    counted = f'vectorspace_http_requests_total{{route="{template}",method="{method}",status="401"}}'
    assert counted in locked.get("/metrics", headers={"X-API-Key": "secret"}).text


def test_each_shape_says_so_in_its_own_words(locked: TestClient) -> None:
    for path, kind in (("/v1/embeddings", "authentication_error"), ("/embed", "Unauthorized"), ("/", "Unauthorized")):
        answer = locked.post(path, content=b"{", headers={"Content-Type": "application/json"})
        assert answer.status_code == 401
        error = answer.json()
        assert kind == (error["error_type"] if "error_type" in error else error["error"]["type"])
    answer = locked.post("/v1/passages", content=b"{", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


@pytest.mark.parametrize(("method", "template"), sorted(OPEN))
def test_what_is_open_needs_none(locked: TestClient, method: str, template: str) -> None:
    assert (method, template) in ALL
    for headers in ({}, {"X-API-Key": "wrong"}):
        assert locked.request(method, filled(template), headers=headers).status_code == 200
        assert locked.head(filled(template), headers=headers).status_code == 200


def test_an_address_without_a_route_is_no_secret(locked: TestClient) -> None:
    statuses = [
        locked.request(method, path).status_code
        for method, path in (
            ("GET", "/nowhere"),
            ("POST", "/v1/collections/"),
            ("GET", "/web/none.js"),
            ("PUT", "/health"),
            ("DELETE", "/v1/embeddings"),
            ("OPTIONS", "/v1/embeddings"),
        )
    ]
    assert statuses == [404, 404, 404, 405, 405, 405]


def test_with_it_everything_is_let_in(locked: TestClient) -> None:
    for method, template in CLOSED:
        assert locked.request(method, filled(template), headers={"X-API-Key": "secret"}).status_code != 401
