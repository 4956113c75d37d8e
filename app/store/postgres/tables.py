"""The two tables of a collection, with their indexes: made, and dropped once nobody reads them.

Tables of its own, since pgvector's index takes vectors of one dimension, a neighbour's words and rows cost nothing, the
planner knows each collection by itself, and deleting one is dropping two tables.
"""

import asyncpg

from app.store.postgres.connections import Connection
from app.store.postgres.vectors import index_of, indexed
from app.store.store import Space

# Neighbours of a passage in the graph, and how many are looked at for them: pgvector's own. Twice as many of these took
# half as long again to write, and found no more (0018).
HNSW = "m = 16, ef_construction = 64"
# A passage's row stays in one piece up to this, a page less its head: ranking by words takes half as long as where the
# words are kept apart and compressed.
INLINE_BYTES = 8160
# Shorter than the server's deadlock_timeout: whoever reads goes first.
PATIENCE_MS = 200


def documents(key: int) -> str:
    return f"documents_{key}"


def passages(key: int) -> str:
    return f"passages_{key}"


def index(key: int) -> str:
    return f"{passages(key)}_vector"


async def create(connection: Connection, key: int, space: Space) -> None:
    """Both tables and their indexes, for vectors of this space.

    documents  fields: what filters see; updated: seconds since 1970, by the database's clock
    passages   hash: of what was embedded; words: its tokens by `keyword.document_text` with their places; length: how
               many they are; vector: float32
    """
    await connection.execute(
        f"""
        CREATE TABLE {documents(key)} (
            key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            id text COLLATE "C" NOT NULL UNIQUE,
            text text NOT NULL,
            metadata text NOT NULL,
            fields jsonb NOT NULL,
            updated double precision NOT NULL
        );
        CREATE INDEX ON {documents(key)} USING gin (fields jsonb_path_ops);
        CREATE TABLE {passages(key)} (
            key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            document bigint NOT NULL REFERENCES {documents(key)},
            start integer NOT NULL,
            "end" integer NOT NULL,
            hash bytea NOT NULL,
            words tsvector NOT NULL,
            length integer NOT NULL,
            vector vector({space.dimension}) NOT NULL
        ) WITH (toast_tuple_target = {INLINE_BYTES});
        CREATE INDEX ON {passages(key)} (document);
        CREATE INDEX ON {passages(key)} USING hash (hash) WHERE hash <> '';
        CREATE INDEX ON {passages(key)} USING gin (words);
        """
    )
    if indexed(space.dimension):
        await connection.execute(
            f"CREATE INDEX {index(key)} ON {passages(key)} "
            f"USING hnsw ({index_of(space.distance, space.dimension)}) WITH ({HNSW})"
        )
    if space.distance == "cosine":  # what the index by cosine leaves out
        await connection.execute(
            f"CREATE INDEX {passages(key)}_zero ON {passages(key)} (key) WHERE vector_norm(vector) = 0"
        )


async def drop_one(connection: Connection) -> bool:
    """Drop the tables of a deleted collection, if there is one and nobody reads it; whether there may be more."""
    await connection.execute(f"SET LOCAL lock_timeout = {PATIENCE_MS}")
    key = await connection.fetchval("SELECT key FROM leaving ORDER BY random() LIMIT 1 FOR UPDATE SKIP LOCKED")
    if key is None:
        return False
    try:
        await connection.execute("SAVEPOINT dropping")
        await connection.execute(f"DROP TABLE IF EXISTS {passages(key)}, {documents(key)}")
    except asyncpg.LockNotAvailableError:
        await connection.execute("ROLLBACK TO SAVEPOINT dropping")
        return False
    await connection.execute("DELETE FROM leaving WHERE key = $1", key)
    return True
