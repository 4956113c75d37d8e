"""What health checks and metrics ask a store every few seconds: no collection's metadata is read for it."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import DatabaseAway
from app.store.chroma import counted
from app.store.chroma.store import ChromaStore
from app.store.embedded.ledger.ledger import FILE
from app.store.store import Store
from tests.store.chroma_server import ChromaServer
from tests.store.gate import Gate
from tests.store.opening import (
    PLANE,
    chroma_database_of,
    chroma_server,
    cluster,
    database_of,
    postgres,
    random_documents,
    scanned,
)

SPOIL = "UPDATE collections SET metadata = 'no JSON'"


def filled(store: Store) -> None:
    for name in "ab":
        store.create_collection(name, PLANE, {"k": "v"})
        store.upsert(name, random_documents(3))


def numbers(store: Store) -> tuple[int, int, int, str]:
    totals = store.totals(size=False)
    return totals.collections, totals.documents, totals.passages, store.index_state().state


def test_the_ledger_reads_no_metadata_of_collections_without_an_index(tmp_path: Path) -> None:
    store = scanned(tmp_path)
    try:
        filled(store)
        with sqlite3.connect(tmp_path / FILE) as connection:
            connection.execute(SPOIL)
        with pytest.raises(ValueError, match="Expecting value"):
            store.collections()
        assert numbers(store) == (2, 6, 6, "ready")
    finally:
        store.close()


def test_postgres_reads_no_metadata(tmp_path: Path) -> None:
    store = postgres(tmp_path / "data")
    try:
        filled(store)
        cluster().execute(SPOIL.replace("collections", "vectorspace.collections"), url=database_of(tmp_path / "data"))
        with pytest.raises(ValueError, match="Expecting value"):
            store.collections()
        assert numbers(store) == (2, 6, 6, "ready")
    finally:
        store.close()


@pytest.fixture
def gate() -> Gate:
    return Gate(chroma_server().port)


def test_chroma_counts_again_after_a_while_or_a_write(
    tmp_path: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counted, "COUNTED_FOR_S", 3600.0)
    url = chroma_database_of(tmp_path / "data")
    store, other = (
        ChromaStore(at, max_collections=8, connections=4, timeout_s=60)
        for at in (url.replace(f":{chroma_server().port}", f":{gate.port}"), url)
    )
    try:
        filled(store)
        assert numbers(store) == (2, 6, 6, "ready")
        before = len(gate.seen)
        assert numbers(store) == (2, 6, 6, "ready")
        assert len(gate.seen) == before + 1  # whether it is there
        other.delete_documents("a", ids=["d0"])
        assert numbers(store) == (2, 6, 6, "ready")
        monkeypatch.setattr(counted, "COUNTED_FOR_S", 0.0)
        assert numbers(store) == (2, 5, 5, "ready")
        monkeypatch.setattr(counted, "COUNTED_FOR_S", 3600.0)
        writes: list[tuple[Callable[[], object], tuple[int, int, int]]] = [
            (lambda: store.upsert("a", random_documents(4)), (2, 7, 7)),
            (lambda: store.delete_documents("a", ids=["d1", "d2"]), (2, 5, 5)),
            (lambda: store.create_collection("c", PLANE, {}), (3, 5, 5)),
            (lambda: store.delete_collection("b"), (2, 2, 2)),
        ]
        for write, counts in writes:
            write()
            assert numbers(store) == (*counts, "ready")
    finally:
        store.close()
        other.close()
        gate.close()


def test_what_chroma_had_does_not_hide_that_it_is_away() -> None:
    server = ChromaServer()
    store = ChromaStore(server.url(), max_collections=8, connections=4, timeout_s=60)
    try:
        filled(store)
        assert numbers(store) == (2, 6, 6, "ready")
        server.kill()
        with pytest.raises(DatabaseAway):
            store.totals()
        server.start()
        assert numbers(store) == (2, 6, 6, "ready")
    finally:
        store.close()
        server.close()
