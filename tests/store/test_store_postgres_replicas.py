"""Three replicas on one database, writing the same documents and others at once, and killed while they do.

All of it twice: with a connection of its own for each of theirs, and with a few that a pooler gives to all of them.
"""

import asyncio
import multiprocessing
import random
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import numpy as np
import pytest

from app.errors import CollectionNotFound, VectorSpaceError
from app.store.filters import parse
from app.store.postgres.address import Address
from app.store.postgres.migration import migrate
from app.store.postgres.store import PostgresStore
from app.store.store import Query, Space
from tests.store.opening import cluster, pooler
from tests.store.pooler import CONNECTIONS
from tests.store.writing import NAME, SPACE, made, vector

SHARED = [f"s{i}" for i in range(8)]
KILLS = 12


def opened(url: str, connections: int = 4) -> PostgresStore:
    return PostgresStore(url, max_collections=50, connections=connections, timeout_s=60, exact_below=0)


@pytest.fixture(params=["direct", "pooled"])
def url(request: pytest.FixtureRequest) -> str:
    made = cluster().database()
    return pooler().before(made) if request.param == "pooled" else made


def write(url: str, seed: int, told: Connection, rounds: int | None) -> None:
    """Three threads that write and delete documents, some of which every replica writes, and some this thread alone.

    Says ("mine", id, version) of each write of its own that was acknowledged; version 0: deleted. With `rounds` it ends
    by itself and says what went wrong.
    """
    store = opened(url)
    store.create_collection(NAME, SPACE, {})
    telling = threading.Lock()

    def tell(*what: object) -> None:
        with telling:
            told.send(what)

    def thread(number: int) -> None:
        choose = random.Random(seed * 10 + number)
        done = 0
        while rounds is None or done < rounds:
            done += 1
            version = seed * 10**6 + number * 10**5 + done
            mine = f"r{seed}t{number}d{choose.randrange(5)}"
            # In no order: two replicas have the same ones in different orders.
            names = [*choose.sample(SHARED, 5), mine]
            choose.shuffle(names)
            try:
                if choose.random() < 0.2:
                    tell("begins", mine, 0)
                    store.delete_documents(NAME, ids=names)
                    tell("mine", mine, 0)
                elif choose.random() < 0.1:
                    store.delete_documents(NAME, filter=parse({"even": True, "version": {"$lt": 0}}))
                else:
                    tell("begins", mine, version)
                    store.upsert(NAME, [made(name, version) for name in names])
                    tell("mine", mine, version)
            except VectorSpaceError as error:
                tell("failed", str(error))

    threads = [threading.Thread(target=thread, args=(number,)) for number in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    store.close()
    tell("end")


def whole(store: PostgresStore) -> dict[str, int]:
    """The versions that are there, after a look at each document: all of it is of one version. Others may write."""
    versions = {}
    for stored in store.export(NAME):
        found = stored.document
        version = int(found.metadata["version"])
        wanted = made(found.id, version)
        assert (found.text, found.metadata) == (wanted.text, wanted.metadata)
        assert [(p.start, p.end, p.key) for p in found.passages] == [(p.start, p.end, p.key) for p in wanted.passages]
        np.testing.assert_array_equal([p.vector for p in found.passages], [p.vector for p in wanted.passages])
        versions[found.id] = version
    return versions


def whole_and_counted(store: PostgresStore) -> dict[str, int]:
    """The same, and every way of looking at it says so. Nobody may write."""
    versions = whole(store)
    collection = store.collection(NAME)
    assert collection.documents == len(versions)
    assert collection.passages == sum(1 + version % 3 for version in versions.values())
    everything = store.search(NAME, Query("semantic", vector=vector("", 0, 0), limit=1000))
    assert {hit.document.document.id for hit in everything} == set(versions)
    return versions


class Replica:
    """A process that writes, and what it has said so far."""

    def __init__(self, url: str, seed: int, rounds: int | None = None) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.store.test_store_postgres_replicas"])
        self._ours, theirs = context.Pipe(duplex=False)
        self.process: BaseProcess = context.Process(target=write, args=(url, seed, theirs, rounds), daemon=True)
        self.process.start()
        theirs.close()
        self.kept: dict[str, int] = {}
        self.begun: dict[str, set[int]] = {}
        self.failures: list[str] = []
        self.words = 0

    def listen(self, words: int | None = None) -> None:
        """Hear so many words more, or all until its end."""
        try:
            while words is None or words > 0:
                what, *rest = self._ours.recv()
                self.words += 1
                words = None if words is None else words - 1
                if what == "mine":
                    self.kept[rest[0]] = rest[1]
                    self.begun.pop(rest[0], None)
                elif what == "begins":
                    self.begun.setdefault(rest[0], set()).add(rest[1])
                elif what == "failed":
                    self.failures.append(rest[0])
        except EOFError:
            pass

    def kill(self) -> None:
        self.process.kill()
        self.listen()
        self.process.join()


def test_a_pooler_is_recognised() -> None:
    url = cluster().database()
    assert not asyncio.run(migrate(Address(url))).pooled
    assert asyncio.run(migrate(Address(pooler().before(url)))).pooled


def test_an_export_that_nobody_reads_to_its_end_leaves_nothing_in_the_way(url: str) -> None:
    """Nor does one at the same time, by a replica whose driver counts its statements alike."""
    stores = [opened(url), opened(url)]
    stores[0].create_collection(NAME, SPACE, {})
    stores[0].upsert(NAME, [made(f"d{i:03}", 1) for i in range(250)])
    for _ in range(2 * CONNECTIONS):
        exports = [store.export(NAME) for store in stores]
        assert [next(export).document.id for export in exports] == ["d000", "d000"]
        exports.clear()
    assert [each.document.id for each in stores[1].export(NAME)] == [f"d{i:03}" for i in range(250)]
    for store in stores:
        store.close()


def test_replicas_that_write_the_same_documents_never_stand_in_each_others_way(url: str) -> None:
    replicas = [Replica(url, seed, rounds=30) for seed in (1, 2, 3)]
    for replica in replicas:
        replica.listen()
        replica.process.join()
        assert replica.process.exitcode == 0
        assert replica.failures == []
    (deadlocks,) = cluster().execute("SELECT sum(deadlocks) FROM pg_stat_database")[0]
    assert deadlocks == 0
    store = opened(url)
    versions = whole_and_counted(store)
    for replica in replicas:
        for name, version in replica.kept.items():
            assert versions.get(name, 0) == version
    store.close()


def test_replicas_that_are_killed_lose_nothing_that_was_acknowledged(url: str) -> None:
    """What was under way has come to be as a whole, or not at all."""
    choose, kept = random.Random(5), dict[str, int]()
    begun: dict[str, set[int]] = {}
    replicas = [Replica(url, seed) for seed in (1, 2, 3)]
    judge = opened(url)
    try:
        for seed in range(4, 4 + KILLS):
            victim = choose.randrange(3)
            replicas[victim].listen(choose.randrange(5, 40))
            replicas[victim].kill()
            kept |= replicas[victim].kept
            for name, versions in replicas[victim].begun.items():
                begun.setdefault(name, set()).update(versions)
            assert replicas[victim].failures == []
            whole(judge)
            replicas[victim] = Replica(url, seed)
    finally:
        for replica in replicas:
            replica.kill()
    for replica in replicas:
        kept |= replica.kept
        for name, versions in replica.begun.items():
            begun.setdefault(name, set()).update(versions)
    # A backend whose client is gone ends when it has answered it.
    name = url.rpartition("/")[2]
    busy = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'vectorspace' AND state <> 'idle'"
    while cluster().execute(f"{busy} AND datname = '{name}'")[0][0]:
        pass
    found = whole_and_counted(judge)
    for name, version in kept.items():
        assert found.get(name, 0) in {version} | begun.get(name, set())
    judge.close()
    assert len(kept) > KILLS


def test_collections_are_made_and_deleted_by_all_at_once(url: str) -> None:
    """There are never more than there may be, a name is one collection, and what is being read goes when it is read."""
    stores = [PostgresStore(url, max_collections=5, connections=3, timeout_s=60) for _ in range(3)]
    barrier = threading.Barrier(6)
    made_new: list[str] = []
    refused: list[str] = []

    def make(store: PostgresStore, first: int) -> None:
        barrier.wait()
        for number in range(first, first + 4):
            try:
                _, new = store.create_collection(f"c{number}", Space("m", 3), {})
                if new:
                    made_new.append(f"c{number}")
            except VectorSpaceError as error:
                refused.append(error.code)

    threads = [threading.Thread(target=make, args=(stores[i % 3], 2 * (i // 3))) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = [each.name for each in stores[0].collections()]
    assert sorted(made_new) == names
    assert len(names) == 5
    assert set(refused) == {"too_many_collections"}
    for store in stores:
        store.close()


def test_a_collection_that_is_being_exported_is_deleted_at_once_and_its_tables_later(url: str) -> None:
    store, other = opened(url), opened(url)
    store.create_collection(NAME, SPACE, {})
    store.upsert(NAME, [made(f"d{i}", 1) for i in range(250)])
    export: Iterator[object] = store.export(NAME)
    next(export)
    other.delete_collection(NAME)
    with pytest.raises(CollectionNotFound):
        store.collection(NAME)
    assert other.create_collection(NAME, SPACE, {})[0].documents == 0
    assert len(list(export)) == 249

    def tables() -> int:
        sql = "SELECT count(*) FROM pg_tables WHERE schemaname = 'vectorspace' AND tablename ~ '^(documents|passages)_'"
        return int(cluster().execute(sql, url=url)[0][0])

    assert tables() == 4
    other.delete_collection(NAME)
    assert tables() == 0
    store.close()
    other.close()
