"""The ledger's tables, as numbered steps that are only ever appended to, and the way from an older format to ours."""

import sqlite3
from collections.abc import Callable, Sequence

Step = Callable[[sqlite3.Connection], None]

# vector   float32, little-endian, as many as the collection's dimension
# updated, created   seconds since 1970
# documents.key, passages.key   grow only and are never given twice, so that the index can use them as names
FORMAT_1 = """
CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE collections (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    model TEXT NOT NULL,
    dimension INTEGER NOT NULL,
    distance TEXT NOT NULL,
    metadata TEXT NOT NULL,
    created REAL NOT NULL,
    documents INTEGER NOT NULL DEFAULT 0,
    passages INTEGER NOT NULL DEFAULT 0,
    indexed INTEGER NOT NULL DEFAULT 0  -- passages up to this key are in the index, but for those in `removed`
);

CREATE TABLE documents (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    collection INTEGER NOT NULL REFERENCES collections(key),
    id TEXT NOT NULL,
    text TEXT NOT NULL,
    metadata TEXT NOT NULL,
    updated REAL NOT NULL,
    UNIQUE (collection, id)
);

CREATE TABLE passages (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    collection INTEGER NOT NULL REFERENCES collections(key),
    document INTEGER NOT NULL REFERENCES documents(key),
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    hash BLOB NOT NULL,
    vector BLOB NOT NULL
);
CREATE INDEX passages_of_collection ON passages (collection);
CREATE INDEX passages_of_document ON passages (document);
CREATE INDEX passages_by_hash ON passages (hash) WHERE hash <> x'';

-- Metadata by value, for filters. `value` has no affinity: each keeps its kind; true is x'01', false x'00'.
CREATE TABLE fields (
    collection INTEGER NOT NULL,
    name TEXT NOT NULL,
    value NOT NULL,
    document INTEGER NOT NULL,
    PRIMARY KEY (collection, name, value, document)
) WITHOUT ROWID;

-- Passages that are gone from here and may still be in the index.
CREATE TABLE removed (
    key INTEGER PRIMARY KEY,
    collection INTEGER NOT NULL
);
CREATE INDEX removed_of_collection ON removed (collection);
"""


def _format_1(connection: sqlite3.Connection) -> None:
    for statement in _statements(FORMAT_1):
        connection.execute(statement)


STEPS: tuple[Step, ...] = (_format_1,)


def found_format(connection: sqlite3.Connection) -> int:
    """The format that the file is in; 0 for an empty one."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, steps: Sequence[Step] = STEPS) -> None:
    """Bring the file to format `len(steps)`, in one transaction: a step that fails leaves the file as it was.

    connection  in autocommit mode (isolation_level None), and the only one that writes
    """
    if found_format(connection) == len(steps):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in steps[found_format(connection) :]:
            step(connection)
        connection.execute(f"PRAGMA user_version = {len(steps)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _statements(script: str) -> list[str]:
    """A script's statements one by one: `executescript` would commit the transaction that it runs in."""
    statements, rest = [], ""
    for line in script.splitlines(keepends=True):
        rest += line
        if sqlite3.complete_statement(rest):
            statements.append(rest)
            rest = ""
    return statements
