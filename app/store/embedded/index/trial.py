"""Open the index in a process of its own, and compare it with the ledger: `python -m app.store.embedded.index.trial`.

A damaged HNSW file is a segmentation fault, at any call, and no exception: whoever looks first must be able to die.

usage    python -m app.store.embedded.index.trial INDEX_DIRECTORY LEDGER_FILE PARENT_PID
output   one line: what is wrong with the index; nothing where it can be used
source   https://github.com/chroma-core/chroma/issues/7238
"""

import importlib
import os
import sqlite3
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app.store.embedded.ledger.catalogue import Row, everything
from app.store.embedded.ledger.columns import unpacked
from app.store.store import F32

if TYPE_CHECKING:
    from app.store.embedded.index.chroma import ChromaIndex

# Passages whose vectors are compared, and how many of these must find themselves.
COMPARED = 256
QUERIED = 32
NEEDED = 0.5


def trouble(index: "ChromaIndex", connection: sqlite3.Connection) -> str:
    """What is wrong with the index; empty for nothing."""
    held = index.held()
    for row in everything(connection):
        if not row.indexed:
            continue
        if row.key not in held:
            return f"it lacks the collection {row.collection.name!r}"
        wrong = _wrong_with(index, connection, row)
        if wrong:
            return f"collection {row.collection.name!r}: {wrong}"
    return ""


def _wrong_with(index: "ChromaIndex", connection: sqlite3.Connection, row: Row) -> str:
    distance = index.distance(row.key)
    if distance != row.space.distance:
        return f"it compares by {distance}, not by {row.space.distance}"
    sql = "SELECT key FROM passages WHERE collection = ? AND key <= ?"
    held = index.keys(row.key)
    lacking = sum(key not in held for (key,) in connection.execute(sql, (row.key, row.indexed)))
    if lacking:
        return f"it lacks {lacking} passages"
    # Counting is what dies of a torn file.
    index.count(row.key)
    sample = _sample(connection, row)
    found = index.vectors(row.key, list(sample))
    for key, vector in sample.items():
        if key not in found or not np.allclose(_direction(found[key]), _direction(vector), atol=1e-4):
            return f"it has another vector for passage {key}"
    # A vector of zeros has no neighbours to be found among.
    askable = [(key, vector) for key, vector in sample.items() if vector.any()]
    return _blind(index, row, dict(askable[:: max(1, len(askable) // QUERIED)]))


def _blind(index: "ChromaIndex", row: Row, sample: dict[int, F32]) -> str:
    """Whether queries no longer find their own vectors, as where the graph between them is torn."""
    if row.space.distance == "dot" or not sample:
        for vector in sample.values():
            index.query(row.key, vector, 10)
        return ""
    seen = 0
    for vector in sample.values():
        nearest = index.query(row.key, vector, 1)
        held = index.vectors(row.key, nearest).values()
        seen += any(np.allclose(_direction(other), _direction(vector), atol=1e-3) for other in held)
    return "" if seen >= NEEDED * len(sample) else f"{seen} of {len(sample)} passages find themselves"


def _sample(connection: sqlite3.Connection, row: Row) -> dict[int, F32]:
    """Passages that the index should hold, spread over their keys."""
    sql = "SELECT key, vector FROM passages WHERE collection = ? AND key >= ? AND key <= ? ORDER BY key LIMIT 1"
    sample: dict[int, F32] = {}
    first = connection.execute("SELECT min(key) FROM passages WHERE collection = ?", (row.key,)).fetchone()[0] or 0
    for start in np.linspace(first, row.indexed, COMPARED, dtype=np.int64).tolist():
        found = connection.execute(sql, (row.key, start, row.indexed)).fetchone()
        if found:
            sample[found[0]] = unpacked(found[1])
    return sample


def _direction(vector: F32) -> F32:
    length = np.linalg.norm(vector)
    return vector / length if length else vector


def _die_with_parent(parent: int) -> None:
    """A killed service takes us along: the next one waits for the index, which we hold.

    The parent says itself who it is: one that was killed while we were starting is not ours any more.
    """
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)


def main() -> None:
    index, ledger = map(Path, sys.argv[1:3])
    threading.Thread(target=_die_with_parent, args=(int(sys.argv[3]),), daemon=True).start()
    connection = sqlite3.connect(ledger, timeout=60)
    connection.execute("PRAGMA query_only = ON")
    connection.execute("BEGIN")
    # After the thread has begun to watch: the import takes a second.
    opened: ChromaIndex = importlib.import_module("app.store.embedded.index.chroma").ChromaIndex(index)
    print(trouble(opened, connection), flush=True)
    opened.close()
    # Past the threads that Chroma leaves behind.
    os._exit(0)


if __name__ == "__main__":
    main()
