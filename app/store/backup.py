"""The whole store in one file, taken while a service writes, and a directory made of it again.

The index is not in it: the next start makes it from the ledger.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from app.errors import DirectoryNewer, DirectoryUnusable, StorageFull
from app.store.ledger.ledger import FILE, FULL
from app.store.ledger.schema import STEPS, found_format
from app.store.lock import DirectoryLock

# What a freshly made file system holds.
NOTHING = {"lost+found"}


def backup(directory: Path, file: Path) -> None:
    """Write `file`, a SQLite database as of one moment; one of that name stays until the new one is complete.

    From any process, also while another one serves `directory`: it goes on reading and writing.
    raises  DirectoryUnusable, where there is no ledger, it cannot be read, or `file` cannot be written; StorageFull
    """
    ledger = directory / FILE
    if not ledger.is_file():
        raise DirectoryUnusable(directory, f"there is no {FILE} in it")
    with _arriving(file) as part:
        try:
            with closing(sqlite3.connect(ledger, timeout=60)) as source, closing(sqlite3.connect(part)) as copy:
                # In one step: with more, every write of the service would make it begin again.
                source.backup(copy, pages=-1)
                copy.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
                raise StorageFull(str(error)) from error
            raise DirectoryUnusable(directory, str(error)) from error


def restore(file: Path, directory: Path) -> None:
    """Make `directory`, empty or not there yet, the store that was backed up into `file`.

    raises  DirectoryUnusable, naming what is in the directory, or why the file is no backup; DirectoryNewer, where a
            later version made it; StorageFull
    """
    found = sorted(path.name for path in directory.iterdir()) if directory.is_dir() else []
    if set(found) - NOTHING:
        raise DirectoryUnusable(
            directory, f"a backup is restored into an empty directory, this one has {', '.join(found)}"
        )
    lock = DirectoryLock(directory)
    try:
        with _arriving(directory / FILE) as part:
            try:
                shutil.copyfile(file, part)
                _examine(part, file)
            except sqlite3.DatabaseError as error:
                raise DirectoryUnusable(file, f"it is not a backup: {error}") from error
    finally:
        lock.close()


def _examine(part: Path, file: Path) -> None:
    with closing(sqlite3.connect(part)) as copy:
        found = found_format(copy)
        if not found:
            raise DirectoryUnusable(file, "it is a database, but not a backup of this service")
        if found > len(STEPS):
            raise DirectoryNewer(file, found, len(STEPS))
        (verdict,) = copy.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise DirectoryUnusable(file, f"it is damaged: {verdict}")


@contextmanager
def _arriving(file: Path) -> Iterator[Path]:
    """A path to write to, which becomes `file` once it is complete and on disk, or is removed."""
    part = file.with_name(f".{file.name}.part")
    try:
        part.unlink(missing_ok=True)
        yield part
        _sync(part)
        part.replace(file)
        _sync(file.parent)
    except OSError as error:
        if error.errno in FULL:
            raise StorageFull(str(error)) from error
        raise DirectoryUnusable(Path(error.filename or file), error.strerror or str(error)) from error
    finally:
        part.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
