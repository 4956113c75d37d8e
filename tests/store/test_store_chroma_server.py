"""What can go wrong between the store and a Chroma server: it dies, hangs, refuses, breaks off within a write."""

import itertools
import socket
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest

from app.errors import DatabaseAway, DatabaseRefused, DatabaseUnusable, InvalidFilter, ModeUnsupported, NotReady
from app.store.chroma import catalogue
from app.store.chroma.address import read
from app.store.chroma.records import passage_records, prepare
from app.store.chroma.server import LEFT_AFTER_S, Server
from app.store.chroma.shelf import Shelf
from app.store.chroma.store import ChromaStore
from app.store.chroma.writing import new_version
from app.store.filters import parse
from app.store.store import Document, Query
from tests.store.chroma_server import ChromaServer
from tests.store.gate import Gate
from tests.store.opening import PLANE, chroma, chroma_database_of, chroma_server, document, vector

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "s3cret-4f1b"
IDS = [f"d{i}" for i in range(5)]
Opening = Callable[..., ChromaStore]


def version(number: int) -> list[Document]:
    """All of them, with one to three passages: fewer than the version before every third time."""
    vectors = [vector(number + 1, part, i, 1) for i in range(len(IDS)) for part in range(1 + number % 3)]
    each = np.array(vectors).reshape(len(IDS), -1, 4)
    return [
        document(name, f"text of version {number}", *each[i], metadata={"version": number})
        for i, name in enumerate(IDS)
    ]


def whole(store: ChromaStore) -> list[int]:
    """The versions that the documents have, each of which is all there and found. Of one that is not, an error."""
    found = list(store.export("c"))
    for each in found:
        number = each.document.metadata["version"]
        expected = next(one for one in version(number) if one.id == each.document.id)
        assert each.document.text == expected.text
        assert [part.vector.tolist() for part in each.document.passages] == [
            part.vector.tolist() for part in expected.passages
        ]
    hits = store.search("c", Query("semantic", vector=vector(1, 1, 1, 1), limit=50))
    assert {hit.document.document.id: hit.document.document.metadata["version"] for hit in hits} == {
        each.document.id: each.document.metadata["version"] for each in found
    }
    return [each.document.metadata["version"] for each in found]


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Of a database of its own in the server that all tests share."""
    return chroma_database_of(tmp_path / "data")


@pytest.fixture
def open_store() -> Iterator[Opening]:
    stores: list[ChromaStore] = []

    def opened(url: str, *, timeout_s: int = 60, most: int | None = None, token: str | None = None) -> ChromaStore:
        stores.append(ChromaStore(url, token=token, max_collections=8, connections=4, timeout_s=timeout_s, most=most))
        return stores[-1]

    yield opened
    for store in stores:
        store.close()


@pytest.fixture
def gate() -> Iterator[Callable[..., Gate]]:
    gates: list[Gate] = []

    def opened(token: str | None = None) -> Gate:
        gates.append(Gate(chroma_server().port, token=token))
        return gates[-1]

    yield opened
    for each in gates:
        each.close()


def before(url: str, gate: Gate) -> str:
    """The same database by way of the gate."""
    return url.replace(f":{chroma_server().port}", f":{gate.port}")


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


@pytest.fixture
def own() -> Iterator[ChromaServer]:
    server = ChromaServer()
    yield server
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


def test_a_server_that_is_away_at_the_start(own: ChromaServer, open_store: Opening) -> None:
    own.kill()
    with pytest.raises(DatabaseAway, match=rf"127\.0\.0\.1:{own.port}"):
        open_store(own.url())
    own.start()
    assert open_store(own.url()).collections() == []


def test_a_wrong_token_is_refused_and_never_shown(url: str, open_store: Opening, gate: Callable[..., Gate]) -> None:
    guarded = before(url, gate(TOKEN))
    with_token = guarded.replace("http://", f"http://:{TOKEN}@")
    store = open_store(with_token)
    store.create_collection("c", PLANE, {})
    assert [each.name for each in open_store(guarded, token=TOKEN).collections()] == ["c"]
    for wrong, token in ((guarded, None), (guarded, "wr0ng"), (guarded.replace("http://", "http://:wr0ng@"), TOKEN)):
        with pytest.raises(DatabaseUnusable, match="DATABASE_TOKEN") as refused:
            open_store(wrong, token=token)
        assert "wr0ng" not in str(refused.value)
        assert refused.value.__cause__ is None
    assert TOKEN not in repr(read(with_token))


def test_a_token_travels_as_a_bearer_and_in_chromas_own_header(
    url: str, open_store: Opening, gate: Callable[..., Gate]
) -> None:
    between = gate()
    open_store(before(url, between), token=TOKEN)
    assert {(each["X-Chroma-Token"], each["Authorization"]) for each in between.seen} == {(TOKEN, f"Bearer {TOKEN}")}
    assert "Authorization" not in read("https://api.trychroma.com", TOKEN).headers


def test_an_absent_database_is_named(open_store: Opening) -> None:
    with pytest.raises(DatabaseUnusable, match="nowhere"):
        open_store(chroma_server().url("nowhere"))


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ({"/api/v2/version": '"0.6.3"'}, "it is Chroma 0.6.3, and a server of version 1 is needed"),
        ({}, "/api/v2"),  # Chroma 0.5 knows /api/v1 alone
    ],
)
def test_a_server_of_another_version_is_refused(open_store: Opening, answers: dict[str, str], why: str) -> None:
    """Its answers alone: a server of that version would bring 500 MB of packages."""
    known = {
        "/api/v2/auth/identity": '{"user_id": "", "tenant": "default_tenant", "databases": ["default_database"]}',
        "/api/v2/tenants/default_tenant": '{"name": "default_tenant"}',
        "/api/v2/tenants/default_tenant/databases/default_database": '{"id": "", "name": "", "tenant": ""}',
    }
    served = {**known, **answers} if answers else {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = served.get(self.path, f"nothing at {self.path}").encode()
            self.send_response(200 if self.path in served else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(DatabaseUnusable, match=why):
            open_store(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


def test_it_needs_nothing_that_the_image_leaves_out(url: str) -> None:
    """The image has chromadb without its server, its command line and its old engine."""
    cuts = tomllib.loads((ROOT / "scripts" / "image" / "cuts.toml").read_text())["dependencies"]
    left_out = [path.removesuffix(".py") for cut in cuts for path in cut["paths"] if path.startswith("chromadb/")]
    assert "chromadb/server" in left_out
    program = """
import sys

class LeftOut:
    def find_spec(self, name, path=None, target=None):
        if any(f"{name}.".startswith(f"{each}.") for each in LEFT_OUT):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

LEFT_OUT, URL = sys.argv[2:], sys.argv[1]
sys.meta_path.insert(0, LeftOut())
from app.store.chroma.store import ChromaStore
from tests.store.opening import PLANE, document, vector
from app.store.store import Query

store = ChromaStore(URL, max_collections=8, connections=1, timeout_s=60)
store.create_collection("c", PLANE, {})
store.upsert("c", [document("a", "text", vector(1, 2, 3, 4), metadata={"n": 1})])
hits = store.search("c", Query("semantic", vector=vector(1, 1, 1, 1)))
assert [hit.document.document.id for hit in hits] == ["a"]
assert store.delete_documents("c", ids=["a"]) == 1
store.close()
"""
    modules = [path.replace("/", ".") for path in left_out]
    # opening.py imports the tests' own parts as well, none of which is chromadb's.
    done = subprocess.run([sys.executable, "-c", program, url, *modules], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_server_that_hangs_is_away(open_store: Opening) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(DatabaseAway, match="DATABASE_TIMEOUT_S"):
        open_store(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=1)


def test_what_the_server_does_not_take_is_named(tmp_path: Path) -> None:
    store = chroma(tmp_path / "data")
    store.create_collection("c", PLANE, {})
    store.upsert("c", version(0))
    with pytest.raises(DatabaseRefused, match="dimension of 4, got 5"):
        store.upsert("c", [document("long", "text", vector(1, 2, 3, 4, 5))])
    assert whole(store) == [0] * len(IDS)
    store.close()


def fan(count: int, passages: int = 1) -> list[Document]:
    """000, 001, …, each farther from the east than the one before."""
    angles = np.linspace(0, 3, count)
    return [
        document(
            f"{i:03}",
            f"text {i}",
            *[vector(float(np.cos(angle)), float(np.sin(angle)), 0, 0)] * passages,
            metadata={"s": f"{i:03}"},
        )
        for i, angle in enumerate(angles)
    ]


def test_a_filter_that_chroma_cannot_be_asked_for_is_read_on_for(
    url: str, open_store: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(url)
    store.create_collection("c", PLANE, {})
    store.upsert("c", fan(200))
    query = Query("semantic", vector=vector(1, 0, 0, 0), filter=parse({"s": {"$gte": "180"}}), limit=5)
    found = [hit.document.document.id for hit in store.search("c", query)]
    assert found == ["180", "181", "182", "183", "184"]
    monkeypatch.setattr("app.store.chroma.searching.MOST_SEEN", 50)
    with pytest.raises(InvalidFilter, match="among the 64 documents that were looked at it leaves 0"):
        store.search("c", query)


def test_documents_of_many_passages_hide_no_others(url: str, open_store: Opening) -> None:
    store = open_store(url)
    store.create_collection("c", PLANE, {})
    store.upsert("c", fan(6, passages=100))
    hits = store.search("c", Query("semantic", vector=vector(1, 0, 0, 0), limit=5))
    assert [hit.document.document.id for hit in hits] == ["000", "001", "002", "003", "004"]


def test_words_are_refused_by_name(tmp_path: Path) -> None:
    store = chroma(tmp_path / "data")
    store.create_collection("c", PLANE, {})
    for mode in ("keyword", "hybrid"):
        with pytest.raises(ModeUnsupported, match=f"{mode} ranks by words") as refused:
            store.search("c", Query(mode, "text", vector(1, 0, 0, 0)))
        assert refused.value.param == "mode"
    store.close()
    with pytest.raises(NotReady):
        store.collections()
