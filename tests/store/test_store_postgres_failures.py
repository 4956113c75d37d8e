"""A database that stops, dies, hangs or takes no writes: errors by name, nothing acknowledged lost, and it goes on."""

import asyncio
import itertools
import logging
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from app.errors import DatabaseAway, DatabaseUnusable, InvalidDocument, InvalidInput, NotReady
from app.store.filters import parse
from app.store.postgres import connections
from app.store.postgres.address import Address
from app.store.postgres.store import PostgresStore
from app.store.similarity import scores
from app.store.store import Distance, Document, Passage, Query, Space
from tests.store.cluster import PASSWORD, Cluster
from tests.store.opening import PLANE, document, vector
from tests.store.opening import cluster as shared_cluster
from tests.store.writing import NAME, SPACE, made

EAST = vector(1, 0, 0, 0)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """One of this module's own, since it is stopped and killed."""
    cluster = Cluster()
    yield cluster
    cluster.close()


@pytest.fixture
def open_store(cluster: Cluster) -> Iterator[Callable[..., PostgresStore]]:
    stores: list[PostgresStore] = []
    url = cluster.database()

    def open_store(*, at: str = url, connections: int = 4, timeout_s: int = 60, exact_below: int = 0) -> PostgresStore:
        settings = {"connections": connections, "timeout_s": timeout_s, "exact_below": exact_below}
        stores.append(PostgresStore(at, max_collections=50, **settings))
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_acknowledged_writes_survive_a_server_that_ends_in_the_midst_of_them(
    cluster: Cluster, open_store: Callable[..., PostgresStore], how: str
) -> None:
    """Again and again; what was answered with an error is sent again, as its text says that it may be."""
    store = open_store()
    store.create_collection(NAME, SPACE, {})
    done, failed = threading.Event(), threading.Event()
    kept: dict[str, int] = {}
    away: list[DatabaseAway] = []
    rounds = 5
    written = [threading.Event() for _ in range(rounds + 1)]
    current = 0

    def write(thread: int) -> None:
        for version in itertools.count(thread * 10**6):
            if done.is_set():
                return
            name = f"t{thread}d{version % 7}"
            while not failed.is_set():
                try:
                    store.upsert(NAME, [made(name, version)])
                    break
                except DatabaseAway as error:
                    away.append(error)
            kept[name] = version
            written[current].set()

    def search() -> None:
        while not done.is_set():
            try:
                for hit in store.search(NAME, Query("hybrid", "part", made("x", 1).passages[0].vector)):
                    found = hit.document.document
                    assert found.text == made(found.id, int(found.metadata["version"])).text
            except DatabaseAway as error:
                away.append(error)

    threads = [threading.Thread(target=write, args=(thread,)) for thread in range(3)]
    threads.append(threading.Thread(target=search))
    for each in threads:
        each.start()
    try:
        for current in range(rounds):
            assert written[current].wait(60)
            getattr(cluster, how)()
            cluster.start()
        current = rounds
        assert written[current].wait(60)
    except BaseException:
        failed.set()
        raise
    finally:
        done.set()
        for each in threads:
            each.join()
    found = {each.document.id: each.document for each in store.export(NAME)}
    assert {name: int(each.metadata["version"]) for name, each in found.items()} == kept
    for name, version in kept.items():
        assert found[name].text == made(name, version).text
        np.testing.assert_array_equal(
            [p.vector for p in found[name].passages], [p.vector for p in made(name, version).passages]
        )
    assert store.collection(NAME).documents == len(kept)
    assert away
    assert not any(PASSWORD in str(error) for error in away)


def test_an_export_that_loses_its_server_is_named(cluster: Cluster, open_store: Callable[..., PostgresStore]) -> None:
    store = open_store()
    store.create_collection(NAME, SPACE, {})
    store.upsert(NAME, [made(f"d{i}", 1) for i in range(250)])
    export = store.export(NAME)
    next(export)
    cluster.kill()
    with pytest.raises(DatabaseAway, match=f"127.0.0.1:{cluster.port}"):
        list(export)
    cluster.start()
    assert len(list(store.export(NAME))) == 250


def test_a_server_that_hangs_is_given_up_and_asked_again(
    cluster: Cluster, open_store: Callable[..., PostgresStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SILENT_S", "CONNECT_S", "ACQUIRE_S"):
        monkeypatch.setattr(connections, name, 1)
    store = open_store(timeout_s=1)
    store.create_collection("a", PLANE, {})
    cluster.freeze()
    try:
        for _ in range(2):  # on a connection that there was, and on a new one
            with pytest.raises(DatabaseAway, match="did not answer in time"):
                store.collections()
        with pytest.raises(DatabaseAway):
            store.upsert("a", [document("x", "x", EAST)])
    finally:
        cluster.thaw()
    store.upsert("a", [document("y", "y", EAST)])
    assert "y" in [each.document.id for each in store.documents("a").documents]


def test_a_statement_that_waits_too_long_is_ended(cluster: Cluster, open_store: Callable[..., PostgresStore]) -> None:
    store, other = open_store(timeout_s=1), open_store()
    store.create_collection("a", PLANE, {})
    store.upsert("a", [document("x", "x", EAST)])

    async def hold(connection: connections.Connection) -> None:
        await connection.execute("LOCK TABLE collections")
        with pytest.raises(DatabaseAway, match="DATABASE_TIMEOUT_S"):
            await asyncio.to_thread(store.upsert, "a", [document("x", "y", EAST)])

    other._connections.write(hold)
    store.upsert("a", [document("x", "z", EAST)])
    assert store.document("a", "x").document.text == "z"


def test_a_call_that_finds_no_connection_free_says_which_setting(
    open_store: Callable[..., PostgresStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "ACQUIRE_S", 0.2)
    store = open_store(connections=1)
    store.create_collection("a", PLANE, {})

    async def hold(_: connections.Connection) -> None:
        with pytest.raises(DatabaseAway, match=r"all 1 connections \(DATABASE_CONNECTIONS\)"):
            await asyncio.to_thread(store.collections)

    store._connections.read(hold)
    assert len(store.collections()) == 1


def test_a_server_that_takes_no_writes_is_away(cluster: Cluster, open_store: Callable[..., PostgresStore]) -> None:
    """As a standby that a URL still points to after a failover."""
    url = cluster.database()
    name = url.rpartition("/")[2]
    open_store(at=url).create_collection("a", PLANE, {})
    cluster.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(DatabaseAway, match="read-write"):
        open_store(at=url)
    cluster.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = off")
    assert len(open_store(at=url).collections()) == 1


def test_what_is_acknowledged_is_on_disk_whatever_the_database_is_set_to(
    cluster: Cluster, open_store: Callable[..., PostgresStore]
) -> None:
    url = cluster.database()
    cluster.execute(f"ALTER DATABASE {url.rpartition('/')[2]} SET synchronous_commit = off")
    store = open_store(at=url)

    async def asked(connection: connections.Connection) -> str:
        return str(await connection.fetchval("SHOW synchronous_commit"))

    assert store._connections.write(asked) == "on"
    assert cluster.execute("SHOW synchronous_commit", url=url) == [("off",)]


def test_a_commit_that_its_standby_never_gets_is_not_acknowledged(
    cluster: Cluster, open_store: Callable[..., PostgresStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where an administrator has set that one is waited for: the commit waits, and here the wait ends as an error."""
    monkeypatch.setattr(connections, "SILENT_S", 1)
    store = open_store(timeout_s=1)
    store.create_collection("a", PLANE, {})

    def set_standbys(names: str) -> None:
        cluster.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'", "SELECT pg_reload_conf()")
        while cluster.execute("SHOW synchronous_standby_names") != [(names,)]:
            pass

    set_standbys("nobody")
    try:
        with pytest.raises(DatabaseAway, match="not known whether it did: send the same again"):
            store.upsert("a", [document("x", "x", EAST)])
    finally:
        set_standbys("")
    store.upsert("a", [document("x", "x", EAST)])
    assert store.collection("a").documents == 1


def test_a_closed_store_says_so_and_its_exports_end(open_store: Callable[..., PostgresStore]) -> None:
    store = open_store()
    store.create_collection(NAME, SPACE, {})
    store.upsert(NAME, [made(f"d{i}", 1) for i in range(250)])
    export = store.export(NAME)
    next(export)
    store.close()
    with pytest.raises(NotReady, match="closed"):
        list(export)
    with pytest.raises(NotReady, match="closed"):
        store.collections()
    with pytest.raises(NotReady, match="closed"):
        store.upsert(NAME, [])


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://u:p%40w0rd@h:5432/d?sslmode=require", "h:5432/d"),
        ("postgresql://u:p%40w0rd@a:1,b:2/d", "a:1,b:2/d"),
        ("postgres://u:w0rd@[::1]:5432/d", "[::1]:5432/d"),
        ("postgresql:///d?host=/run&password=w0rd", "of this machine/d"),
    ],
)
def test_an_address_shows_where_and_hides_how(url: str, place: str) -> None:
    address = Address(url)
    assert (address.place, repr(address)) == (place, f"Address({place})")
    assert "w0rd" not in address.without_secrets("refused: p@w0rd, 'p%40w0rd'")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:s3cret/x@h/d",
        "postgresql://u:s3cret?x@h/d",
        "postgresql://u:s3cret#x@h/d",
        "postgresql://u:s3cretx℀@h/d",
        "postgresql://u:x@h:s3cret/d",
        "postgresql://h/d?password=s3cret@x",
        "postgresql://u:x@s3cret@h/d",
    ],
)
def test_an_address_that_cannot_be_read_is_refused_and_not_shown(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(DatabaseUnusable, match="of DATABASE_URL") as refused:
        Address(url)
    logging.getLogger().error("refused", exc_info=refused.value)
    assert "s3cret" not in str(refused.value) + caplog.text


@pytest.mark.parametrize("distance", ["cosine", "dot", "euclidean"])
@pytest.mark.parametrize("dimension", [2000, 2001, 4000, 4001])
def test_vectors_of_every_length_are_found(
    open_store: Callable[..., PostgresStore], dimension: int, distance: Distance
) -> None:
    """Up to 2,000 in an index of float32, up to 4,000 in one of float16, beyond that in none."""
    store = open_store()
    store.create_collection("a", Space("m", dimension, distance), {})
    vectors = np.random.default_rng(0).standard_normal((30, dimension)).astype(np.float32)
    store.upsert("a", [document(f"d{i:02}", f"text {i}", vectors[i]) for i in range(30)])
    np.testing.assert_array_equal(store.document("a", "d07", vectors=True).document.passages[0].vector, vectors[7])
    best, *_ = store.search("a", Query("semantic", vector=vectors[7], limit=3))
    assert best.document.document.id == "d07"
    expected = {"cosine": 1.0, "dot": float(vectors[7] @ vectors[7]), "euclidean": 0.0}[distance]
    assert best.score == pytest.approx(expected, rel=1e-5, abs=1e-5)
    assert store.index_state().state == "ready"


@pytest.mark.parametrize("distance", ["cosine", "dot", "euclidean"])
@pytest.mark.parametrize("length", [1e-15, 1e-9, 1.0, 1e5, 1e15])
def test_a_query_of_any_length_is_asked_of_an_index_of_float16(
    open_store: Callable[..., PostgresStore], distance: Distance, length: float
) -> None:
    """Of more passages than are asked for at first; 1e15 is more than float16 holds, and 1e-9 nothing in it."""
    store = open_store()
    store.create_collection("a", Space("m", 2500, distance), {})
    vectors = np.random.default_rng(0).standard_normal((100, 2500)).astype(np.float32)
    store.upsert("a", [document(f"d{i:02}", f"text {i}", vectors[i]) for i in range(100)])
    query = vectors[70] / np.linalg.norm(vectors[70]) * np.float32(length)
    hits = store.search("a", Query("semantic", vector=query, limit=3))
    near = scores(vectors, query, distance)
    if distance == "euclidean" and length != 1.0:
        # So near to the middle, or so far away, all are nearly as near.
        assert [hit.score for hit in hits] == pytest.approx(sorted(near.tolist(), reverse=True)[:3], rel=1e-4)
    else:
        assert [hit.document.document.id for hit in hits] == [f"d{i:02}" for i in np.argsort(-near)[:3]]


def test_what_postgres_cannot_keep_is_refused_by_name_and_changes_nothing(
    open_store: Callable[..., PostgresStore],
) -> None:
    store = open_store()
    with pytest.raises(InvalidInput, match="up to 16000 dimensions, and 16001"):
        store.create_collection("a", Space("m", 16_001), {})
    store.create_collection("a", Space("m", 3000), {})
    large = np.full(3000, 70_000, np.float32)
    for bad, why in (
        (Document("a\0", "x"), r"its id holds the character U\+0000"),
        (Document("a", "x\0"), r"its text holds the character U\+0000"),
        (Document("a", "x", {"k\0": 1}), r"its metadata holds the character U\+0000"),
        (Document("a", "x", {}, (Passage(0, 1, large),)), "a number above 65504"),
        (
            Document("a", "x", {}, (Passage(0, 1, large / np.float32(1e12)),)),
            "length 3.83406e-06, and 0.001 is the least",
        ),
    ):
        with pytest.raises(InvalidDocument, match=why):
            store.upsert("a", [Document("good", "good"), bad])
    assert store.collection("a").documents == 0
    long = "".join(f"wörd{i} " for i in range(200_000))
    store.upsert("a", [Document("long", long, {}, (Passage(0, len(long), large / np.float32(2**17)),))])
    assert [hit.document.document.id for hit in store.search("a", Query("keyword", "word7"))] == ["long"]
    assert store.search("a", Query("keyword", "word199999")) == []


def test_an_index_that_is_gone_is_told_and_search_goes_on(open_store: Callable[..., PostgresStore]) -> None:
    url = shared_cluster().database()
    store = open_store(at=url)
    store.create_collection("a", PLANE, {})
    store.upsert("a", [document("x", "x", EAST)])
    shared_cluster().execute("DROP INDEX vectorspace.passages_1_vector", url=url)
    assert (store.index_state().state, store.index_state().detail) == ("failed", "no usable index of vectors: a")
    assert len(store.search("a", Query("semantic", vector=EAST))) == 1


def test_a_filter_that_lets_few_through_finds_all_of_them(open_store: Callable[..., PostgresStore]) -> None:
    """The index alone would give up before it reaches those that are far from the query."""
    store = open_store()
    store.create_collection("a", PLANE, {})
    vectors = np.random.default_rng(0).standard_normal((3000, 4)).astype(np.float32)
    vectors[:, 0] = np.abs(vectors[:, 0]) * 10
    vectors[::600, 0] *= -1
    documents = [document(f"d{i}", "text", vectors[i], metadata={"far": i % 600 == 0}) for i in range(3000)]
    store.upsert("a", documents)
    hits = store.search("a", Query("semantic", vector=EAST, filter=parse({"far": {"$ne": False}}), limit=10))
    assert {hit.document.document.id for hit in hits} == {f"d{i}" for i in range(0, 3000, 600)}
    whole = store.search("a", Query("semantic", vector=EAST, limit=1000, offset=0))
    assert len(whole) == 1000
