"""A file that is used where it lies, mapped into memory, as long as the process runs."""

import os
import weakref
from pathlib import Path

from app.errors import ModelChanged


class Mapped:
    """Tells whether the file was written to since this was made; before it is checked, that is.

    One that was replaced or removed has not changed: what is mapped is there until nobody maps it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._file)
        self._before = self._stamp()

    def check(self) -> None:
        """raises  ModelChanged"""
        if self._stamp() != self._before:
            raise ModelChanged(self._path)

    def _stamp(self) -> tuple[int, int]:
        status = os.fstat(self._file)
        return status.st_size, status.st_mtime_ns
