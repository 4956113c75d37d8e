"""One process owns a data directory: a locked file in it that names its holder."""

import fcntl
import os
import socket
import time
from datetime import UTC, datetime
from pathlib import Path

from app.errors import DirectoryTaken, DirectoryUnusable
from app.store.embedded.ledger.ledger import FULL

FILE = "owner"
# A service that was killed may have been starting a child, which has the lock until it is a program of its own.
PATIENCE_S, RETRY_S = 2.0, 0.02


class DirectoryLock:
    """Held from its construction until `close`, or until the process ends in whatever way.

    The kernel lets go of it with the process: a file left behind by a killed one locks nobody out.

    raises  DirectoryTaken, with what the holder wrote about itself; DirectoryUnusable
    source  flock(2)
    """

    def __init__(self, directory: Path) -> None:
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._file = os.open(directory / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise DirectoryUnusable(directory, error.strerror or str(error)) from error
        try:
            self._take()
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, _holder().encode(), 0)
        except BlockingIOError:
            holder = os.pread(self._file, 1000, 0).decode(errors="replace").strip()
            os.close(self._file)
            raise DirectoryTaken(directory, holder or "which has not said its name") from None
        except OSError as error:
            # A full disk has no room for the name; the lock needs none.
            if error.errno not in FULL:
                os.close(self._file)
                raise DirectoryUnusable(directory, error.strerror or str(error)) from error

    def _take(self) -> None:
        """raises  BlockingIOError, where somebody else has it all the time that we wait"""
        deadline_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline_s:
                    raise
                time.sleep(RETRY_S)
            else:
                return

    def close(self) -> None:
        """Let go. Calling it twice is fine."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _holder() -> str:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return f"process {os.getpid()} on {socket.gethostname()} since {since}\n"
