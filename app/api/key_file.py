"""Keys in a file, one a line: changed there, they are changed here within a second and without a restart."""

import logging
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

from app.errors import KeysUnreadable
from app.keys import keys_in

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
# What tells one state of the file from another: device, inode, size, and when its content and anything else changed.
State = tuple[int, int, int, int, int]


class KeyFile:
    """The keys of the file at `path`.

    A file that was good once and is not any more keeps its last keys: a slip in an editor locks nobody out, and opens
    nothing. Used on the event loop's thread alone; looking is one system call a second.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._state: State | None = None
        self._complaint = ""
        self._look_at = clock() + LOOK_EVERY_S

    def changed(self) -> list[str] | None:
        """The keys, where they have changed since the last look, at most once in LOOK_EVERY_S; else None."""
        if self._clock() < self._look_at:
            return None
        self._look_at = self._clock() + LOOK_EVERY_S
        try:
            if self._now() == self._state:
                return None
            keys = self.read()
        except KeysUnreadable as error:
            if str(error) != self._complaint:
                log.error("%s; the last keys stay in force", error)
            self._complaint = str(error)
            return None
        self._complaint = ""
        log.info("keys were changed", extra={"keys": len(keys)})
        return keys

    def _now(self) -> State:
        try:
            return _state(os.stat(self._path))
        except OSError as error:
            raise KeysUnreadable(self._path, error.strerror or "cannot be read") from None

    def read(self) -> list[str]:
        """The keys as they are now.

        raises  KeysUnreadable, with the reason and nothing of the content
        """
        try:
            # What is no file, a pipe, must not be waited for: everything else would wait as well.
            with open(self._path, "rb", opener=lambda path, flags: os.open(path, flags | os.O_NONBLOCK)) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise KeysUnreadable(self._path, "is no file")
                # Before the content: what is written from here on is another state, and the next look reads it.
                self._state = _state(os.fstat(file.fileno()))
                content = file.read().decode()
        except UnicodeDecodeError:
            raise KeysUnreadable(self._path, "is not UTF-8 text") from None
        except OSError as error:
            raise KeysUnreadable(self._path, error.strerror or "cannot be read") from None
        try:
            keys = keys_in(content)
        except ValueError as error:
            raise KeysUnreadable(self._path, str(error)) from None
        if not keys:
            raise KeysUnreadable(self._path, "holds no key")
        return keys


def _state(found: os.stat_result) -> State:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
