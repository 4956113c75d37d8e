"""Passages that are replaced stay in the graph, marked as dead: the index is made anew before they are most of it."""

import logging
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from app.store.embedded.ledger import tail
from app.store.embedded.ledger.ledger import FILE
from app.store.embedded.store import EmbeddedStore
from app.store.store import Query
from tests.store.opening import PLANE, fatal, random_documents, settled

KEPT, ANEW = 40, "'notes' is made anew: more of it is dead than alive"


def opened(directory: Path, calm_s: float = 0.05) -> EmbeddedStore:
    return EmbeddedStore(directory, max_collections=8, on_fatal=fatal, exact_below=20, calm_s=calm_s)


def dead_in(directory: Path) -> int:
    with closing(sqlite3.connect(directory / FILE)) as connection:
        return sum(tail.dead(connection).values())


def removed_in(directory: Path) -> int:
    with closing(sqlite3.connect(directory / FILE)) as connection:
        return int(connection.execute("SELECT count(*) FROM removed").fetchone()[0])


def finds_itself(store: EmbeddedStore, seed: int) -> bool:
    """Whether each of the documents of `seed` is the nearest to its own vector."""
    return all(
        [
            hit.document.document.id
            for hit in store.search("notes", Query("semantic", vector=each.passages[0].vector, limit=1))
        ]
        == [each.id]
        for each in random_documents(KEPT, seed=seed)
    )


def test_it_is_made_anew_when_more_is_dead_than_alive(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    store = opened(tmp_path)
    try:
        store.create_collection("notes", PLANE, {})
        for seed in range(7):
            store.upsert("notes", random_documents(KEPT, seed=seed))
            assert finds_itself(store, seed)
            settled(store)
            assert finds_itself(store, seed)
            assert dead_in(tmp_path) <= 2 * KEPT
    finally:
        store.close()
    assert caplog.text.count(ANEW) in (2, 3)


def test_the_count_of_the_dead_outlives_a_restart(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    found = []
    for seed in range(4):
        store = opened(tmp_path)
        try:
            if not seed:
                store.create_collection("notes", PLANE, {})
            settled(store)
            found.append(dead_in(tmp_path))
            store.upsert("notes", random_documents(KEPT, seed=seed))
            settled(store)
        finally:
            store.close()
    assert found == [0, 0, KEPT, 0]
    assert caplog.text.count(ANEW) == 1


def test_a_collection_that_is_deleted_takes_its_count_along(tmp_path: Path) -> None:
    store = opened(tmp_path)
    try:
        for name, times in (("notes", 2), ("others", 1)):
            store.create_collection(name, PLANE, {})
            for seed in range(times):
                store.upsert(name, random_documents(KEPT, seed=seed))
                settled(store)
        assert dead_in(tmp_path) == KEPT
        store.delete_collection("notes")
        store.delete_documents("others", ids=["d0"])
        settled(store)
        assert dead_in(tmp_path) == 1
    finally:
        store.close()


def test_what_small_collections_replace_is_not_kept_for_an_index(tmp_path: Path) -> None:
    store = opened(tmp_path)
    try:
        store.create_collection("notes", PLANE, {})
        for seed in range(3):
            store.upsert("notes", random_documents(10, seed=seed))
        deadline = time.monotonic() + 60
        while removed_in(tmp_path):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert store.collection("notes").passages == 10
    finally:
        store.close()


def test_what_was_replaced_while_it_was_small_is_not_dead_in_the_index(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It grows before the index's thread finds a calm to forget that in."""
    caplog.set_level(logging.INFO)
    monkeypatch.setattr("app.store.embedded.index.signals.MAX_WAITING", 100)
    monkeypatch.setattr(tail, "forget_small", lambda *_: None)
    store = opened(tmp_path, calm_s=10**6)
    try:
        store.create_collection("notes", PLANE, {})
        for seed in range(9):
            store.upsert("notes", random_documents(10, seed=seed))
        assert removed_in(tmp_path) == 80
        store.upsert("notes", random_documents(KEPT, seed=9))
        settled(store)
        assert (dead_in(tmp_path), removed_in(tmp_path)) == (0, 0)
        assert finds_itself(store, 9)
    finally:
        store.close()
    assert ANEW not in caplog.text
