"""Find or make what the service needs in a database: pgvector, our schema, and its tables in this version's format."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from app.errors import DatabaseNewer, DatabaseUnusable
from app.store.postgres.address import Address
from app.store.postgres.connections import Connection, connect, is_pooled, naming
from app.store.postgres.failures import told
from app.store.postgres.schema import SCHEMA, STEPS, Step

# Names the lock that whoever migrates holds; any number will do that other users of the database do not take.
LOCK = 7_061_987_001
# Whoever hangs while it migrates is ended by the server, and whoever waits for it asks again.
PATIENCE = (
    "SET LOCAL lock_timeout = 10000; SET LOCAL idle_in_transaction_session_timeout = 60000; "
    "SET LOCAL statement_timeout = 0"
)
# FETCH FIRST … WITH TIES is of 13, which its makers no longer keep.
OLDEST_SERVER = 14
# Iterative scans of an index, and half precision.
OLDEST_PGVECTOR = (0, 8)


@dataclass(frozen=True)
class Found:
    """What was found there.

    search_path  our schema's and pgvector's, quoted
    vectors_in   pgvector's schema, by its plain name
    pooled       a pooler stands between
    """

    search_path: str
    vectors_in: str
    pooled: bool


async def migrate(address: Address, steps: Sequence[Step] = STEPS) -> Found:
    """Bring the database to format `len(steps)`, in one transaction: all of the steps that it lacks, or none.

    Several processes may come at once: one does it, the others wait and find it done.
    raises  DatabaseAway; DatabaseNewer; DatabaseUnusable, with what is missing
    """
    async with naming(address):
        connection = await connect(address, None, pooled=True)  # as long as it is not known, as if it were
        try:
            pooled = await is_pooled(connection)
            await _check_server(connection, address)
            await connection.execute(f"BEGIN; {PATIENCE}")
            await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
            vectors_in = await _pgvector(connection, address)
            search_path = await connection.fetchval("SELECT format('%I, %I', $1::text, $2::text)", SCHEMA, vectors_in)
            await _our_schema(connection, address)
            await connection.execute(f"SET LOCAL search_path = {search_path}")
            await _take_steps(connection, address, steps)
            await connection.execute("COMMIT")
            return Found(search_path, vectors_in, pooled)
        finally:
            connection.terminate()


async def _check_server(connection: Connection, address: Address) -> None:
    version = connection.get_server_version().major
    if version < OLDEST_SERVER:
        raise DatabaseUnusable(address.place, f"it is PostgreSQL {version}, and {OLDEST_SERVER} or newer is needed")
    encoding = await connection.fetchval("SHOW server_encoding")
    if encoding != "UTF8":
        raise DatabaseUnusable(address.place, f"its encoding is {encoding}: make one with ENCODING 'UTF8'")


async def _pgvector(connection: Connection, address: Address) -> str:
    """The schema that pgvector is in; it is made where that is allowed."""
    sql = (
        "SELECT n.nspname AS schema, e.extversion AS version FROM pg_extension e "
        "JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector'"
    )
    found = await connection.fetchrow(sql)
    if found is None:
        try:
            await connection.execute("CREATE EXTENSION vector")
        except asyncpg.PostgresError as error:
            remedy = "install it on the server, and have an administrator run CREATE EXTENSION vector in this database"
            raise DatabaseUnusable(address.place, f"it lacks pgvector ({told(error, address)}): {remedy}") from error
        found = await connection.fetchrow(sql)
    version = tuple(int(part) for part in re.findall(r"\d+", found["version"])[:2])
    if version < OLDEST_PGVECTOR:
        needed = ".".join(map(str, OLDEST_PGVECTOR))
        remedy = f"pgvector {found['version']} is in it, and {needed} is needed: ALTER EXTENSION vector UPDATE"
        raise DatabaseUnusable(address.place, remedy)
    return str(found["schema"])


async def _our_schema(connection: Connection, address: Address) -> None:
    # Asked for first: IF NOT EXISTS wants the right to make one even where it is there.
    if not await connection.fetchval("SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)", SCHEMA):
        try:
            await connection.execute(f"CREATE SCHEMA {SCHEMA}")
        except asyncpg.InsufficientPrivilegeError as error:
            remedy = f"have an administrator run CREATE SCHEMA {SCHEMA} AUTHORIZATION the user of DATABASE_URL"
            raise DatabaseUnusable(address.place, f"{told(error, address)}: {remedy}") from error


async def _take_steps(connection: Connection, address: Address, steps: Sequence[Step]) -> None:
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS formats (format integer PRIMARY KEY, made timestamptz NOT NULL DEFAULT now())"
    )
    found = await connection.fetchval("SELECT coalesce(max(format), 0) FROM formats")
    if found > len(steps):
        raise DatabaseNewer(address.place, found, len(steps))
    for number, step in enumerate(steps[found:], found + 1):
        await step(connection)
        await connection.execute("INSERT INTO formats (format) VALUES ($1)", number)
