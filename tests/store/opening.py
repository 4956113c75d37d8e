"""How each store behind the Protocol is opened, and what the tests of all of them share."""

import atexit
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np

from app.store.chroma.store import ChromaStore
from app.store.embedded.store import EmbeddedStore
from app.store.postgres.store import PostgresStore
from app.store.store import F32, Document, IndexState, Metadata, Passage, Space, Store
from tests.store.chroma_server import ChromaServer
from tests.store.cluster import Cluster
from tests.store.pooler import Pooler

# words: keyword and hybrid search; moment: an export as of one moment; bytes: totals that say how many
Ability = Literal["words", "moment", "bytes"]
PLANE = Space("model-a", 4)


def fatal(death: BaseException) -> None:
    raise AssertionError("the index's thread died") from death


def scanned(directory: Path) -> EmbeddedStore:
    """One that never needs an index."""
    return EmbeddedStore(directory, max_collections=8, on_fatal=fatal, exact_below=10**6)


def indexed(directory: Path) -> EmbeddedStore:
    """One that has an index for a single passage."""
    return EmbeddedStore(directory, max_collections=8, on_fatal=fatal, exact_below=0, calm_s=0.05)


@cache
def cluster() -> Cluster:
    """The one that all tests share which do not stop it."""
    made = Cluster()
    atexit.register(made.close)
    return made


@cache
def pooler() -> Pooler:
    """The one before `cluster()`."""
    made = Pooler(cluster().port)
    atexit.register(made.close)
    return made


_databases: dict[Path, str] = {}


def database_of(directory: Path) -> str:
    """The URL of a database that lives as long as the directory does."""
    for gone in [each for each in _databases if not each.is_dir()]:
        cluster().drop(_databases.pop(gone))
    if directory not in _databases:
        directory.mkdir(exist_ok=True)
        _databases[directory] = cluster().database()
    return _databases[directory]


def postgres(directory: Path) -> PostgresStore:
    """One that asks its index for nothing."""
    return PostgresStore(database_of(directory), max_collections=8, connections=4, timeout_s=60, exact_below=10**6)


def postgres_indexed(directory: Path) -> PostgresStore:
    """One that asks its index for a single passage."""
    return PostgresStore(database_of(directory), max_collections=8, connections=4, timeout_s=60, exact_below=0)


@cache
def chroma_server() -> ChromaServer:
    """The one that all tests share which do not kill it."""
    made = ChromaServer()
    atexit.register(made.close)
    return made


_chroma_databases: dict[Path, str] = {}


def chroma_database_of(directory: Path) -> str:
    """The URL of a database in Chroma that lives as long as the directory does."""
    for gone in [each for each in _chroma_databases if not each.is_dir()]:
        chroma_server().drop(_chroma_databases.pop(gone))
    if directory not in _chroma_databases:
        directory.mkdir(exist_ok=True)
        _chroma_databases[directory] = chroma_server().database()
    return chroma_server().url(_chroma_databases[directory])


def chroma(directory: Path) -> ChromaStore:
    return ChromaStore(chroma_database_of(directory), max_collections=8, connections=4, timeout_s=60)


def chroma_in_parts(directory: Path) -> ChromaStore:
    """One that asks for and brings no more than a few records at once, as Chroma Cloud wants it with 300."""
    return ChromaStore(chroma_database_of(directory), max_collections=8, connections=4, timeout_s=60, most=3)


# Opened twice in the same directory, a store has what it had.
STORES: dict[str, Callable[[Path], Store]] = {
    "scanned": scanned,
    "indexed": indexed,
    "postgres": postgres,
    "postgres-indexed": postgres_indexed,
    "chroma": chroma,
    "chroma-in-parts": chroma_in_parts,
}
# What a store cannot do, by its name: tests that need it are skipped for it, and say why.
LACKS: dict[str, frozenset[Ability]] = {
    "chroma": frozenset({"words", "moment", "bytes"}),
    "chroma-in-parts": frozenset({"words", "moment", "bytes"}),
}


def vector(*numbers: float) -> F32:
    return np.array(numbers, np.float32)


def document(name: str, text: str, *vectors: F32, metadata: Metadata | None = None) -> Document:
    """One passage for each vector; the text is cut into as many parts."""
    cuts = np.linspace(0, len(text), len(vectors) + 1, dtype=int).tolist()
    passages = [
        Passage(start, end, each, f"{text}/{start}".encode())
        for start, end, each in zip(cuts[:-1], cuts[1:], vectors, strict=True)
    ]
    return Document(name, text, metadata or {}, tuple(passages))


def random_documents(count: int, dimension: int = 4, seed: int = 0) -> list[Document]:
    """d0, d1, …, of one passage each."""
    vectors = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    return [document(f"d{i}", f"word{i} of text", vectors[i], metadata={"n": i}) for i in range(count)]


def settled(store: Store, timeout_s: float = 60) -> IndexState:
    """Wait until the index is ready and holds everything."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        state = store.index_state()
        if state.state == "ready" and not state.behind:
            return state
        time.sleep(0.02)
    raise AssertionError(f"never settled: {store.index_state()}")
