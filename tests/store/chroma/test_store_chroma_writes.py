"""A write that breaks off, a process or a server that dies, replicas at once: documents stay whole."""

import itertools
import threading
from collections.abc import Callable

import pytest

from app.errors import DatabaseAway, DatabaseRefused
from app.store.chroma import catalogue
from app.store.chroma.address import read
from app.store.chroma.records import passage_records, prepare
from app.store.chroma.server import LEFT_AFTER_S, Server
from app.store.chroma.shelf import Shelf
from app.store.chroma.store import ChromaStore
from app.store.chroma.writing import new_version
from app.store.store import Query
from tests.store.chroma.versions import IDS, Opening, before, check, version, whole
from tests.store.chroma_server import ChromaServer
from tests.store.gate import Gate
from tests.store.opening import PLANE, document, vector


@pytest.mark.parametrize("how", ["before", "after"])
@pytest.mark.parametrize("write", range(3))
def test_a_write_that_breaks_off_leaves_one_version_or_the_other(
    url: str, open_store: Opening, gate: Callable[..., Gate], write: int, how: str
) -> None:
    between, direct = gate(), open_store(url)
    direct.create_collection("c", PLANE, {})
    direct.upsert("c", version(2))
    store = open_store(before(url, between))
    between.break_at = lambda number: how if number == write else None
    # The passages, the documents, and the old passages that go.
    kept = [2] if write == 0 or (write, how) == (1, "before") else [3]
    if write < 2:
        with pytest.raises(DatabaseAway):
            store.upsert("c", version(3))
    else:
        store.upsert("c", version(3))
    assert whole(direct) == kept * len(IDS)
    store.upsert("c", version(4))
    assert whole(direct) == [4] * len(IDS)
    if write != 1:
        # After 1 it is not known what counts, and nothing removed: it waits for a search that comes upon it later.
        assert direct.collection("c").passages == 2 * len(IDS)


@pytest.mark.parametrize("write", range(2))
def test_a_deletion_that_breaks_off_leaves_whole_documents(
    url: str, open_store: Opening, gate: Callable[..., Gate], write: int
) -> None:
    between, direct = gate(), open_store(url)
    direct.create_collection("c", PLANE, {})
    direct.upsert("c", version(2))
    store = open_store(before(url, between))
    between.break_at = lambda number: "after" if number == write else None
    if write == 0:
        with pytest.raises(DatabaseAway):
            store.delete_documents("c", ids=IDS[:2])
    else:
        assert store.delete_documents("c", ids=IDS[:2]) == 2
    assert whole(direct) == [2] * 3


def test_what_a_dead_writer_left_goes_when_it_is_old_enough(url: str, open_store: Opening) -> None:
    store = open_store(url)
    store.create_collection("c", PLANE, {})
    store.upsert("c", version(0))
    server = Server(read(url), connections=1, timeout_s=60)
    shelf = Shelf(server, catalogue.find(server, "c"))
    now_ns = server.now_ns()
    old, young = (new_version(now_ns - round(age_s * 1e9)) for age_s in (LEFT_AFTER_S + 1, LEFT_AFTER_S - 60))
    for left in (old, young):
        shelf.add_passages(passage_records([prepare(document("d0", "left", vector(1, 1, 1, 1)), left, 0.0)], "cosine"))
    assert store.collection("c").passages == len(IDS) + 2
    assert whole(store) == [0] * len(IDS)
    assert store.collection("c").passages == len(IDS) + 1
    server.close()


def test_passages_without_a_collection_go_when_they_are_old_enough(url: str, open_store: Opening) -> None:
    store = open_store(url)
    store.create_collection("kept.-x", PLANE, {})
    server = Server(read(url), connections=1, timeout_s=60)
    now_s = server.now_ns() / 1e9
    for name, age_s in (("0" * 16, LEFT_AFTER_S + 1), ("1" * 16, LEFT_AFTER_S - 60)):
        for of in ("gone", "kept.--x"):
            made = {"created_at_unix_s": now_s - age_s}
            server.client.create_collection(f"vectorspace-{of}-passages-{name}", metadata=made)
    others = {each.name for each in server.client.list_collections()} - {
        f"vectorspace-{of}-passages-{'0' * 16}" for of in ("gone", "kept.--x")
    }
    assert len(others) == 4
    assert [each.name for each in open_store(url).collections()] == ["kept.-x"]
    assert {each.name for each in server.client.list_collections()} == others
    server.close()


def test_replicas_that_write_the_same_documents_leave_them_whole(url: str, open_store: Opening) -> None:
    stores = [open_store(url) for _ in range(3)]
    stores[0].create_collection("c", PLANE, {})
    failed: list[BaseException] = []

    def write(replica: int) -> None:
        try:
            for number in range(replica, 24, 3):
                stores[replica].upsert("c", version(number))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(replica,)) for replica in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(whole(stores[0])) == len(IDS)


def test_replicas_that_create_the_same_collection_make_one(url: str, open_store: Opening) -> None:
    stores = [open_store(url) for _ in range(3)]
    for name in "abcd":
        made: list[bool] = []
        barrier = threading.Barrier(3)

        def create(
            store: ChromaStore, name: str = name, made: list[bool] = made, barrier: threading.Barrier = barrier
        ) -> None:
            barrier.wait()
            made.append(store.create_collection(name, PLANE, {})[1])

        threads = [threading.Thread(target=create, args=(store,)) for store in stores]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(made) == [False, False, True]
    server = Server(read(url), connections=1, timeout_s=60)
    assert len(server.client.list_collections()) == 2 * 4
    server.close()


def test_a_server_that_is_killed_while_it_writes_loses_nothing_acknowledged(
    own: ChromaServer, open_store: Opening
) -> None:
    store = open_store(own.url())
    store.create_collection("c", PLANE, {})
    acknowledged, begun = -1, -1
    away = threading.Event()

    def write_until_away() -> None:
        nonlocal acknowledged, begun
        for number in itertools.count(acknowledged + 1):
            begun = number
            try:
                store.upsert("c", version(number))
            except DatabaseAway:
                away.set()
                return
            acknowledged = number
            if number % 7 == 3:
                reached.set()

    for _ in range(3):
        reached = threading.Event()
        writer = threading.Thread(target=write_until_away)
        writer.start()
        assert reached.wait(60)
        own.kill()
        assert away.wait(60)
        writer.join()
        with pytest.raises(DatabaseAway):
            store.collections()
        own.start()
        found = whole(store)
        assert len(set(found)) == 1
        assert acknowledged <= found[0] <= begun
        acknowledged = found[0]
        away.clear()


def test_what_is_read_beside_writes_is_whole(url: str, open_store: Opening) -> None:
    writing, reading = open_store(url), open_store(url, most=2)
    writing.create_collection("c", PLANE, {})
    writing.upsert("c", version(0))
    done = threading.Event()

    def write_for_ever() -> None:
        for number in itertools.count(1):
            if done.is_set():
                return
            writing.upsert("c", version(number))

    writer = threading.Thread(target=write_for_ever)
    writer.start()
    try:
        for _ in range(40):
            assert [each.document.id for each in reading.export("c")] == IDS
            for each in (reading.document("c", IDS[0], vectors=True), *reading.export("c")):
                check(each)
            hits = reading.search("c", Query("semantic", vector=vector(1, 1, 1, 1)))
            assert {hit.document.document.id for hit in hits} == set(IDS)
            assert all(hit.end <= len(hit.document.document.text) for hit in hits)
    finally:
        done.set()
        writer.join()


def test_a_commit_that_is_refused_leaves_no_passages_behind(
    url: str, open_store: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a quota on documents is passed, once their passages are there."""
    store = open_store(url)
    store.create_collection("c", PLANE, {})

    def refuse(*_: object) -> None:
        raise DatabaseRefused("chroma", "a quota")

    with monkeypatch.context() as patched:
        patched.setattr(Shelf, "commit", refuse)
        for number in range(3):
            with pytest.raises(DatabaseRefused):
                store.upsert("c", version(number))
    store.upsert("c", version(4))
    assert whole(store) == [4] * len(IDS)
    assert store.collection("c").passages == 2 * len(IDS)


def test_a_deleted_collection_is_let_go(url: str, open_store: Opening) -> None:
    store = open_store(url)
    for _ in range(3):
        store.create_collection("c", PLANE, {})
        store.upsert("c", version(1))
        assert whole(store) == [1] * len(IDS)
        store.delete_collection("c")
    assert store._server._opened == {}
