"""The way of a database to our format: all steps or none, by one process at a time, and what it must have for that."""

import asyncio
import multiprocessing
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import DatabaseAway, DatabaseNewer, DatabaseUnusable
from app.store.postgres import migration
from app.store.postgres.address import Address
from app.store.postgres.connections import Connection
from app.store.postgres.migration import migrate
from app.store.postgres.schema import STEPS, Step
from app.store.postgres.store import PostgresStore
from app.store.store import Query
from tests.store.cluster import installation
from tests.store.opening import PLANE, cluster, document, random_documents, vector


@pytest.fixture
def url() -> str:
    return cluster().database()


async def add_colour(connection: Connection) -> None:
    await connection.execute("ALTER TABLE collections ADD COLUMN colour text NOT NULL DEFAULT 'blue'")


async def fail(connection: Connection) -> None:
    await connection.execute("DELETE FROM collections")
    raise RuntimeError("half way")


def opened(url: str) -> PostgresStore:
    return PostgresStore(url, max_collections=8, connections=2, timeout_s=60)


def formats(url: str) -> list[int]:
    return [row[0] for row in cluster().execute("SELECT format FROM vectorspace.formats ORDER BY format", url=url)]


def test_an_empty_database_takes_every_step(url: str) -> None:
    asyncio.run(migrate(Address(url)))
    assert formats(url) == list(range(1, len(STEPS) + 1))


def test_an_older_database_takes_the_steps_that_it_lacks(url: str) -> None:
    store = opened(url)
    store.create_collection("a", PLANE, {})
    store.close()
    later: tuple[Step, ...] = (*STEPS, add_colour)
    for _ in range(2):
        asyncio.run(migrate(Address(url), later))
        assert formats(url) == list(range(1, len(later) + 1))
        assert cluster().execute("SELECT name, colour FROM vectorspace.collections", url=url) == [("a", "blue")]


def test_a_replica_that_runs_goes_on_when_a_newer_one_has_changed_the_tables(url: str) -> None:
    """The driver has prepared its statements for the tables as they were."""
    older, collections = opened(url), ["a", "b", "c"]
    for name in collections:
        older.create_collection(name, PLANE, {})
    for _ in range(10):
        assert [each.name for each in older.collections()] == collections
    asyncio.run(migrate(Address(url), (*STEPS, add_colour)))
    for _ in range(10):
        assert [each.name for each in older.collections()] == collections
        older.upsert("a", [document("x", "x", vector(1, 0, 0, 0))])
    assert older.collection("a").documents == 1
    older.close()


def test_a_dump_is_a_backup(url: str, tmp_path: Path) -> None:
    """As docs/postgres.md says it, into a database that has nothing but pgvector."""
    store = opened(url)
    store.create_collection("a", PLANE, {"k": 1})
    store.upsert("a", random_documents(50))
    programs = installation() / "bin"
    dump = tmp_path / "vectorspace.dump"
    subprocess.run([programs / "pg_dump", "--format=custom", "--schema=vectorspace", "-f", dump, url], check=True)
    copy = cluster().database()
    cluster().execute("CREATE EXTENSION vector", url=copy)
    subprocess.run([programs / "pg_restore", "--exit-on-error", f"--dbname={copy}", dump], check=True)
    restored = opened(copy)
    query = Query("hybrid", "word7", vector(1, 0, 0, 0))
    assert restored.collections() == store.collections()
    assert restored.search("a", query) == store.search("a", query)
    restored.upsert("a", [document("new", "new", vector(1, 0, 0, 0))])
    assert restored.collection("a").documents == 51
    assert restored.index_state().state == "ready"
    restored.close()
    store.close()


def test_a_migration_waits_for_another_and_not_for_ever(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration, "PATIENCE", "SET LOCAL lock_timeout = 300")
    store = opened(url)

    async def hold(connection: Connection) -> None:
        await connection.execute("SELECT pg_advisory_xact_lock($1)", migration.LOCK)
        with pytest.raises(DatabaseAway, match="lock timeout"):
            await asyncio.to_thread(opened, url)

    store._connections.write(hold)
    opened(url).close()
    store.close()


def test_a_step_that_fails_leaves_everything_as_it_was(url: str) -> None:
    store = opened(url)
    store.create_collection("a", PLANE, {})
    with pytest.raises(RuntimeError, match="half way"):
        asyncio.run(migrate(Address(url), (*STEPS, add_colour, fail)))
    assert formats(url) == list(range(1, len(STEPS) + 1))
    assert [each.name for each in store.collections()] == ["a"]
    store.close()


def test_a_newer_database_is_refused_with_both_numbers(url: str) -> None:
    asyncio.run(migrate(Address(url), (*STEPS, add_colour)))
    with pytest.raises(DatabaseNewer, match=f"format {len(STEPS) + 1} .* up to {len(STEPS)}") as refused:
        opened(url)
    assert refused.value.code == "database_newer"


def migrate_at_once(url: str, ready: Callable[[], object]) -> None:
    ready()
    asyncio.run(migrate(Address(url), (*STEPS, add_colour)))


def test_three_processes_that_come_at_once_take_each_step_once(url: str) -> None:
    context = multiprocessing.get_context("forkserver")
    barrier = context.Barrier(3)
    processes = [context.Process(target=migrate_at_once, args=(url, barrier.wait)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert formats(url) == list(range(1, len(STEPS) + 2))


def test_a_database_without_pgvector_says_who_is_to_do_what(url: str) -> None:
    """Where the server does not have it, and where it does and the user may not put it into the database."""
    name = url.rpartition("/")[2]
    cluster().execute(f"ALTER DATABASE {name} SET extension_control_path = '/nowhere'")
    with pytest.raises(DatabaseUnusable, match=r"lacks pgvector .*not available.*CREATE EXTENSION vector"):
        opened(url)
    cluster().execute(f"ALTER DATABASE {name} RESET extension_control_path", "CREATE ROLE plain LOGIN PASSWORD 'plain'")
    with pytest.raises(DatabaseUnusable, match=r"lacks pgvector .*denied.*CREATE EXTENSION vector"):
        opened(url.replace("postgres:", "plain:", 1).replace(":s3cret-4f1b@", ":plain@"))


def test_a_user_with_few_rights_needs_two_things_of_an_administrator(url: str) -> None:
    cluster().execute("CREATE ROLE few LOGIN PASSWORD 'few'")
    few = url.replace("//postgres:s3cret-4f1b@", "//few:few@")
    # Where providers put it, who keep extensions apart.
    cluster().execute('CREATE SCHEMA "Extra things"', 'CREATE EXTENSION vector SCHEMA "Extra things"', url=url)
    cluster().execute('GRANT USAGE ON SCHEMA "Extra things" TO few', url=url)
    with pytest.raises(DatabaseUnusable, match="CREATE SCHEMA vectorspace AUTHORIZATION"):
        opened(few)
    cluster().execute("CREATE SCHEMA vectorspace AUTHORIZATION few", url=url)
    store = opened(few)
    store.create_collection("a", PLANE, {})
    assert store.index_state().state == "ready"
    store.close()


def test_a_pgvector_that_is_too_old_is_named(url: str) -> None:
    # No older one is at hand: what is looked at is what the catalogue says.
    cluster().execute("CREATE EXTENSION vector", "UPDATE pg_extension SET extversion = '0.6.2'", url=url)
    with pytest.raises(DatabaseUnusable, match=r"pgvector 0\.6\.2 is in it, and 0\.8 is needed: ALTER EXTENSION"):
        opened(url)


def test_a_database_of_another_encoding_is_refused() -> None:
    url = cluster().database("ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(DatabaseUnusable, match="its encoding is LATIN1"):
        opened(url)
