"""What every form has in common: records are read line by line, and something may be open at the end."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

from app.pipeline.formats.lines import Lines
from app.pipeline.formats.record import Item


class ByLine(ABC):
    """A `Reader` that is told of each line as it is completed, and of the end."""

    def __init__(self, max_record_bytes: int) -> None:
        self._lines = Lines(max_record_bytes)

    def feed(self, chunk: bytes) -> Iterator[Item]:
        for number, line in self._lines.feed(chunk):
            yield from self._read(number, line)

    def end(self) -> Iterator[Item]:
        for number, line in self._lines.end():
            yield from self._read(number, line)
        yield from self._finish()

    @abstractmethod
    def _read(self, number: int, line: bytes | None) -> Iterator[Item]:
        """What a line completes. number: from 1; line: None where it is longer than a record may be"""

    def _finish(self) -> Iterator[Item]:
        """What was left open: nothing, in a form whose every line is whole."""
        return iter(())
