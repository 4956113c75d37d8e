"""The approximate index: Chroma's HNSW over passages' vectors, one Chroma collection for each of the ledger's.

Imported in the index's own thread or process and never at start: chromadb takes a second and 50 MB, and a service
without a large collection needs none of it.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from app.store.library import HNSW, chromadb
from app.store.store import F32, Space

# Chroma's own names of the three ways to compare.
SPACES = {"cosine": "cosine", "dot": "ip", "euclidean": "l2"}
# How many changes Chroma keeps in its own log before it writes the graph's files again. Everything since is in our
# ledger as well: a rewrite for each thousand, Chroma's default, would only make it slow.
CHANGES_PER_WRITE = 5000
# Chroma keeps the interpreter's lock for the whole of such a call, and with it everybody from an answer: additions, and
# removals, in one. A thousand additions at once took 0.85 to 1.08 s, a hundred at a time 0.96, with 0.1 s the longest.
ADDED_AT_ONCE, REMOVED_AT_ONCE = 100, 500
# Between two such calls: a request needs the lock several times, and would else wait for a call each time.
BREATH_S = 0.005
PREFIX = "collection-"


class ChromaPanicked(Exception):
    """Chroma's Rust part gave up. Its own exception is no `Exception`, and would end the thread that it reaches."""


@contextmanager
def _no_panic() -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        if type(error).__name__ == "PanicException":
            raise ChromaPanicked(str(error)) from error
        raise


class ChromaIndex:
    """The index in `directory`, made where there is none. May be used from any thread, by one process at a time."""

    @_no_panic()
    def __init__(self, directory: Path) -> None:
        # Any: its own annotations know neither its configuration as a dictionary nor `close`.
        self._client: Any = chromadb.PersistentClient(
            str(directory), chromadb.config.Settings(anonymized_telemetry=False)
        )
        self._opened: dict[int, Any] = {}

    @_no_panic()
    def held(self) -> set[int]:
        """Keys of the collections that it has."""
        names = [collection.name for collection in self._client.list_collections()]
        return {int(name.removeprefix(PREFIX)) for name in names if name.startswith(PREFIX)}

    @_no_panic()
    def create(self, collection: int, space: Space) -> None:
        hnsw = {
            "space": SPACES[space.distance],
            **HNSW,
            "sync_threshold": CHANGES_PER_WRITE,
        }
        self._opened[collection] = _read_once(
            self._client.create_collection(
                f"{PREFIX}{collection}", configuration={"hnsw": hnsw}, embedding_function=None
            )
        )

    @_no_panic()
    def drop(self, collection: int) -> None:
        self._opened.pop(collection, None)
        self._client.delete_collection(f"{PREFIX}{collection}")

    @_no_panic()
    def distance(self, collection: int) -> str:
        """How it compares, in our words."""
        space = self._open(collection).configuration["hnsw"]["space"]
        return {chroma: ours for ours, chroma in SPACES.items()}[space]

    @_no_panic()
    def count(self, collection: int) -> int:
        return int(self._open(collection).count())

    @_no_panic()
    def keys(self, collection: int) -> set[int]:
        """Keys of all passages that it has."""
        return {int(key) for key in self._open(collection).get(include=[])["ids"]}

    @_no_panic()
    def add(self, collection: int, keys: Sequence[int], vectors: F32) -> None:
        """vectors  (len(keys), dimension) float32. A key that it has is replaced."""
        for start in range(0, len(keys), ADDED_AT_ONCE):
            some = slice(start, start + ADDED_AT_ONCE)
            self._open(collection).upsert(ids=list(map(str, keys[some])), embeddings=vectors[some])
            time.sleep(BREATH_S)

    @_no_panic()
    def remove(self, collection: int, keys: Sequence[int]) -> None:
        """A key that it does not have is no error."""
        for start in range(0, len(keys), REMOVED_AT_ONCE):
            self._open(collection).delete(ids=list(map(str, keys[start : start + REMOVED_AT_ONCE])))
            time.sleep(BREATH_S)

    @_no_panic()
    def query(self, collection: int, vector: F32, count: int) -> list[int]:
        """Keys of about the `count` nearest, nearest first; fewer where it has fewer or does not find them."""
        found = self._open(collection).query(query_embeddings=vector[np.newaxis], n_results=count, include=[])
        return [int(key) for key in found["ids"][0]]

    @_no_panic()
    def vectors(self, collection: int, keys: Sequence[int]) -> dict[int, F32]:
        """The vectors that it has of these keys; in a cosine space perhaps not of the length they came with."""
        if not keys:
            return {}  # Chroma refuses to be asked for nothing
        found = self._open(collection).get(ids=list(map(str, keys)), include=["embeddings"])
        return {int(key): vector for key, vector in zip(found["ids"], found["embeddings"], strict=True)}

    @_no_panic()
    def close(self) -> None:
        """Let go of the files."""
        self._opened = {}
        self._client.close()

    def _open(self, collection: int) -> Any:
        if collection not in self._opened:
            self._opened[collection] = _read_once(
                self._client.get_collection(f"{PREFIX}{collection}", embedding_function=None)
            )
        return self._opened[collection]


def _read_once(opened: Any) -> Any:
    """The first write after the first read applies once more what came since Chroma wrote its files: 4 to 11 s for
    1,500 changes, in one call. Where the first read comes before them, there is nothing to apply.
    """
    opened.count()
    return opened
