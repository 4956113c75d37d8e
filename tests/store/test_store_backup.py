"""A backup is of one moment, whatever is written meanwhile; a restored one is the same store."""

import itertools
import shutil
import sqlite3
import threading
from pathlib import Path

import pytest

from app.errors import DirectoryNewer, DirectoryUnusable
from app.store.backup import backup, restore
from app.store.ledger.ledger import FILE
from app.store.store import Query
from tests.store.opening import PLANE, document, indexed, random_documents, scanned, settled, vector

EAST = vector(1, 0, 0, 0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A backup of a store with twenty documents."""
    store = scanned(tmp_path / "first")
    store.create_collection("a", PLANE, {"k": 1})
    store.upsert("a", random_documents(20))
    backup(tmp_path / "first", tmp_path / "file")
    store.close()
    return tmp_path / "file"


def test_a_restored_store_is_the_same(file: Path, tmp_path: Path) -> None:
    restore(file, tmp_path / "new" / "data")
    old, new = indexed(tmp_path / "first"), indexed(tmp_path / "new" / "data")
    try:
        assert new.collections() == old.collections()
        settled(new)
        for mode in ("semantic", "keyword", "hybrid"):
            query = Query(mode, "word7 text", EAST)
            assert new.search("a", query) == old.search("a", query)
        new.upsert("a", [document("later", "later", EAST)])
        assert new.collection("a").documents == 21
    finally:
        old.close()
        new.close()


def test_a_backup_is_of_one_moment(tmp_path: Path) -> None:
    store = indexed(tmp_path / "data")
    store.create_collection("a", PLANE, {})
    done = threading.Event()

    def write() -> None:
        for i in itertools.count():
            store.upsert("a", [document("left", f"n{i}", EAST), document("right", f"n{i}", EAST)])
            if done.is_set():
                return

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for i in range(10):
            backup(tmp_path / "data", tmp_path / f"file{i}")
    finally:
        done.set()
        writer.join()
        store.close()
    for i in range(10):
        restore(tmp_path / f"file{i}", tmp_path / f"data{i}")
        store = scanned(tmp_path / f"data{i}")
        texts = [each.document.text for each in store.export("a")]
        store.close()
        assert len(set(texts)) == min(1, len(texts))


def test_a_backup_is_one_file_and_replaces_the_last(file: Path, tmp_path: Path) -> None:
    backup(tmp_path / "first", file)
    assert {path.name for path in tmp_path.iterdir()} == {"first", "file"}


def test_nothing_is_restored_over_something(file: Path, tmp_path: Path) -> None:
    before = (tmp_path / "first" / FILE).read_bytes()
    with pytest.raises(DirectoryUnusable, match=f"empty directory, this one has {FILE}, owner"):
        restore(file, tmp_path / "first")
    assert (tmp_path / "first" / FILE).read_bytes() == before


def test_a_fresh_volume_is_empty(file: Path, tmp_path: Path) -> None:
    (tmp_path / "volume" / "lost+found").mkdir(parents=True)
    restore(file, tmp_path / "volume")
    scanned(tmp_path / "volume").close()


def test_what_is_no_backup_is_not_restored(file: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database, but long enough to be one" * 100)
    sqlite3.connect(tmp_path / "other").executescript("CREATE TABLE x (y)")
    shutil.copy(file, tmp_path / "torn")
    with (tmp_path / "torn").open("r+b") as torn:
        torn.truncate(file.stat().st_size // 2)
    shutil.copy(file, tmp_path / "newer")
    sqlite3.connect(tmp_path / "newer").executescript("PRAGMA user_version = 99")
    for name, error, why in (
        ("text", DirectoryUnusable, "not a backup"),
        ("other", DirectoryUnusable, "not a backup of this service"),
        ("torn", DirectoryUnusable, "damaged|malformed"),
        ("absent", DirectoryUnusable, "No such file"),
        ("newer", DirectoryNewer, "format 99"),
    ):
        with pytest.raises(error, match=why):
            restore(tmp_path / name, tmp_path / "data")
        shutil.rmtree(tmp_path / "data")


def test_there_must_be_something_to_back_up(tmp_path: Path) -> None:
    with pytest.raises(DirectoryUnusable, match=r"no ledger\.sqlite"):
        backup(tmp_path, tmp_path / "file")
    scanned(tmp_path).close()
    with pytest.raises(DirectoryUnusable, match="cannot be used"):
        backup(tmp_path, tmp_path / "nowhere" / "file")
