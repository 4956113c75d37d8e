"""Bytes in, lines out, however the bytes are cut; a line that is too long is skipped without being held."""

from collections.abc import Iterator

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Lines:
    """Splits at line feeds. A carriage return before one stays on its line; a byte order mark at the start goes.

    max_bytes  may change between two lines
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._held = bytearray()
        self._too_long = False
        self._number = 0

    def feed(self, chunk: bytes) -> Iterator[tuple[int, bytes | None]]:
        """Lines that `chunk` completes: (number from 1, content, or None where it is longer than `max_bytes`)."""
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            yield self._end_line(part)
        self._hold(rest)

    def end(self) -> Iterator[tuple[int, bytes | None]]:
        """The last line, where no line feed ended it."""
        if self._held or self._too_long:
            yield self._end_line(b"")

    def _hold(self, part: bytes) -> None:
        if self._too_long or len(self._held) + len(part) > self.max_bytes:
            self._held.clear()
            self._too_long = True
        else:
            self._held += part

    def _end_line(self, part: bytes) -> tuple[int, bytes | None]:
        self._hold(part)
        self._number += 1
        line = None if self._too_long else bytes(self._held)
        if line is not None and self._number == 1:
            line = line.removeprefix(BYTE_ORDER_MARK)
        self._held.clear()
        self._too_long = False
        return self._number, line
