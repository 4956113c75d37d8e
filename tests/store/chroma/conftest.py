"""A store in a real Chroma server that all tests share, one of its own, and a gate between."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.store.chroma.store import ChromaStore
from tests.store.chroma.versions import Opening
from tests.store.chroma_server import ChromaServer
from tests.store.gate import Gate
from tests.store.opening import chroma_database_of, chroma_server


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Of a database of its own in the server that all tests share."""
    return chroma_database_of(tmp_path / "data")


@pytest.fixture
def open_store() -> Iterator[Opening]:
    stores: list[ChromaStore] = []

    def opened(url: str, *, timeout_s: int = 60, most: int | None = None, token: str | None = None) -> ChromaStore:
        stores.append(ChromaStore(url, token=token, max_collections=8, connections=4, timeout_s=timeout_s, most=most))
        return stores[-1]

    yield opened
    for store in stores:
        store.close()


@pytest.fixture
def gate() -> Iterator[Callable[..., Gate]]:
    gates: list[Gate] = []

    def opened(token: str | None = None) -> Gate:
        gates.append(Gate(chroma_server().port, token=token))
        return gates[-1]

    yield opened
    for each in gates:
        each.close()


@pytest.fixture
def own() -> Iterator[ChromaServer]:
    server = ChromaServer()
    yield server
    server.close()
