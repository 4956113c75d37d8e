"""Calls to Chroma keep the interpreter's lock, and with it everybody waiting: each is short."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from app.store.embedded.index.chroma import ADDED_AT_ONCE, REMOVED_AT_ONCE, ChromaIndex
from app.store.store import Space


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
