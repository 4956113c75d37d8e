"""The documents in the ledger, written: kept in place of older ones, deleted, and compared with what is there."""

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass

from app.store.checks import latest, refuse_half_pairs, same, valid, written
from app.store.embedded.ledger import keyword_index, listing
from app.store.embedded.ledger.catalogue import Row
from app.store.embedded.ledger.columns import groups, marks, packed
from app.store.embedded.ledger.sql_filters import Value, fields, translate
from app.store.filters import Filter, matches
from app.store.keyword import document_text
from app.store.store import Document


@dataclass(frozen=True)
class Prepared:
    """A document as it goes into the tables: made before the writer is locked, since folding text takes time.

    passages  (start, end, key of what was embedded, vector, tokens)
    """

    id: str
    text: str
    metadata: str
    fields: list[tuple[str, Value]]
    passages: list[tuple[int, int, bytes, bytes, str]]


def prepare(documents: Sequence[Document]) -> list[Prepared]:
    """One for each id, the last where an id comes twice.

    raises  InvalidDocument, where a text holds half a surrogate pair, which is in no file, or an integer is too great
    """
    return [_prepare(document) for document in latest(documents)]


def _prepare(document: Document) -> Prepared:
    metadata = written(document.metadata)
    refuse_half_pairs(document, metadata)
    passages = [
        (p.start, p.end, p.key, packed(p.vector), document_text(document.text[p.start : p.end]))
        for p in document.passages
    ]
    return Prepared(document.id, document.text, metadata, fields(document.id, document.metadata), passages)


def upsert(connection: sqlite3.Connection, row: Row, documents: Sequence[Prepared]) -> None:
    """Keep each in place of an older one of its id; `documents` have different ids."""
    last = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'passages'").fetchone()
    next_key, now = (last[0] if last else 0) + 1, time.time()
    passages: list[tuple[object, ...]] = []
    tokens: list[tuple[int, str]] = []
    named: list[tuple[int, str, Value, int]] = []
    for document in documents:
        key = _replace(connection, row.key, document, now)
        named += [(row.key, name, value, key) for name, value in document.fields]
        for start, end, embedded, vector, text in document.passages:
            passages.append((next_key, row.key, key, start, end, embedded, vector))
            tokens.append((next_key, text))
            next_key += 1
    connection.executemany("INSERT INTO passages VALUES (?, ?, ?, ?, ?, ?, ?)", passages)
    connection.executemany("INSERT INTO fields VALUES (?, ?, ?, ?)", named)
    keyword_index.add(connection, row.key, tokens)
    _count(connection, row.key, 0, len(passages))


def _replace(connection: sqlite3.Connection, collection: int, document: Prepared, now: float) -> int:
    """The key of the document's row, which is new or has lost everything but its key."""
    found = connection.execute(
        "SELECT key, id, text, metadata FROM documents WHERE collection = ? AND id = ?", (collection, document.id)
    ).fetchone()
    content = (document.text, document.metadata, now)
    if found is None:
        key = connection.execute(
            "INSERT INTO documents (text, metadata, updated, collection, id) VALUES (?, ?, ?, ?, ?)",
            (*content, collection, document.id),
        ).lastrowid
        assert key is not None
        _count(connection, collection, 1, 0)
        return key
    _strip(connection, collection, *found)
    connection.execute("UPDATE documents SET text = ?, metadata = ?, updated = ? WHERE key = ?", (*content, found[0]))
    return int(found[0])


def _strip(connection: sqlite3.Connection, collection: int, key: int, id: str, text: str, metadata: str) -> None:
    """Take a document's passages out, with their words and places in the index, and its metadata's fields."""
    spans = connection.execute('SELECT key, start, "end" FROM passages WHERE document = ?', (key,)).fetchall()
    keyword_index.remove(
        connection, collection, ((passage, document_text(text[start:end])) for passage, start, end in spans)
    )
    connection.executemany("INSERT INTO removed VALUES (?, ?)", ((passage, collection) for passage, _, _ in spans))
    connection.execute("DELETE FROM passages WHERE document = ?", (key,))
    connection.executemany(
        "DELETE FROM fields WHERE collection = ? AND name = ? AND value = ? AND document = ?",
        ((collection, name, value, key) for name, value in fields(id, json.loads(metadata))),
    )
    _count(connection, collection, 0, -len(spans))


def _count(connection: sqlite3.Connection, collection: int, documents: int, passages: int) -> None:
    connection.execute(
        "UPDATE collections SET documents = documents + ?, passages = passages + ? WHERE key = ?",
        (documents, passages, collection),
    )


def delete(connection: sqlite3.Connection, row: Row, ids: Sequence[str] | None, filter: Filter | None) -> int:
    """Delete those that have one of the ids (any, for None) and that the filter matches; how many there were."""
    if ids is not None:
        keys = _named(connection, row.key, ids, filter)
    else:
        assert filter is not None
        condition, parameters = translate(filter, row.key)
        sql = f"SELECT d.key FROM documents d WHERE d.collection = ? AND ({condition})"  # noqa: S608
        keys = [key for (key,) in connection.execute(sql, (row.key, *parameters))]
    for key in keys:
        # One text at a time: a filter may match more of them than there is memory for.
        sql = "SELECT id, text, metadata FROM documents WHERE key = ?"
        _strip(connection, row.key, key, *connection.execute(sql, (key,)).fetchone())
        connection.execute("DELETE FROM documents WHERE key = ?", (key,))
    _count(connection, row.key, -len(keys), 0)
    return len(keys)


def _named(connection: sqlite3.Connection, collection: int, ids: Sequence[str], filter: Filter | None) -> list[int]:
    """The keys of those that have one of the ids and that the filter matches.

    In SQL the filter would be gone through for the whole collection, with each statement again.
    """
    found: list[int] = []
    for some in groups([each for each in dict.fromkeys(ids) if valid(each)]):
        sql = f"SELECT key, metadata FROM documents WHERE collection = ? AND id IN ({marks(some)})"  # noqa: S608
        for key, metadata in connection.execute(sql, (collection, *some)):
            if filter is None or matches(filter, json.loads(metadata)):
                found.append(key)
    return found


def unchanged(connection: sqlite3.Connection, row: Row, documents: Sequence[Document]) -> list[bool]:
    """For each, whether it is kept as it is: `checks.same`."""
    return [
        (kept := listing.find(connection, row, each.id, bool(each.passages))) is not None and same(kept.document, each)
        for each in documents
    ]
