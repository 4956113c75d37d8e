"""What the index is told, in which portions, and what is taken for damage."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.store.embedded.index.applier import Applier, IndexDamaged
from app.store.embedded.index.chroma import ADDED_AT_ONCE, REMOVED_AT_ONCE, ChromaIndex
from app.store.embedded.ledger import catalogue, contents, tail
from app.store.embedded.ledger.ledger import Ledger
from app.store.store import Document, Passage, Space


def noted(call: Callable[..., Any], sizes: list[int]) -> Callable[..., Any]:
    def noting(**arguments: Any) -> Any:
        sizes.append(len(arguments["ids"]))
        return call(**arguments)

    return noting


def test_additions_and_removals_go_a_few_at_a_time_and_all_of_them_arrive(tmp_path: Path) -> None:
    index = ChromaIndex(tmp_path)
    index.create(1, Space("m", 4))
    added, removed = list[int](), list[int]()
    collection = index._opened[1]
    collection.upsert = noted(collection.upsert, added)
    collection.delete = noted(collection.delete, removed)
    count = 2 * REMOVED_AT_ONCE + 30
    index.add(1, range(count), np.random.default_rng(3).normal(size=(count, 4)).astype(np.float32))
    assert index.keys(1) == set(range(count))
    index.remove(1, range(count - 10))
    assert index.keys(1) == set(range(count - 10, count))
    assert max(added) == ADDED_AT_ONCE
    assert max(removed) == REMOVED_AT_ONCE
    assert (sum(added), sum(removed)) == (count, count - 10)
    index.close()


def test_a_document_kept_twice_while_the_index_catches_up_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first passage is removed before it was ever added, and waits behind older removals."""
    monkeypatch.setattr(tail, "BATCH_REMOVED", 50)
    ledger, vector = Ledger(tmp_path), np.ones(2, np.float32)
    meanwhile: list[Callable[[], None]] = []

    class Busy(ChromaIndex):
        def held(self) -> set[int]:
            while meanwhile:
                meanwhile.pop()()
            return super().held()

    def keep(*ids: str) -> None:
        documents = [Document(each, "text", {}, (Passage(0, 4, vector),)) for each in ids]
        with ledger.writing() as connection:
            contents.upsert(connection, catalogue.find(connection, "c"), contents.prepare(documents))

    with ledger.writing() as connection:
        catalogue.create(connection, "c", Space("m", 2), {}, 9)
    keep(*(f"d{number}" for number in range(60)))
    index = Busy(tmp_path / "index")
    applier = Applier(ledger, index, 0, lambda: None)
    applier.catch_up()
    with ledger.writing() as connection:
        contents.delete(connection, catalogue.find(connection, "c"), [f"d{number}" for number in range(50)], None)
    meanwhile += [lambda: keep("x"), lambda: keep("x")]
    applier.catch_up()
    assert applier._difference()
    applier.verify()
    index.remove(next(iter(index.held())), [60])
    with pytest.raises(IndexDamaged, match="holds 10 of 11 passages"):
        applier.verify()
    index.close()
    ledger.close()


def test_what_was_written_before_is_read_before_anything_is_written(tmp_path: Path) -> None:
    """Else Chroma applies it a second time with the first write after the first read, all in one call."""
    calls = list[str]()

    class Noting(ChromaIndex):
        def __init__(self, directory: Path) -> None:
            super().__init__(directory)
            client = self._client
            for way in ("create_collection", "get_collection"):
                setattr(client, way, self._noting(getattr(client, way)))

        def _noting(self, opening: Callable[..., Any]) -> Callable[..., Any]:
            def opened(*names: Any, **options: Any) -> Any:
                collection = opening(*names, **options)
                for call in ("count", "upsert"):
                    setattr(collection, call, self._called(call, getattr(collection, call)))
                return collection

            return opened

        def _called(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
            def called(**arguments: Any) -> Any:
                calls.append(name)
                return call(**arguments)

            return called

    vectors = np.eye(4, dtype=np.float32)
    index = Noting(tmp_path)
    index.create(1, Space("m", 4))
    index.add(1, [1], vectors[:1])
    index.close()
    index = Noting(tmp_path)
    index.add(1, [2], vectors[1:2])
    index.close()
    assert calls == ["count", "upsert", "count", "upsert"]
