"""A data directory has one owner, one format, and says what is wrong with it."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from app.errors import DirectoryNewer, DirectoryTaken, DirectoryUnusable, NotReady
from app.store import keyword
from app.store.embedded import lock
from app.store.embedded.ledger.ledger import FILE
from app.store.embedded.ledger.schema import STEPS
from app.store.store import Query
from tests.store.opening import PLANE, document, random_documents, scanned, vector

EAST = vector(1, 0, 0, 0)
HOLDER = """
import sys, time
from pathlib import Path
from tests.store.opening import scanned
store = scanned(Path(sys.argv[1]))
print("open", flush=True)
time.sleep(600)
"""

# What the first version of this service wrote, to the letter. Never changed: later ones must still read it.
FIRST_FORMAT = """
CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE collections (
    key INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, model TEXT NOT NULL, dimension INTEGER NOT NULL,
    distance TEXT NOT NULL, metadata TEXT NOT NULL, created REAL NOT NULL, documents INTEGER NOT NULL DEFAULT 0,
    passages INTEGER NOT NULL DEFAULT 0, indexed INTEGER NOT NULL DEFAULT 0);
CREATE TABLE documents (
    key INTEGER PRIMARY KEY AUTOINCREMENT, collection INTEGER NOT NULL REFERENCES collections(key), id TEXT NOT NULL,
    text TEXT NOT NULL, metadata TEXT NOT NULL, updated REAL NOT NULL, UNIQUE (collection, id));
CREATE TABLE passages (
    key INTEGER PRIMARY KEY AUTOINCREMENT, collection INTEGER NOT NULL REFERENCES collections(key),
    document INTEGER NOT NULL REFERENCES documents(key), start INTEGER NOT NULL, "end" INTEGER NOT NULL,
    hash BLOB NOT NULL, vector BLOB NOT NULL);
CREATE INDEX passages_of_collection ON passages (collection);
CREATE INDEX passages_of_document ON passages (document);
CREATE INDEX passages_by_hash ON passages (hash) WHERE hash <> x'';
CREATE TABLE fields (
    collection INTEGER NOT NULL, name TEXT NOT NULL, value NOT NULL, document INTEGER NOT NULL,
    PRIMARY KEY (collection, name, value, document)) WITHOUT ROWID;
CREATE TABLE removed (key INTEGER PRIMARY KEY, collection INTEGER NOT NULL);
CREATE INDEX removed_of_collection ON removed (collection);
CREATE VIRTUAL TABLE keyword_1 USING fts5(tokens, content='', tokenize='ascii');
CREATE VIRTUAL TABLE keyword_1_words USING fts5vocab(keyword_1, row);
INSERT INTO notes VALUES ('keyword', 'an older way of folding');
INSERT INTO collections VALUES (1, 'old', 'm', 2, 'cosine', '{"k":1}', 1e9, 1, 1, 0);
INSERT INTO documents VALUES (1, 1, 'a', 'Crème brûlée', '{"n":1}', 1e9);
INSERT INTO fields VALUES (1, 'n', 1, 1);
INSERT INTO passages VALUES (1, 1, 1, 0, 12, x'01', x'0000803f00000000');
INSERT INTO keyword_1(rowid, tokens) VALUES (1, 'as it was folded then');
PRAGMA user_version = 1;
"""


def test_a_second_process_is_told_who_has_it(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(DirectoryTaken, match=f"process {holder.pid} on .* since 20"):
            scanned(tmp_path)
        holder.send_signal(signal.SIGKILL)
    scanned(tmp_path).close()


def test_the_same_process_has_it_once(tmp_path: Path) -> None:
    store = scanned(tmp_path)
    with pytest.raises(DirectoryTaken, match=f"process {os.getpid()} "):
        scanned(tmp_path)
    store.close()
    scanned(tmp_path).close()


def test_who_lets_go_a_moment_later_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So is what a killed service was just starting, which has its files for that moment."""
    monkeypatch.setattr(lock, "PATIENCE_S", 60)
    holder = lock.DirectoryLock(tmp_path)
    end = threading.Timer(0.3, holder.close)
    end.start()
    scanned(tmp_path).close()
    end.join()


def test_a_failed_opening_lets_go(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"not a database at all" * 1000)
    for _ in range(2):
        with pytest.raises(DirectoryUnusable, match="ledger is damaged"):
            scanned(tmp_path)


def test_a_newer_directory_is_refused(tmp_path: Path) -> None:
    scanned(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(DirectoryNewer, match=f"format 99 and this version knows formats up to {len(STEPS)}"):
        scanned(tmp_path)


def test_the_first_format_is_still_read(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / FILE)
    connection.executescript(FIRST_FORMAT)
    connection.close()
    store = scanned(tmp_path)
    (old,) = store.collections()
    assert (old.name, old.metadata, old.documents) == ("old", {"k": 1}, 1)
    for mode in ("semantic", "keyword", "hybrid"):
        (hit,) = store.search("old", Query(mode, "creme", vector(1, 0)))
        assert hit.document.document.text == "Crème brûlée"
    assert store.search("old", Query("keyword", "folded")) == []
    np.testing.assert_array_equal(store.vectors("m", [b"\x01"])[b"\x01"], [1, 0])
    store.close()
    connection = sqlite3.connect(tmp_path / FILE)
    assert connection.execute("SELECT value FROM notes").fetchall() == [(keyword.VERSION,)]
    connection.close()


@pytest.mark.parametrize("reason", ["a file", "below a file"])
def test_a_directory_that_is_none(tmp_path: Path, reason: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DirectoryUnusable):
        scanned(tmp_path / "file" if reason == "a file" else tmp_path / "file" / "data")


def test_damage_that_is_met_while_running_has_a_name(tmp_path: Path) -> None:
    store = scanned(tmp_path)
    store.create_collection("a", PLANE, {})
    store.upsert("a", random_documents(2000))
    store.close()
    path = tmp_path / FILE
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 4)
        file.write(b"\xff" * (size // 2))
    store = scanned(tmp_path)
    try:
        for read in (lambda: list(store.export("a")), lambda: store.search("a", Query("semantic", vector=EAST))):
            with pytest.raises(DirectoryUnusable, match="damaged"):
                read()
    finally:
        store.close()


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = scanned(tmp_path)
    store.create_collection("a", PLANE, {})
    store.upsert("a", [document(name, "x", EAST) for name in "ab"])
    export = store.export("a")
    next(export)
    store.close()
    store.close()
    for call in (lambda: store.collection("a"), lambda: store.upsert("a", []), lambda: next(export)):
        with pytest.raises(NotReady, match="closed"):
            call()


def test_an_empty_service_loads_no_chroma(tmp_path: Path) -> None:
    """It takes a second and 50 MB; a small collection is scanned."""
    program = (
        "import sys, time; from pathlib import Path; import numpy as np\n"
        "from app.store.embedded.store import EmbeddedStore\n"
        "from app.store.store import Document, Passage, Space\n"
        "passage = Passage(0, 0, np.ones(4, np.float32))\n"
        "store = EmbeddedStore(Path(sys.argv[1]), max_collections=1, on_fatal=print)\n"
        "store.create_collection('a', Space('m', 4), {})\n"
        "store.upsert('a', [Document(str(i), '', {}, (passage,)) for i in range(50)])\n"
        "while store.index_state().state != 'ready' or store.index_state().behind: time.sleep(0.02)\n"
        "store.close()\n"
        "print('chromadb' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
