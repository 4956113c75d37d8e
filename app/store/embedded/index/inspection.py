"""Have the index tried out by a child process, which may die of it: `app.store.embedded.index.trial`."""

import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.store.embedded.index.applier import IndexDamaged

LOCK = "index.lock"
ROOT = Path(__file__).resolve().parents[__name__.count(".")]  # the folder that app is in
# Opening reads the whole graph: a second for 100,000 passages, more on a cold disk.
TIMEOUT_S = 600
RETRY_S = 0.05


class Inspection:
    """One child at a time. `stop` ends it from another thread, and the next ones before they begin."""

    def __init__(self, directory: Path) -> None:
        self._lock_file = directory / LOCK
        self._lock = -1
        self._changing = threading.Lock()
        self._child: subprocess.Popen[str] | None = None
        self._stopped = threading.Event()

    @contextmanager
    def owning(self) -> Iterator[None]:
        """The index to ourselves: waits, until `stop`, for a child that has outlived its service and holds the lock."""
        self._lock = os.open(self._lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            while not self._take():
                self._stopped.wait(RETRY_S)
            yield
        finally:
            os.close(self._lock)

    def _take(self) -> bool:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return self._stopped.is_set()
        return True

    def inspect(self, index: Path, ledger: Path) -> None:
        """raises  IndexDamaged, with what is wrong; OSError, where no child can be started"""
        what = [str(index.resolve()), str(ledger.resolve()), str(os.getpid())]
        command = [sys.executable, "-m", "app.store.embedded.index.trial", *what]
        pipe = subprocess.PIPE
        with self._changing:
            if self._stopped.is_set():
                return
            self._child = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, pass_fds=[self._lock]
            )
        try:
            said, errors = self._child.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise IndexDamaged(f"it did not open within {TIMEOUT_S} s") from None
        finally:
            self._child.kill()
            self._child.wait()
        if not self._stopped.is_set():
            _judge(self._child.returncode, said.strip(), errors.strip())

    def stop(self) -> None:
        with self._changing:
            self._stopped.set()
            if self._child is not None:
                self._child.kill()


def _judge(code: int, said: str, errors: str) -> None:
    if code < 0:
        raise IndexDamaged(f"opening it ended in signal {-code}")
    if code:
        raise IndexDamaged(f"it cannot be opened: {errors.splitlines()[-1] if errors else 'for no reason given'}")
    if said:
        raise IndexDamaged(said)
