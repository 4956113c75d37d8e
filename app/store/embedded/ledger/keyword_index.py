"""The keyword index in the ledger: one FTS5 table a collection, whose rows are passages and which keeps no text.

A table has no text of its own (`content=''`): a row is taken out with the very text it was put in with, which follows
from the document's. One table a collection, so that how rare a word is does not depend on its neighbours.

source  https://www.sqlite.org/fts5.html#contentless_tables
"""

import json
import sqlite3
from collections.abc import Iterable

from app.store.embedded.ledger.sql_filters import translate
from app.store.filters import Filter
from app.store.fusion import Found
from app.store.keyword import expression

# A word that more than half of the passages hold weighs nothing (BM25's weight would be negative, FTS5 puts 1e-6).
# Leaving it out saves ranking nearly everything; in a small collection there is nothing to save.
COMMON_FROM_PASSAGES = 2000


def table(collection: int) -> str:
    return f"keyword_{collection}"


def create(connection: sqlite3.Connection, collection: int) -> None:
    # The tokenizer only takes apart at spaces what `keyword.document_text` has put together.
    connection.execute(f"CREATE VIRTUAL TABLE {table(collection)} USING fts5(tokens, content='', tokenize='ascii')")
    connection.execute(f"CREATE VIRTUAL TABLE {table(collection)}_words USING fts5vocab({table(collection)}, row)")


def drop(connection: sqlite3.Connection, collection: int) -> None:
    connection.execute(f"DROP TABLE IF EXISTS {table(collection)}_words")
    connection.execute(f"DROP TABLE IF EXISTS {table(collection)}")


def add(connection: sqlite3.Connection, collection: int, rows: Iterable[tuple[int, str]]) -> None:
    """rows: (passage's key, its tokens by `keyword.document_text`); those without a token are left out."""
    connection.executemany(
        f"INSERT INTO {table(collection)}(rowid, tokens) VALUES (?, ?)",  # noqa: S608  the name is a number
        ((key, tokens) for key, tokens in rows if tokens),
    )


def remove(connection: sqlite3.Connection, collection: int, rows: Iterable[tuple[int, str]]) -> None:
    """rows: as they were given to `add`."""
    name = table(collection)
    connection.executemany(
        f"INSERT INTO {name}({name}, rowid, tokens) VALUES ('delete', ?, ?)",  # noqa: S608  the name is a number
        ((key, tokens) for key, tokens in rows if tokens),
    )


def find(
    connection: sqlite3.Connection,
    collection: int,
    tokens: list[str],
    limit: int,
    filter: Filter | None,
) -> list[Found]:
    """The best passages with any of the tokens by BM25; equal ones by key."""
    name = table(collection)
    passing, parameters = "", list[object]()
    if filter is not None:
        condition, parameters = translate(filter, collection)
        passing = (
            "AND rowid IN (SELECT p.key FROM documents d JOIN passages p ON p.document = d.key "  # noqa: S608
            f"WHERE d.collection = ? AND ({condition}))"
        )
        parameters = [collection, *parameters]
    # Sorted and cut before the join: a common word is in many more passages than are wanted. And all in one row:
    # between rows the interpreter's lock changes hands, for which the ranking by meaning beside us would wait.
    sql = (
        "SELECT json_group_array(json_array(p.key, p.document, best.score)) FROM "  # noqa: S608
        f"(SELECT rowid, bm25({name}) AS score FROM {name} WHERE {name} MATCH ? {passing} "
        "ORDER BY score, rowid LIMIT ?) best JOIN passages p ON p.key = best.rowid"
    )
    (rows,) = connection.execute(sql, (expression(tokens), *parameters, limit)).fetchone()
    # FTS5 has the better the lesser: https://www.sqlite.org/fts5.html#the_bm25_function
    found = [Found(key, document, -score) for key, document, score in json.loads(rows)]
    return sorted(found, key=lambda each: (-each.score, each.key))


def without_common(connection: sqlite3.Connection, collection: int, tokens: list[str], passages: int) -> list[str]:
    """The tokens that tell passages apart: without those that more than half of them hold, and that none does."""
    if passages < COMMON_FROM_PASSAGES:
        return tokens
    sql = f"SELECT doc FROM {table(collection)}_words WHERE term = ?"  # noqa: S608  the name is a number
    kept = []
    for token in tokens:
        found = connection.execute(sql, (token,)).fetchone()
        if found and found[0] * 2 <= passages:
            kept.append(token)
    return kept
