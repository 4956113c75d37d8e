"""Plain text: a document for each paragraph; blank lines stand between them."""

from collections.abc import Iterator

from app.pipeline.drafts import Draft
from app.pipeline.formats.block import Block
from app.pipeline.formats.by_line import ByLine
from app.pipeline.formats.record import Item, Record


class Paragraphs(ByLine):
    def __init__(self, max_record_bytes: int) -> None:
        super().__init__(max_record_bytes)
        self._paragraph = Block(max_record_bytes, "the paragraph")

    def _read(self, number: int, line: bytes | None) -> Iterator[Item]:
        if line is not None and not line.strip():
            yield from self._finish()
        elif refused := self._paragraph.add(number, line):
            yield refused

    def _finish(self) -> Iterator[Item]:
        if taken := self._paragraph.take():
            yield Record(taken[0], Draft(taken[1]))
