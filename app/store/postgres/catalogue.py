"""The collections in the database: made, found, listed and deleted, with what they hold."""

import json
from dataclasses import dataclass
from typing import Any

from app.errors import CollectionNotFound, InvalidInput, TooManyCollections
from app.store.checks import refuse_other_space, valid, written
from app.store.postgres import tables
from app.store.postgres.connections import Connection
from app.store.postgres.schema import SCHEMA
from app.store.postgres.vectors import MOST_NUMBERS, indexed
from app.store.store import Collection, Metadata, Space, Totals

# Held while one collection is made, so that two replicas never make more than there may be.
LOCK = 7_061_987_002
SLOTS = 16
SUMS = (
    "coalesce(sum(n.documents), 0)::bigint AS documents, coalesce(sum(n.passages), 0)::bigint AS passages, "
    "coalesce(sum(n.tokens), 0)::bigint AS tokens, coalesce(sum(n.writes), 0)::bigint AS writes"
)
FOUND = f"SELECT c.*, {SUMS} FROM collections c LEFT JOIN counts n ON n.collection = c.key"  # noqa: S608  the names above


@dataclass(frozen=True)
class Row:
    """A collection and what only the database knows of it.

    key     names its tables; never given twice
    tokens  how many words its passages have, with their repetitions
    writes  how many there were to it
    """

    key: int
    collection: Collection
    tokens: int
    writes: int

    @property
    def space(self) -> Space:
        return self.collection.space


async def find(connection: Connection, name: str, made_for: Collection | None = None) -> Row:
    """raises  CollectionNotFound, also where another than `made_for` has the name by now"""
    found = await _find(connection, name)
    if found is None or (made_for is not None and found.collection.key != made_for.key):
        raise CollectionNotFound(name)
    return found


async def hold(connection: Connection, name: str, made_for: Collection | None = None) -> Row:
    """The same, and nobody deletes it before this transaction ends. raises CollectionNotFound"""
    sql = "SELECT key FROM collections WHERE name = $1 FOR KEY SHARE"
    if not _keepable(name) or await connection.fetchval(sql, name) is None:
        raise CollectionNotFound(name)
    return await find(connection, name, made_for)


async def everything(connection: Connection) -> list[Row]:
    """All of them, by name."""
    return [_row(each) for each in await connection.fetch(f"{FOUND} GROUP BY c.key ORDER BY c.name")]


async def keys_of(connection: Connection, model: str, after: int, most: int) -> list[int]:
    """The next collections of this model, by their keys."""
    sql = "SELECT key FROM collections WHERE model = $1 AND key > $2 ORDER BY key LIMIT $3"
    return [each["key"] for each in await connection.fetch(sql, model, after, most)]


async def totals(connection: Connection, size: bool) -> Totals:
    """Sums of what each writer counted; and the size of the tables and of their large values, indexes aside."""
    collections = await connection.fetchval("SELECT count(*) FROM collections")
    found = await connection.fetchrow(f"SELECT {SUMS} FROM counts n")  # noqa: S608  the names above
    size_bytes = None
    if size:
        size_bytes = await connection.fetchval(
            "SELECT coalesce(sum(pg_table_size(c.oid)), 0)::bigint FROM pg_class c "
            "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind = 'r'",
            SCHEMA,
        )
    return Totals(collections, found["documents"], found["passages"], size_bytes)


async def without_index(connection: Connection) -> list[str]:
    """The names, in order, of the collections that should have an index of vectors and have none that can be used."""
    valid = {
        each["relname"]
        for each in await connection.fetch(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "JOIN pg_am a ON a.oid = c.relam JOIN pg_index i ON i.indexrelid = c.oid "
            "WHERE n.nspname = $1 AND a.amname = 'hnsw' AND i.indisvalid",
            SCHEMA,
        )
    }
    rows = await connection.fetch("SELECT key, name, dimension FROM collections ORDER BY name")
    return [each["name"] for each in rows if indexed(each["dimension"]) and tables.index(each["key"]) not in valid]


async def create(
    connection: Connection, name: str, space: Space, metadata: Metadata, max_collections: int
) -> tuple[Row, bool]:
    """The row, and whether it is new. raises SpaceMismatch, TooManyCollections; InvalidInput, for too long vectors"""
    found = await _find(connection, name)
    if found is None:
        await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        found = await _find(connection, name)
    if found is not None:
        refuse_other_space(name, found.space, space)
        return found, False
    if space.dimension > MOST_NUMBERS:
        reason = f"PostgreSQL keeps vectors of up to {MOST_NUMBERS} dimensions, and {space.dimension} were asked for"
        raise InvalidInput(reason, param="dimension")
    if await connection.fetchval("SELECT count(*) FROM collections") >= max_collections:
        raise TooManyCollections(max_collections)
    key = await connection.fetchval(
        "INSERT INTO collections (name, model, dimension, distance, metadata, created) "
        "VALUES ($1, $2, $3, $4, $5, extract(epoch FROM clock_timestamp())) RETURNING key",
        name,
        space.model,
        space.dimension,
        space.distance,
        written(metadata),
    )
    await tables.create(connection, key, space)
    return await find(connection, name), True


async def delete(connection: Connection, name: str) -> None:
    """It is gone at once; its tables go when nobody reads them any more. raises CollectionNotFound"""
    key = None
    if _keepable(name):
        key = await connection.fetchval("DELETE FROM collections WHERE name = $1 RETURNING key", name)
    if key is None:
        raise CollectionNotFound(name)
    await connection.execute("INSERT INTO leaving (key) VALUES ($1)", key)


async def count(connection: Connection, row: Row, documents: int, passages: int, tokens: int) -> None:
    """Add to what the collection holds. The last thing that a transaction does: others may wait for its slot."""
    await connection.execute(
        "INSERT INTO counts VALUES ($1, pg_backend_pid() % $2, $3, $4, $5, 1) ON CONFLICT (collection, slot) DO UPDATE "
        "SET documents = counts.documents + excluded.documents, passages = counts.passages + excluded.passages, "
        "tokens = counts.tokens + excluded.tokens, writes = counts.writes + 1",
        row.key,
        SLOTS,
        documents,
        passages,
        tokens,
    )


async def _find(connection: Connection, name: str) -> Row | None:
    found = None
    if _keepable(name):
        found = await connection.fetchrow(f"{FOUND} WHERE c.name = $1 GROUP BY c.key", name)
    return _row(found) if found is not None else None


def _keepable(name: str) -> bool:
    return valid(name) and "\0" not in name


def _row(found: Any) -> Row:
    space = Space(found["model"], found["dimension"], found["distance"])
    key, metadata, counts = found["key"], json.loads(found["metadata"]), (found["documents"], found["passages"])
    collection = Collection(found["name"], space, metadata, found["created"], *counts, str(key))
    return Row(key, collection, found["tokens"], found["writes"])
