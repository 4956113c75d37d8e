"""What the index does not hold yet: the ledger's tail, read in batches, and how far the index has got."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.store.embedded.ledger.catalogue import Row, where
from app.store.embedded.ledger.columns import FLOAT32
from app.store.store import F32

# One batch is one call to the index, which cannot be broken off: short enough to be waited for at shutdown.
BATCH_PASSAGES = 1000
BATCH_REMOVED = 5000
# The note that counts the dead of each collection: passages that the index was told to remove. {key: count} as JSON
DEAD = "index_dead"
# The collections that the index holds, or should. The parameter: passages up to which one is scanned.
FOLLOWED = "(indexed > 0 OR passages > ?)"


class Unfit(Exception):
    """A passage's vector has not the collection's dimension: no write here leaves one, and yet one is there."""


@dataclass(frozen=True)
class Batch:
    """Changes of one collection: passages to add, their vectors (rows, dimension) float32, and passages to remove."""

    collection: int
    keys: Sequence[int]
    vectors: F32
    removed: Sequence[int]

    def __len__(self) -> int:
        return len(self.keys) + len(self.removed)


def followed(connection: sqlite3.Connection, exact_below: int) -> list[Row]:
    """The collections that the index holds, or should: a small one is scanned, and not worth the memory."""
    return where(connection, FOLLOWED, exact_below)


def next_batch(connection: sqlite3.Connection, row: Row) -> Batch:
    """What is to be applied next; empty where the index holds all. raises Unfit"""
    found = connection.execute(
        "SELECT key, vector FROM passages WHERE collection = ? AND key > ? ORDER BY key LIMIT ?",
        (row.key, row.indexed, BATCH_PASSAGES),
    ).fetchall()
    for key, vector in found:
        if len(vector) != row.space.dimension * FLOAT32.itemsize:
            numbers = len(vector) // FLOAT32.itemsize
            raise Unfit(f"its passage {key} has a vector of {numbers} numbers, and should have {row.space.dimension}")
    removed = connection.execute(
        "SELECT key FROM removed WHERE collection = ? ORDER BY key LIMIT ?", (row.key, BATCH_REMOVED)
    ).fetchall()
    vectors = np.frombuffer(b"".join(vector for _, vector in found), FLOAT32).reshape(-1, row.space.dimension)
    return Batch(row.key, [key for key, _ in found], vectors, [key for (key,) in removed])


def record(connection: sqlite3.Connection, batch: Batch) -> None:
    """The index holds this batch now."""
    if batch.keys:
        connection.execute("UPDATE collections SET indexed = ? WHERE key = ?", (batch.keys[-1], batch.collection))
    if batch.removed:
        connection.executemany("DELETE FROM removed WHERE key = ?", ((key,) for key in batch.removed))
        count = dead(connection)
        _note_dead(connection, count | {batch.collection: count.get(batch.collection, 0) + len(batch.removed)})


def dead(connection: sqlite3.Connection) -> dict[int, int]:
    """How many passages were removed from each collection's index since it was made, by the collection's key.

    They are still in there: Chroma marks them and keeps them, in memory as well.
    """
    found = connection.execute("SELECT value FROM notes WHERE name = ?", (DEAD,)).fetchone()
    return {int(key): count for key, count in json.loads(found[0]).items()} if found else {}


def forget(connection: sqlite3.Connection) -> None:
    """The index holds nothing: all is tail."""
    connection.execute("UPDATE collections SET indexed = 0")
    connection.execute("DELETE FROM removed")
    _note_dead(connection, {})


def forget_collection(connection: sqlite3.Connection, row: Row) -> None:
    """The index is to hold nothing of this collection: all of it is tail."""
    connection.execute("UPDATE collections SET indexed = 0 WHERE key = ?", (row.key,))
    forget_removed(connection, row)
    _note_dead(connection, {key: count for key, count in dead(connection).items() if key != row.key})


def _note_dead(connection: sqlite3.Connection, count: dict[int, int]) -> None:
    """Collections that are gone are left out."""
    there = {key for (key,) in connection.execute("SELECT key FROM collections")}
    kept = {key: each for key, each in count.items() if key in there}
    connection.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (DEAD, json.dumps(kept)))


def forget_small(connection: sqlite3.Connection, exact_below: int) -> None:
    """Removals from collections that the index never held need not be kept."""
    connection.execute(
        "DELETE FROM removed WHERE collection IN (SELECT key FROM collections WHERE indexed = 0 AND passages <= ?)",
        (exact_below,),
    )


def forget_removed(connection: sqlite3.Connection, row: Row) -> None:
    """Removals from a collection whose first batch is still to come: the index never held these passages."""
    connection.execute("DELETE FROM removed WHERE collection = ?", (row.key,))


def behind(connection: sqlite3.Connection, exact_below: int) -> int:
    """Changes that are committed and not in the index, over the collections that it follows.

    Asked every few seconds: nothing is read of the collections that it does not follow, nor of anybody's metadata.
    """
    changes = "(SELECT count(*) FROM passages p WHERE p.collection = c.key AND p.key > c.indexed)"
    removals = "(SELECT count(*) FROM removed r WHERE r.collection = c.key)"
    sql = f"SELECT coalesce(sum({changes} + {removals}), 0) FROM collections c WHERE {FOLLOWED}"  # noqa: S608
    return int(connection.execute(sql, (exact_below,)).fetchone()[0])


def last_key(connection: sqlite3.Connection) -> int:
    """The greatest key that any passage ever had."""
    found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'passages'").fetchone()
    return int(found[0]) if found else 0


def waits(connection: sqlite3.Connection, row: Row, key: int) -> bool:
    """Whether changes to passages up to `key` are not in the index yet."""
    sql = (
        "SELECT EXISTS (SELECT 1 FROM passages WHERE collection = ? AND key > ? AND key <= ?) "
        "OR EXISTS (SELECT 1 FROM removed WHERE collection = ? AND key <= ?)"
    )
    return bool(connection.execute(sql, (row.key, row.indexed, key, row.key, key)).fetchone()[0])


def expected(connection: sqlite3.Connection, row: Row) -> int:
    """How many passages the index should hold, once what may have been under way when it stopped is applied again."""
    sql = (
        "SELECT (SELECT count(*) FROM passages WHERE collection = ? AND key <= ?) "
        "+ (SELECT count(*) FROM removed WHERE collection = ? AND key <= ?)"
    )
    return int(connection.execute(sql, (row.key, row.indexed, row.key, row.indexed)).fetchone()[0])
