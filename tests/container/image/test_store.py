"""The store in the image, on a volume: what was acknowledged is there after a restart, a kill and a new container."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.container.image.conftest import StartContainer, fresh_volume
from tests.container.image.engine import Container, docker

DOCUMENTS = [
    {"id": "cat", "text": "A cat sleeps on the warm windowsill.", "metadata": {"kind": "animal"}},
    {"id": "rates", "text": "The central bank raised interest rates again.", "metadata": {"kind": "money"}},
    {"id": "soup", "text": "Simmer the onions before you add the stock.", "metadata": {"kind": "food"}},
]


def found(container: Container, query: str, **more: object) -> list[str]:
    """Ids of the documents that a search finds, best first."""
    answer = container.post("/v1/collections/notes/search", {"query": query, **more})
    return [hit["id"] for hit in answer["hits"]]


def put(container: Container, path: str) -> None:
    request = urllib.request.Request(container.url() + path, b"{}", {"Content-Type": "application/json"}, method="PUT")
    with urllib.request.urlopen(request, timeout=30):
        pass


def searches(container: Container) -> list[Any]:
    """The same questions in every mode, with and without a filter."""
    return [
        found(container, "a sleeping kitten", mode="semantic")[0],
        found(container, "interest", mode="keyword"),
        found(container, "cooking broth")[0],
        found(container, "a sleeping kitten", filter={"kind": {"$ne": "animal"}}).count("cat"),
    ]


EXPECTED = ["cat", ["rates"], "soup", 0]


@pytest.fixture
def options(volume: str) -> tuple[str, ...]:
    return ("--read-only", "--cap-drop", "ALL", "--volume", f"{volume}:/data", "--publish", "127.0.0.1::8000")


def test_documents_outlive_restart_kill_and_container(start: StartContainer, options: tuple[str, ...]) -> None:
    first = start(*options)
    first.wait_ready()
    put(first, "/v1/collections/notes")
    first.post("/v1/collections/notes/documents", {"documents": DOCUMENTS})
    assert searches(first) == EXPECTED

    docker("restart", first.name)
    first.wait_ready()
    assert searches(first) == EXPECTED

    first.post(
        "/v1/collections/notes/documents", {"documents": [{"id": "late", "text": "A tram stopped in the rain."}]}
    )
    docker("kill", "--signal", "KILL", first.name)
    docker("start", first.name)
    first.wait_ready()
    assert found(first, "public transport in bad weather")[0] == "late"
    assert searches(first) == EXPECTED

    assert first.stop() == 0
    second = start(*options)
    second.wait_ready()
    assert searches(second) == EXPECTED
    assert found(second, "tram", mode="keyword") == ["late"]
    assert second.stop() == 0


def test_a_second_container_on_the_volume_is_refused(start: StartContainer, options: tuple[str, ...]) -> None:
    first = start(*options)
    first.wait_ready()
    second = start(*options)
    assert second.wait_exit() != 0
    assert "belongs to another process" in second.logs()


def test_a_full_disk_refuses_the_write_and_keeps_the_rest(start: StartContainer) -> None:
    """A data directory of 8 MB: documents go in until one is refused with 507; what was kept is found."""
    tmpfs = "/data:uid=10001,gid=10001,mode=0700,size=8m"
    container = start("--read-only", "--tmpfs", tmpfs, "--publish", "127.0.0.1::8000")
    container.wait_ready()
    put(container, "/v1/collections/notes")
    kept, status = fill(container)
    assert kept > 0
    assert status == 507
    assert found(container, "word0", mode="keyword") == ["0"]
    with urllib.request.urlopen(container.url() + "/v1/collections/notes", timeout=30) as response:
        assert json.load(response)["documents"] == kept
    assert container.stop() == 0


def fill(container: Container) -> tuple[int, int]:
    """Send batches of 100 documents with their vectors until one is refused: how many were kept, and the status."""
    for first in range(0, 100_000, 100):
        documents = [
            {"id": str(n), "text": f"word{n}", "vector": [float(n % 384 == place) for place in range(384)]}
            for n in range(first, first + 100)
        ]
        try:
            container.post("/v1/collections/notes/documents", {"documents": documents})
        except urllib.error.HTTPError as refused:
            return first, refused.code
    raise AssertionError("8 MB held 100,000 vectors")


def test_who_forgets_the_volume_is_told(start: StartContainer) -> None:
    warning = "what is kept in /data ends with this container: mount a volume there"
    with fresh_volume() as name:
        for options, told in ((("--volume", f"{name}:/data"), False), ((), True)):
            container = start("--publish", "127.0.0.1::8000", *options)
            container.wait_ready()
            container.stop()  # its log is whole then
            assert (warning in container.logs()) is told
