"""The whole store in one file, taken while a service writes, and a directory made of it again.

The index is not in it: the next start makes it from the ledger.
"""

import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator, Set
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from app.errors import DirectoryNewer, DirectoryUnusable, StorageFull
from app.store.embedded.ledger.ledger import FILE, FULL
from app.store.embedded.ledger.schema import STEPS, found_format
from app.store.embedded.lock import FILE as OWNER
from app.store.embedded.lock import DirectoryLock

# What a freshly made file system holds, and what a restore that came to nothing leaves.
NOTHING = {"lost+found", OWNER, f".{FILE}.part"}
# What goes wrong with the ledger while it is copied; anything else is the copy's.
READING = {"SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR_READ", "SQLITE_IOERR_SHORT_READ", "SQLITE_IOERR_CORRUPTFS"}


def backup(directory: Path, file: Path) -> None:
    """Write `file`, a SQLite database as of one moment; one of that name stays until the new one is complete.

    From any process, also while another one serves `directory`: it goes on reading and writing.
    raises  DirectoryUnusable, where there is no ledger, it cannot be read, or `file` cannot be written; StorageFull
    """
    ledger = directory / FILE
    if not ledger.is_file():
        raise DirectoryUnusable(directory, f"there is no {FILE} in it")
    with _arriving(file) as part, _blaming(directory), closing(sqlite3.connect(ledger, timeout=60)) as source:
        found_format(source)  # what cannot be read at all is told apart from what cannot be written
        with _blaming(file, but=READING), closing(sqlite3.connect(part)) as copy:
            # In one step: with more, every write of the service would make it begin again.
            source.backup(copy, pages=-1)
            copy.execute("PRAGMA journal_mode = DELETE")


@contextmanager
def _blaming(path: Path, but: Set[str] = frozenset()) -> Iterator[None]:
    """raises  DirectoryUnusable, naming `path`, where SQLite fails in another way than those in `but`; StorageFull"""
    try:
        yield
    except sqlite3.DatabaseError as error:
        name = getattr(error, "sqlite_errorname", "")
        if name == "SQLITE_FULL":
            raise StorageFull(str(error)) from error
        if name in but:
            raise
        raise DirectoryUnusable(path, str(error)) from error


def restore(file: Path, directory: Path) -> None:
    """Make `directory`, empty or not there yet, the store that was backed up into `file`.

    raises  DirectoryUnusable, naming what is in the directory, or why the file is no backup; DirectoryNewer, where a
            later version made it; StorageFull
    """
    _refuse_unless_empty(directory)
    _examine(file)
    lock = DirectoryLock(directory)
    try:
        _refuse_unless_empty(directory)  # still, now that nobody else can fill it
        with _arriving(directory / FILE) as part:
            shutil.copyfile(file, part)
    finally:
        lock.close()


def _refuse_unless_empty(directory: Path) -> None:
    found = {path.name for path in directory.iterdir()} - NOTHING if directory.is_dir() else set()
    if found:
        raise DirectoryUnusable(
            directory, f"a backup is restored into an empty directory, this one has {', '.join(sorted(found))}"
        )


def _examine(file: Path) -> None:
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise DirectoryUnusable(file, "it is not a regular file")
        file.open("rb").close()  # SQLite would not say why it cannot be opened
        # Immutable: nothing is written beside it, and it may be where nothing can be.
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?immutable=1", uri=True)) as backup:
            found = found_format(backup)
            if not found:
                raise DirectoryUnusable(file, "it is a database, but not a backup of this service")
            if found > len(STEPS):
                raise DirectoryNewer(file, found, len(STEPS))
            (verdict,) = backup.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise DirectoryUnusable(file, f"it is damaged: {verdict}")
    except sqlite3.DatabaseError as error:
        raise DirectoryUnusable(file, f"it is not a backup: {error}") from error
    except OSError as error:
        raise DirectoryUnusable(file, error.strerror or str(error)) from error


@contextmanager
def _arriving(file: Path) -> Iterator[Path]:
    """A path to write to, which becomes `file` once it is complete and on disk, or is removed."""
    part = file.with_name(f".{file.name}.part")
    try:
        part.unlink(missing_ok=True)
        part.touch()  # SQLite would not say why it cannot
        yield part
        _sync(part)
        part.replace(file)
        _sync(file.parent)
    except OSError as error:
        if error.errno in FULL:
            raise StorageFull(str(error)) from error
        named = file if error.filename in (None, str(part)) else Path(error.filename)
        raise DirectoryUnusable(named, error.strerror or str(error)) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
