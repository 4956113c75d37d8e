"""The image on a real PostgreSQL: the driver works on musl, and two containers share what they keep."""

import json
import socket
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.container.image.conftest import StartContainer
from tests.store.cluster import PASSWORD, Cluster

NOTES = "/v1/collections/notes"
DOCUMENTS = [
    {"id": "cat", "text": "A cat sleeps on the warm windowsill.", "metadata": {"kind": "animal"}},
    {"id": "rates", "text": "The central bank raised interest rates again.", "metadata": {"kind": "money"}},
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    cluster = Cluster()
    yield cluster
    cluster.close()


def ask(port: int, method: str, path: str, body: object) -> Any:
    content = {"Content-Type": "application/json"}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), content, method=method
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def test_two_containers_share_what_they_keep(start: StartContainer, cluster: Cluster) -> None:
    url, ports, containers = cluster.database(), [], []
    for _ in range(2):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            ports.append(free.getsockname()[1])
        # The host's network, where the database listens; no volume: nothing is kept in the container.
        options = ("--network", "host", "--read-only", "--cap-drop", "ALL")
        containers.append(start(*options, "--env", f"PORT={ports[-1]}", "--env", f"DATABASE_URL={url}"))
    for container in containers:
        container.wait_ready()
    ask(ports[0], "PUT", NOTES, {})
    ask(ports[0], "POST", f"{NOTES}/documents", {"documents": DOCUMENTS})
    for mode, query in (("semantic", "a sleeping kitten"), ("keyword", "windowsill"), ("hybrid", "a sleeping kitten")):
        assert ask(ports[1], "POST", f"{NOTES}/search", {"query": query, "mode": mode})["hits"][0]["id"] == "cat"
    for container in containers:
        assert container.stop() == 0
        assert PASSWORD not in container.logs()
