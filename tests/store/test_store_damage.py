"""The index's files damaged in every way: the store comes up by itself, exact from the start, and makes them anew."""

import json
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from app.store.embedded.index import openings
from app.store.embedded.index.follower import DIRECTORY
from app.store.embedded.index.inspection import Inspection
from app.store.embedded.ledger.ledger import FILE
from app.store.embedded.store import EmbeddedStore
from app.store.filters import parse
from app.store.store import IndexState, Query, Space
from tests.store.opening import fatal, indexed, random_documents, settled

SPACE = Space("m", 16)
# More than Chroma keeps in its log before it writes its graph to files.
DOCUMENTS = random_documents(6000, SPACE.dimension)
QUERIES = [document.passages[0].vector for document in DOCUMENTS[:5]]


def over_all_files(damage: Callable[[Path], None]) -> Callable[[Path], None]:
    def over(directory: Path) -> None:
        files = [path for path in directory.rglob("*") if path.is_file()]
        assert any(path.name == "data_level0.bin" for path in files), "the graph is on disk"
        for path in files:
            damage(path)

    return over


def one_file(name: str, damage: Callable[[Path], None]) -> Callable[[Path], None]:
    def one(directory: Path) -> None:
        (path,) = directory.rglob(name)
        damage(path)

    return one


def truncate(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 3)


def zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def garble(path: Path) -> None:
    path.write_bytes(np.random.default_rng(1).bytes(path.stat().st_size))


def a_file_instead(directory: Path) -> None:
    shutil.rmtree(directory)
    directory.write_text("no index")


def of_another(directory: Path) -> None:
    """An index that opens well and holds something else."""
    other = directory.parent / "other"
    store = indexed(other)
    store.create_collection("a", SPACE, {})
    store.upsert("a", random_documents(10, SPACE.dimension, seed=7))
    settled(store)
    store.close()
    shutil.rmtree(directory)
    (other / DIRECTORY).rename(directory)


GRAPH = ("data_level0.bin", "header.bin", "length.bin", "link_lists.bin", "index_metadata.pickle", "chroma.sqlite3")
DAMAGES: dict[str, Callable[[Path], None]] = {
    "removed": shutil.rmtree,
    "emptied": over_all_files(Path.unlink),
    "all truncated": over_all_files(truncate),
    "all zeroed": over_all_files(zero),
    "all garbage": over_all_files(garble),
    "a file instead": a_file_instead,
    "of another ledger": of_another,
    **{f"{name} truncated": one_file(name, truncate) for name in GRAPH},
    **{f"{name} zeroed": one_file(name, zero) for name in GRAPH},
    **{f"{name} removed": one_file(name, Path.unlink) for name in ("data_level0.bin", "chroma.sqlite3")},
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed store with an index that is ready."""
    directory = tmp_path_factory.mktemp("whole")
    store = indexed(directory)
    store.create_collection("a", SPACE, {})
    store.upsert("a", DOCUMENTS)
    settled(store)
    store.close()
    return directory


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_index_is_made_anew(whole: Path, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    directory = tmp_path / "data"
    shutil.copytree(whole, directory)
    damage(directory / DIRECTORY)
    store = indexed(directory)
    try:
        assert_exact(store)
        settled(store)
        assert_exact(store)
    finally:
        store.close()


def test_an_index_that_lags_behind_catches_up(whole: Path, tmp_path: Path) -> None:
    """As after a restored snapshot of the volume that caught the index earlier than the ledger."""
    directory = tmp_path / "data"
    shutil.copytree(whole, directory)
    store = indexed(directory)
    store.delete_documents("a", filter=parse({"n": {"$gte": 5990}}))
    store.upsert("a", DOCUMENTS[:10])
    settled(store)
    store.close()
    shutil.rmtree(directory / DIRECTORY)
    shutil.copytree(whole / DIRECTORY, directory / DIRECTORY)
    store = indexed(directory)
    try:
        assert_exact(store)
        settled(store)
        assert_exact(store)
        assert store.collection("a").passages == 5990
    finally:
        store.close()


def test_no_damage_is_seen_where_there_is_none(whole: Path, tmp_path: Path) -> None:
    directory = tmp_path / "data"
    shutil.copytree(whole, directory)
    before = graphs(directory)
    store = indexed(directory)
    assert settled(store).rebuilds == 0
    store.close()
    assert graphs(directory) == before


def test_an_index_that_the_service_keeps_dying_of(whole: Path, tmp_path: Path) -> None:
    """Each time it opens well, and some query is the end of the process."""
    directory = tmp_path / "data"
    shutil.copytree(whole, directory)
    program = (
        "import os, sys; from pathlib import Path; from tests.store.opening import indexed, settled\n"
        "settled(indexed(Path(sys.argv[1]))); os.kill(os.getpid(), 9)"
    )
    before = graphs(directory)
    for _ in range(openings.ENDS):
        subprocess.run([sys.executable, "-c", program, str(directory)], check=False)
        assert graphs(directory) == before
    store = indexed(directory)
    try:
        settled(store)
        assert_exact(store)
        assert not graphs(directory) & before
    finally:
        store.close()


def test_a_stop_during_the_trial_is_no_end_of_the_service(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "data"
    shutil.copytree(whole, directory)
    before = graphs(directory)
    inspect, begun = Inspection.inspect, threading.Event()

    def told(self: Inspection, *paths: Path) -> None:
        begun.set()
        inspect(self, *paths)

    monkeypatch.setattr(Inspection, "inspect", told)
    for _ in range(openings.ENDS):
        begun.clear()
        store = indexed(directory)
        assert begun.wait(60)
        store.close()
        assert not noted(directory)
    store = indexed(directory)
    try:
        assert settled(store).rebuilds == 0
        assert graphs(directory) == before
    finally:
        store.close()


@pytest.mark.parametrize("stops", [True, False], ids=["the service is stopped", "it cannot be opened for now"])
def test_an_opening_that_came_to_nothing_is_no_end_of_the_service(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stops: bool
) -> None:
    directory = tmp_path / "data"
    shutil.copytree(whole, directory)
    before = graphs(directory)
    note, tried = openings.note, threading.Semaphore(0)

    def note_and_stop(connection: sqlite3.Connection) -> bool:
        if stops:
            store._follower._signals.stop()
        tried.release()
        return note(connection)

    def refuse(*_: object) -> None:
        raise OSError("too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(openings, "note", note_and_stop)
        patched.setattr("app.store.embedded.index.follower.FIRST_RETRY_S", 0.01)
        patched.setattr("app.store.embedded.index.chroma.ChromaIndex.__init__", refuse)
        store = indexed(directory)
        for _ in range(1 if stops else openings.ENDS):
            assert tried.acquire(timeout=60)
        store.close()
    assert not noted(directory)
    store = indexed(directory)
    try:
        assert settled(store).rebuilds == 0
        assert graphs(directory) == before
    finally:
        store.close()


def test_an_index_is_made_anew_while_somebody_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is never a calm, and the passages that wait were not written since the last one."""

    def refuse(*_: object) -> None:
        raise RuntimeError("no answer")

    monkeypatch.setattr("app.store.embedded.index.signals.MAX_WAITING", 100)
    store = EmbeddedStore(tmp_path, max_collections=8, on_fatal=fatal, exact_below=0, calm_s=10**6)
    try:
        store.create_collection("a", SPACE, {})
        store.upsert("a", DOCUMENTS[:200])
        settled(store)
        store.upsert("a", DOCUMENTS[200:201])
        shutil.rmtree(tmp_path / DIRECTORY)
        with monkeypatch.context() as patched:
            patched.setattr("app.store.embedded.index.chroma.ChromaIndex.query", refuse)
            assert_exact(store)
        assert settled(store).rebuilds == 1
        assert_exact(store)
    finally:
        store.close()


def test_an_index_that_stops_answering(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("no answer")

    directory = tmp_path / "data"
    shutil.copytree(whole, directory)
    store = indexed(directory)
    try:
        settled(store)
        monkeypatch.setattr("app.store.embedded.index.chroma.ChromaIndex.query", refuse)
        assert_exact(store)
        assert store.index_state().state != "ready"
        monkeypatch.undo()
        settled(store)
        assert_exact(store)
    finally:
        store.close()


def test_an_index_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes are acknowledged as ever, and the index has them once it takes them."""

    def refuse(*_: object) -> None:
        raise OSError("no room")

    store = indexed(tmp_path)
    try:
        store.create_collection("a", SPACE, {})
        monkeypatch.setattr("app.store.embedded.index.chroma.ChromaIndex.add", refuse)
        store.upsert("a", DOCUMENTS)
        deadline = time.monotonic() + 60
        while (state := store.index_state()).state != "failed":
            assert time.monotonic() < deadline
        assert state.detail == "OSError: no room"
        assert state.behind == len(DOCUMENTS)
        assert_exact(store)
        monkeypatch.undo()
        settled(store)
        assert_exact(store)
    finally:
        store.close()


def test_a_vector_of_another_dimension_stops_the_index_of_its_collection_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = indexed(tmp_path)
    try:
        store.create_collection("a", SPACE, {})
        store.create_collection("wrong", Space("m", 4), {})
        settled(store)
        store.upsert("wrong", random_documents(3, SPACE.dimension))
        store.upsert("a", DOCUMENTS)
        deadline = time.monotonic() + 60
        while store.index_state().behind > 3 or store.index_state().state != "ready":
            assert time.monotonic() < deadline, store.index_state()
        assert_exact(store)
        assert store._follower.index is not None
        store.upsert("a", DOCUMENTS[:10])
        store.delete_documents("wrong", ids=["d0", "d1", "d2"])
        store.upsert("wrong", random_documents(3))
        assert settled(store).rebuilds == 0
    finally:
        store.close()
    assert caplog.text.count("'wrong' goes no further: its passage 1 has a vector of 16 numbers") == 1


def test_the_state_says_why_it_is_remade(whole: Path, tmp_path: Path) -> None:
    directory = tmp_path / "data"
    shutil.copytree(whole, directory)
    shutil.rmtree(directory / DIRECTORY)
    states: list[IndexState] = []
    store = indexed(directory)
    try:
        while not states or states[-1].state != "ready":
            states.append(store.index_state())
    finally:
        store.close()
    remade = [state for state in states if state.state == "rebuilding"]
    assert remade
    assert {state.detail for state in remade} == {"it is missing"}
    assert (states[-1].detail, states[-1].rebuilds) == ("", 1)


def noted(directory: Path) -> list[float]:
    """The openings that count as ends of the service."""
    with closing(sqlite3.connect(directory / FILE)) as connection:
        found = connection.execute("SELECT value FROM notes WHERE name = ?", (openings.NOTE,)).fetchone()
    return list(json.loads(found[0])) if found else []


def graphs(directory: Path) -> set[str]:
    """Chroma's names of the graphs on disk, which are new for each one that is made."""
    return {path.name for path in (directory / DIRECTORY).iterdir() if path.is_dir()}


def assert_exact(store: EmbeddedStore) -> None:
    """Search gives what a scan of the documents gives."""
    count = store.collection("a").documents
    matrix = np.array([document.passages[0].vector for document in DOCUMENTS[:count]])
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    for query in QUERIES:
        nearest = np.argsort(-(matrix @ query))[:10]
        hits = store.search("a", Query("semantic", vector=query))
        assert [hit.document.document.id for hit in hits] == [f"d{i}" for i in nearest]
