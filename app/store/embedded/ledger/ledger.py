"""The ledger: the SQLite file that is the truth. One writer at a time, readers beside it, errors by their names."""

import errno
import logging
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from app.errors import DirectoryNewer, DirectoryUnusable, NotReady, StorageFull
from app.store.embedded.ledger.schema import STEPS, found_format, migrate

log = logging.getLogger(__name__)

FILE = "ledger.sqlite"
# Pages that hold whole vectors: of 384 float32 there are two to a page of 4096 bytes, and five to one of 8192.
PAGE_BYTES = 8192
# A write-ahead log that has grown to this is emptied, and cut back to it where it grew under a long export.
MAX_LOG_BYTES = 64 * 2**20
# How long a writer waits for that while others read; with readers of milliseconds it took 110 to 140 ms.
EMPTYING_MS = 1000
# How long a connection waits for another that holds the file.
BUSY_MS = 60_000
# With less room than this, an I/O error of a write is taken for a full disk, whatever SQLite calls it.
FULL_BYTES = 2**20
T = TypeVar("T")
FULL = {errno.ENOSPC, errno.EDQUOT}


class Ledger:
    """The file in `directory`, created or brought to this version's format.

    A transaction is on disk when `writing()` is left without an error (WAL, synchronous=FULL).

    raises  DirectoryNewer; DirectoryUnusable, with the reason; StorageFull
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / FILE
        self._writer_lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._running = 0
        self._changed = threading.Condition()
        self._closed = False
        self._empty_at_bytes = MAX_LOG_BYTES
        with self._named():
            self._writer = self.connect()
            try:
                self._prepare()
            except BaseException:
                self._writer.close()
                raise

    def _prepare(self) -> None:
        found = found_format(self._writer)
        if found > len(STEPS):
            raise DirectoryNewer(self.path.parent, found, len(STEPS))
        if not found:
            self._writer.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        mode = self._writer.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise DirectoryUnusable(self.path.parent, f"its file system takes no write-ahead log (mode {mode})")
        self._writer.execute("PRAGMA synchronous = FULL")
        self._writer.execute(f"PRAGMA journal_size_limit = {MAX_LOG_BYTES}")
        migrate(self._writer)

    def connect(self) -> sqlite3.Connection:
        """A connection in autocommit mode, for one thread at a time. Transactions are begun and ended by hand."""
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000)
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        return connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is on disk when the block is left, and never was when the block raises.

        raises  StorageFull; NotReady once closed
        """
        with self._writer_lock, self._named():
            self._refuse_closed()
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise
            if self._log_bytes() > self._empty_at_bytes:
                self._empty_log()

    def _empty_log(self) -> None:
        """SQLite begins its log anew where nobody reads from it. Where one reader follows another without a gap, that
        never is, unless somebody waits for those that are there while the next read from the file itself.

        Under a reader that takes longer, an export, it is tried again when as much more has been written.
        """
        try:
            self._writer.execute(f"PRAGMA busy_timeout = {EMPTYING_MS}")
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error as error:  # what was written is on disk all the same
            log.warning("the write-ahead log could not be emptied: %s", error)
        finally:
            self._writer.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        self._empty_at_bytes = self._log_bytes() + MAX_LOG_BYTES

    def _log_bytes(self) -> int:
        """What the write-ahead log takes on disk."""
        return _bytes(self.path.with_name(f"{FILE}-wal"))

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A snapshot: everything read in the block is as of its first statement. raises NotReady once closed"""
        with self._named():
            connection = self._borrow()
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                self._give_back(connection)

    def streaming(self, read: Callable[[sqlite3.Connection], Iterator[T]]) -> Iterator[T]:
        """What `read` yields, all of one snapshot, on a connection of its own that ends with the iterator.

        Not waited for when the ledger closes: an iterator that nobody goes on with would never end.
        raises  NotReady, at the next item, once closed
        """
        with self._named():
            connection = self.connect()
            try:
                connection.execute("BEGIN")
                for item in read(connection):
                    yield item
                    self._refuse_closed()
            finally:
                connection.close()

    def _borrow(self) -> sqlite3.Connection:
        with self._changed:
            self._refuse_closed()
            self._running += 1
            if self._idle:
                return self._idle.pop()
        try:
            return self.connect()
        except BaseException:
            with self._changed:
                self._running -= 1
            raise

    def _give_back(self, connection: sqlite3.Connection) -> None:
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error:
            connection.close()
        else:
            with self._changed:
                self._idle.append(connection)
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def close(self) -> None:
        """Wait for what runs, then let go of the file. Calling it twice is fine."""
        with self._writer_lock, self._changed:
            self._closed = True
            self._changed.wait_for(lambda: not self._running)
            for connection in (*self._idle, self._writer):
                connection.close()
            self._idle = []

    def bytes(self) -> int:
        """What it takes on disk, its write-ahead log included."""
        return _bytes(self.path) + self._log_bytes()

    def _refuse_closed(self) -> None:
        if self._closed:
            raise NotReady("the store is closed")

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            named = self._name(error)
            if named is None:
                raise
            raise named from error
        except OSError as error:
            if error.errno in FULL:
                raise StorageFull(str(error)) from error
            raise

    def _name(self, error: sqlite3.DatabaseError) -> StorageFull | DirectoryUnusable | None:
        # The low byte is the kind, the rest a detail: https://www.sqlite.org/rescode.html
        kind = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        directory = self.path.parent
        if kind == sqlite3.SQLITE_FULL:
            return StorageFull(str(error))
        if kind == sqlite3.SQLITE_IOERR and shutil.disk_usage(directory).free < FULL_BYTES:
            return StorageFull(str(error))
        if kind in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return DirectoryUnusable(directory, f"its ledger is damaged ({error}): restore a backup")
        if kind in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            return DirectoryUnusable(directory, str(error))
        return None


def _bytes(file: Path) -> int:
    """0 where there is none."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
