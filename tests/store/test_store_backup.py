"""A backup is of one moment, whatever is written meanwhile; a restored one is the same store."""

import itertools
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app.errors import DirectoryNewer, DirectoryTaken, DirectoryUnusable
from app.store.embedded.backup import backup, restore
from app.store.embedded.ledger.ledger import FILE
from app.store.embedded.lock import DirectoryLock
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
    with pytest.raises(DirectoryUnusable, match=f"empty directory, this one has {FILE}$"):
        restore(file, tmp_path / "first")
    assert (tmp_path / "first" / FILE).read_bytes() == before


def test_a_restore_that_was_killed_is_none(file: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "owner").write_text("process 7 on elsewhere since then\n")
    (tmp_path / "data" / f".{FILE}.part").write_bytes(file.read_bytes()[:5000])
    restore(file, tmp_path / "data")
    assert {path.name for path in (tmp_path / "data").iterdir()} == {FILE, "owner"}


def test_nothing_is_restored_where_somebody_is_about_to_begin(file: Path, tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path / "data")
    try:
        with pytest.raises(DirectoryTaken, match=f"process {os.getpid()} on"):
            restore(file, tmp_path / "data")
        assert {path.name for path in (tmp_path / "data").iterdir()} == {"owner"}
    finally:
        lock.close()


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
        ("first", DirectoryUnusable, "not a regular file"),
        ("newer", DirectoryNewer, "format 99"),
    ):
        with pytest.raises(error, match=f"{tmp_path / name} .*({why})"):
            restore(tmp_path / name, tmp_path / "data")
        assert not (tmp_path / "data").exists()
    restore(file, tmp_path / "data")
    scanned(tmp_path / "data").close()


def test_there_must_be_something_to_back_up(tmp_path: Path) -> None:
    with pytest.raises(DirectoryUnusable, match=r"no ledger\.sqlite"):
        backup(tmp_path, tmp_path / "file")
    scanned(tmp_path).close()


def test_who_is_to_blame_for_a_backup_is_named(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "file").mkdir(parents=True)
    for target, why in (
        (tmp_path / "nowhere" / "file", "No such file or directory"),
        (file / "file", "Not a directory"),
        (folder / "file", "Is a directory"),
    ):
        with pytest.raises(DirectoryUnusable, match=f"^{target} cannot be used: {why}$"):
            backup(tmp_path / "first", target)
    assert [path.name for path in folder.iterdir()] == ["file"]
    (folder / FILE).write_text("no database, but long enough to be one" * 100)
    with pytest.raises(DirectoryUnusable, match=f"^{folder} cannot be used: file is not a database$"):
        backup(folder, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_file_that_may_not_grow_is_named(file: Path, tmp_path: Path) -> None:
    """As on a file system that takes no large files; the limit, of the process, is what the log of the ledger needs."""
    assert file.stat().st_size > 32768
    program = (
        "import resource, sys; from pathlib import Path; from app.store.embedded.backup import backup; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (32768, 32768)); backup(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "first"), str(tmp_path / "small")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert f"DirectoryUnusable: {tmp_path / 'small'} cannot be used: disk I/O error" in done.stderr
    assert not (tmp_path / "small").exists()
