"""The documents in the ledger, read: one by id, pages of them, all of them, and vectors by what was embedded."""

import json
import sqlite3
from collections.abc import Iterator, Sequence

from app.errors import DocumentNotFound
from app.store.checks import refuse_large_answer, size, valid
from app.store.cursor import after, id_in
from app.store.embedded.ledger.catalogue import Row
from app.store.embedded.ledger.columns import groups, marks, unpacked
from app.store.embedded.ledger.sql_filters import translate
from app.store.filters import Filter
from app.store.store import F32, Document, Page, Passage, Query, StoredDocument

DocumentRow = tuple[int, str, str, str, float]
COLUMNS = "d.key, d.id, d.text, d.metadata, d.updated"


def one(connection: sqlite3.Connection, row: Row, id: str, vectors: bool) -> StoredDocument:
    """raises  DocumentNotFound"""
    found = find(connection, row, id, vectors)
    if found is None:
        raise DocumentNotFound(row.collection.name, id)
    return found


def find(connection: sqlite3.Connection, row: Row, id: str, vectors: bool) -> StoredDocument | None:
    """None where there is none of this id."""
    sql = f"SELECT {COLUMNS} FROM documents d WHERE d.collection = ? AND d.id = ?"  # noqa: S608  the names above
    found = connection.execute(sql, (row.key, id)).fetchone() if valid(id) else None
    return None if found is None else _stored(connection, found, vectors)


def page(
    connection: sqlite3.Connection,
    row: Row,
    filter: Filter | None,
    cursor: str | None,
    limit: int,
    max_bytes: int | None,
) -> Page:
    """Their keys first, then one document after the other, so that no more of them is read than the page has.

    raises  InvalidCursor
    """
    condition, parameters = ("1", list[object]()) if filter is None else translate(filter, row.key)
    beyond, bound = "1", list[object]()
    if cursor is not None:
        beyond, bound = "d.id > ?", [id_in(cursor)]
    sql = f"SELECT d.key FROM documents d WHERE d.collection = ? AND {beyond} AND ({condition}) ORDER BY d.id LIMIT ?"  # noqa: S608
    keys = [key for (key,) in connection.execute(sql, (row.key, *bound, *parameters, limit + 1))]
    documents: list[StoredDocument] = []
    used = 0
    for key in keys[:limit]:
        sql = f"SELECT {COLUMNS} FROM documents d WHERE d.key = ?"  # noqa: S608  the names above
        found = connection.execute(sql, (key,)).fetchone()
        used += size(found[2], found[3])
        if documents and max_bytes is not None and used > max_bytes:
            break
        documents.append(_stored(connection, found, False))
    more = len(keys) > len(documents) and bool(documents)
    return Page(documents, after(documents[-1].document.id) if more else None)


def every(connection: sqlite3.Connection, row: Row) -> Iterator[StoredDocument]:
    """All of them with their vectors, by id."""
    sql = f"SELECT {COLUMNS} FROM documents d WHERE d.collection = ? ORDER BY d.id"  # noqa: S608  the names above
    for found in connection.execute(sql, (row.key,)):
        yield _stored(connection, found, True)


def sampled(connection: sqlite3.Connection, row: Row, limit: int) -> Iterator[StoredDocument]:
    """At most `limit` of them with their vectors, by id.

    Which ones, a multiplicative hash of the key says: multiples of the golden section, so that any number of them is
    spread evenly over the order in which the documents came (Knuth, The Art of Computer Programming 3, section 6.4).
    """
    sql = (
        "SELECT key FROM (SELECT key, id FROM documents WHERE collection = ? "
        "ORDER BY key * 2654435769 % 4294967296 LIMIT ?) ORDER BY id"
    )
    keys = [key for (key,) in connection.execute(sql, (row.key, limit))]
    for key in keys:
        sql = f"SELECT {COLUMNS} FROM documents d WHERE d.key = ?"  # noqa: S608  the names above
        yield _stored(connection, connection.execute(sql, (key,)).fetchone(), True)


def of_passages(
    connection: sqlite3.Connection, keys: Sequence[int], query: Query
) -> dict[int, tuple[StoredDocument, int, int, str]]:
    """By passage: its document without vectors, its span and its text, as far as the query includes them.

    Those that are still there. One row at a time, of which what is not included is let go.
    raises  LimitPassed
    """
    found: dict[int, tuple[StoredDocument, int, int, str]] = {}
    text = "d.text" if query.include & {"text", "passage"} else "''"
    metadata = "d.metadata" if "metadata" in query.include else "''"
    used = 0
    for some in groups(keys):
        sql = (
            f'SELECT p.key, p.start, p."end", d.id, {text}, {metadata}, d.updated '  # noqa: S608
            f"FROM passages p JOIN documents d ON d.key = p.document WHERE p.key IN ({marks(some)})"
        )
        for key, start, end, name, whole, described, updated in connection.execute(sql, some):
            kept = whole if "text" in query.include else ""
            part = whole[start:end] if "passage" in query.include else ""
            used += size(kept, part, described)
            refuse_large_answer(used, query.max_bytes)
            stored = StoredDocument(Document(name, kept, json.loads(described or "{}")), updated)
            found[key] = (stored, start, end, part)
    return found


def ids_of(connection: sqlite3.Connection, keys: Sequence[int]) -> dict[int, str]:
    """By document's key: its id; those that are still there."""
    found: dict[int, str] = {}
    for some in groups(keys):
        found.update(connection.execute(f"SELECT key, id FROM documents WHERE key IN ({marks(some)})", some))  # noqa: S608
    return found


def vectors(connection: sqlite3.Connection, model: str, keys: Sequence[bytes]) -> dict[bytes, F32]:
    """Vectors of passages that any collection of this model keeps, by the hash of what was embedded."""
    sql = (
        "SELECT p.vector FROM passages p JOIN collections c ON c.key = p.collection "
        "WHERE p.hash = ? AND p.hash <> x'' AND c.model = ? LIMIT 1"
    )
    known: dict[bytes, F32] = {}
    for key in dict.fromkeys(keys):
        found = connection.execute(sql, (key, model)).fetchone()
        if found:
            known[key] = unpacked(found[0])
    return known


def _stored(connection: sqlite3.Connection, found: DocumentRow, vectors: bool) -> StoredDocument:
    key, name, text, metadata, updated = found
    passages: tuple[Passage, ...] = ()
    if vectors:
        sql = 'SELECT start, "end", vector, hash FROM passages WHERE document = ? ORDER BY key'
        rows = connection.execute(sql, (key,))
        passages = tuple(Passage(start, end, unpacked(vector), embedded) for start, end, vector, embedded in rows)
    return StoredDocument(Document(name, text, json.loads(metadata), passages), updated)
