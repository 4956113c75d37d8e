"""The documents in the database, read: one by id, pages of them, all of them, and vectors by what was embedded."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from app.errors import DocumentNotFound
from app.store.checks import refuse_large_answer
from app.store.cursor import after, id_in
from app.store.filters import Filter
from app.store.postgres import tables
from app.store.postgres.catalogue import Row
from app.store.postgres.connections import Connection
from app.store.postgres.json_filters import keepable, translate
from app.store.postgres.parameters import Parameters
from app.store.store import F32, Document, Page, Passage, Query, StoredDocument

COLUMNS = "d.key, d.id, d.text, d.metadata, d.updated"
# Documents that an export has in memory at once, with their vectors.
EXPORTED_AT_ONCE = 100
# More than any answer has.
ANY_BYTES = 2**62


async def one(connection: Connection, row: Row, id: str, vectors: bool) -> StoredDocument:
    """raises  DocumentNotFound"""
    sql = f"SELECT {COLUMNS} FROM {tables.documents(row.key)} d WHERE d.id = $1"  # noqa: S608
    found = await connection.fetchrow(sql, id) if keepable(id) else None
    if found is None:
        raise DocumentNotFound(row.collection.name, id)
    passages = await _passages(connection, row, [found["key"]]) if vectors else {}
    return _stored(found, passages)


async def by_id(connection: Connection, row: Row, ids: Sequence[str], vectors: bool) -> dict[str, StoredDocument]:
    """Those of them that are there."""
    keepable_ids = [each for each in ids if keepable(each)]
    if not keepable_ids:
        return {}
    sql = f"SELECT {COLUMNS} FROM {tables.documents(row.key)} d WHERE d.id = ANY($1::text[])"  # noqa: S608
    found = await connection.fetch(sql, keepable_ids)
    passages = await _passages(connection, row, [each["key"] for each in found]) if vectors else {}
    return {each["id"]: _stored(each, passages) for each in found}


async def page(
    connection: Connection, row: Row, filter: Filter | None, cursor: str | None, limit: int, max_bytes: int | None
) -> Page:
    """Of what comes after the page only ids are sent: how long a text is, PostgreSQL knows without reading it.

    raises  InvalidCursor
    """
    parameters = Parameters()
    conditions = ["true"]
    if cursor is not None:
        # No id holds U+0000, and so none is between one that does and the text before it.
        last = id_in(cursor).partition("\0")[0]
        conditions.append(f"d.id > {parameters.add(last)}::text")
    if filter is not None:
        conditions.append(f"({translate(filter, parameters)})")
    most = parameters.add(ANY_BYTES if max_bytes is None else max_bytes)
    sql = f"""
        WITH found AS (
            SELECT {COLUMNS} FROM {tables.documents(row.key)} d WHERE {" AND ".join(conditions)}
            ORDER BY d.id LIMIT {parameters.add(limit + 1)}
        ), measured AS (
            SELECT *, row_number() OVER so_far AS place,
                sum(octet_length(text) + octet_length(metadata)) OVER so_far AS bytes
            FROM found WINDOW so_far AS (ORDER BY id ROWS UNBOUNDED PRECEDING)
        ), judged AS (
            SELECT *, place <= {parameters.add(limit)}::bigint AND (place = 1 OR bytes <= {most}::bigint) AS shown
            FROM measured
        )
        SELECT key, id, updated, shown, CASE WHEN shown THEN text END AS text,
            CASE WHEN shown THEN metadata END AS metadata
        FROM judged ORDER BY id
    """  # noqa: S608
    found = await connection.fetch(sql, *parameters.values)
    documents = [_stored(each, {}) for each in found if each["shown"]]
    more = len(found) > len(documents) and bool(documents)
    return Page(documents, after(documents[-1].document.id) if more else None)


async def every(connection: Connection, row: Row) -> AsyncIterator[list[StoredDocument]]:
    """All of them with their vectors, by id, some at a time. In a transaction, which is the cursor's life."""
    sql = f"SELECT {COLUMNS} FROM {tables.documents(row.key)} d ORDER BY d.id"  # noqa: S608
    async for block in _blocks(connection, row, sql):
        yield block


async def sampled(connection: Connection, row: Row, limit: int) -> AsyncIterator[list[StoredDocument]]:
    """At most `limit` of them, in the same way; which ones, the embedded store's hash of the key says.

    The remainder comes first, so that no product is too great for a bigint.
    """
    documents = tables.documents(row.key)
    spread = f"SELECT key FROM {documents} ORDER BY key % 2147483648 * 2654435769 % 4294967296, key LIMIT $1"  # noqa: S608
    sql = f"SELECT {COLUMNS} FROM {documents} d WHERE d.key IN ({spread}) ORDER BY d.id"  # noqa: S608
    async for block in _blocks(connection, row, sql, limit):
        yield block


async def _blocks(connection: Connection, row: Row, sql: str, *values: object) -> AsyncIterator[list[StoredDocument]]:
    # The driver's own cursors name a prepared statement, which a pooler's connection would keep.
    await connection.execute(f"DECLARE exported NO SCROLL CURSOR FOR {sql}", *values)
    while found := await connection.fetch(f"FETCH {EXPORTED_AT_ONCE} FROM exported"):
        passages = await _passages(connection, row, [each["key"] for each in found])
        yield [_stored(each, passages) for each in found]


async def of_passages(
    connection: Connection, row: Row, keys: Sequence[int], query: Query
) -> dict[int, tuple[StoredDocument, int, int, str]]:
    """By passage: its document without vectors, its span and its text, as far as the query includes them.

    Where all of it is too much, only how much it is comes from the server.
    raises  LimitPassed
    """
    text = "d.text" if "text" in query.include else "''"
    metadata = "d.metadata" if "metadata" in query.include else "''"
    part = 'substr(d.text, p.start + 1, p."end" - p.start)' if "passage" in query.include else "''"
    sql = f"""
        WITH found AS (
            SELECT p.key AS passage, p.start, p."end", d.key, d.id, d.updated,
                {text} AS text, {metadata} AS metadata, {part} AS part
            FROM {tables.passages(row.key)} p JOIN {tables.documents(row.key)} d ON d.key = p.document
            WHERE p.key = ANY($1::bigint[])
        ), measured AS (
            SELECT *, (sum(octet_length(text) + octet_length(metadata) + octet_length(part)) OVER ())::bigint AS bytes
            FROM found
        )
        SELECT passage, start, "end", key, id, updated, bytes, CASE WHEN bytes <= $2::bigint THEN text END AS text,
            CASE WHEN bytes <= $2::bigint THEN metadata END AS metadata,
            CASE WHEN bytes <= $2::bigint THEN part END AS part
        FROM measured
    """  # noqa: S608
    found = await connection.fetch(sql, list(keys), ANY_BYTES if query.max_bytes is None else query.max_bytes)
    if found:
        refuse_large_answer(found[0]["bytes"], query.max_bytes)
    return {each["passage"]: (_stored(each, {}), each["start"], each["end"], each["part"]) for each in found}


async def ids_of(connection: Connection, row: Row, keys: Sequence[int]) -> dict[int, str]:
    """By document's key: its id."""
    sql = f"SELECT key, id FROM {tables.documents(row.key)} WHERE key = ANY($1::bigint[])"  # noqa: S608
    return {each["key"]: each["id"] for each in await connection.fetch(sql, list(keys))}


async def vectors(connection: Connection, collections: Sequence[int], keys: Sequence[bytes]) -> dict[bytes, F32]:
    """Vectors of passages in these collections, by the hash of what was embedded."""
    each = "SELECT DISTINCT ON (hash) hash, vector FROM {} WHERE hash = ANY($1::bytea[]) AND hash <> ''"
    sql = " UNION ALL ".join(f"({each.format(tables.passages(key))})" for key in collections)
    return {found["hash"]: found["vector"] for found in await connection.fetch(sql, list(keys))}


async def _passages(connection: Connection, row: Row, documents: Sequence[int]) -> dict[int, list[Passage]]:
    """By document's key, in their order."""
    sql = (
        f'SELECT document, start, "end", vector, hash FROM {tables.passages(row.key)} '  # noqa: S608
        "WHERE document = ANY($1::bigint[]) ORDER BY key"
    )
    passages: dict[int, list[Passage]] = {}
    for each in await connection.fetch(sql, list(documents)):
        passage = Passage(each["start"], each["end"], each["vector"], each["hash"])
        passages.setdefault(each["document"], []).append(passage)
    return passages


def _stored(found: Any, passages: Mapping[int, list[Passage]]) -> StoredDocument:
    document = Document(
        found["id"], found["text"], json.loads(found["metadata"] or "{}"), tuple(passages.get(found["key"], ()))
    )
    return StoredDocument(document, found["updated"])
