"""The collections in the ledger: their rows made, found, listed and deleted."""

import json
import sqlite3
import time
from dataclasses import dataclass
from typing import Any

from app.errors import CollectionNotFound, TooManyCollections
from app.store.checks import refuse_other_space, written
from app.store.embedded.ledger import keyword_index
from app.store.store import Collection, Metadata, Space

COLUMNS = "key, name, model, dimension, distance, metadata, created, documents, passages, indexed"


@dataclass(frozen=True)
class Row:
    """A collection and what only the ledger knows of it.

    key      names it in every other table and in the index; never given twice
    indexed  the index holds its passages up to this key
    """

    key: int
    collection: Collection
    indexed: int

    @property
    def space(self) -> Space:
        return self.collection.space


def find(connection: sqlite3.Connection, name: str, made_for: Collection | None = None) -> Row:
    """raises  CollectionNotFound, also where another than `made_for` has the name by now"""
    found = _find(connection, name)
    if found is None or (made_for is not None and found.collection.key != made_for.key):
        raise CollectionNotFound(name)
    return found


def everything(connection: sqlite3.Connection) -> list[Row]:
    """All of them, by name."""
    return where(connection, "1")


def where(connection: sqlite3.Connection, condition: str, *values: object) -> list[Row]:
    """Those for which the condition in SQL holds, by name."""
    sql = f"SELECT {COLUMNS} FROM collections WHERE {condition} ORDER BY name"  # noqa: S608  the names above, and ours
    return [_row(*each) for each in connection.execute(sql, values)]


def totals(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Collections, documents, passages: sums of what each collection counts as it is written."""
    sql = "SELECT count(*), coalesce(sum(documents), 0), coalesce(sum(passages), 0) FROM collections"
    collections, documents, passages = connection.execute(sql).fetchone()
    return collections, documents, passages


def create(
    connection: sqlite3.Connection, name: str, space: Space, metadata: Metadata, max_collections: int
) -> tuple[Row, bool]:
    """The row, and whether it is new. raises SpaceMismatch, TooManyCollections"""
    found = _find(connection, name)
    if found is not None:
        refuse_other_space(name, found.space, space)
        return found, False
    count = connection.execute("SELECT count(*) FROM collections").fetchone()[0]
    if count >= max_collections:
        raise TooManyCollections(max_collections)
    key = connection.execute(
        "INSERT INTO collections (name, model, dimension, distance, metadata, created) VALUES (?, ?, ?, ?, ?, ?)",
        (name, space.model, space.dimension, space.distance, written(metadata), time.time()),
    ).lastrowid
    assert key is not None
    keyword_index.create(connection, key)
    return find(connection, name), True


def delete(connection: sqlite3.Connection, key: int) -> None:
    """With everything in it."""
    keyword_index.drop(connection, key)
    for table in ("removed", "fields", "passages", "documents"):
        connection.execute(f"DELETE FROM {table} WHERE collection = ?", (key,))  # noqa: S608  the names above
    connection.execute("DELETE FROM collections WHERE key = ?", (key,))


def _find(connection: sqlite3.Connection, name: str) -> Row | None:
    sql = f"SELECT {COLUMNS} FROM collections WHERE name = CAST(? AS TEXT)"  # noqa: S608  the names above
    found = connection.execute(sql, (name.encode("utf-8", "surrogatepass"),)).fetchone()
    return _row(*found) if found else None


def _row(
    key: int,
    name: str,
    model: str,
    dimension: int,
    distance: Any,
    metadata: str,
    created: float,
    documents: int,
    passages: int,
    indexed: int,
) -> Row:
    space = Space(model, dimension, distance)
    return Row(key, Collection(name, space, json.loads(metadata), created, documents, passages, str(key)), indexed)
