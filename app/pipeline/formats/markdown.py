"""Markdown: a document for each section under a heading of level 1 or 2, with {"title", "heading"} as metadata.

`title` is the last heading of level 1, `heading` the section's own; what stands before the first heading is a document
without them. Headings are those that begin with #; one inside a fenced code block is none.

source  https://spec.commonmark.org/0.31.2/ sections 4.2 and 4.5
"""

from collections.abc import Iterator

from app.pipeline.drafts import Draft
from app.pipeline.formats.block import Block
from app.pipeline.formats.by_line import ByLine
from app.pipeline.formats.record import Item, Record, Refused


class Markdown(ByLine):
    def __init__(self, max_record_bytes: int) -> None:
        super().__init__(max_record_bytes)
        self._section = Block(max_record_bytes, "the section")
        self._fence = ""
        self._title = self._heading = ""
        # The line of a title that is not UTF-8: the sections under it would bear what it is not.
        self._broken_title = 0

    def _read(self, number: int, line: bytes | None) -> Iterator[Item]:
        text = (line or b"").decode(errors="replace")
        if fence := _fence(text):
            if not self._fence:
                self._fence = fence
            elif fence.startswith(self._fence) and text.strip() == fence:
                self._fence = ""
        elif not self._fence and (heading := _heading(text)) is not None:
            yield from self._finish()
            level, self._heading = heading
            if level == 1:
                self._title = self._heading
                self._broken_title = 0 if _is_utf_8(line or b"") else number
            elif self._broken_title:
                yield self._section.refuse(Refused(number, f"its title, line {self._broken_title}, is not UTF-8"))
        if refused := self._section.add(number, line):
            yield refused

    def _finish(self) -> Iterator[Item]:
        if taken := self._section.take():
            first, text = taken
            named = {"title": self._title, "heading": self._heading}
            yield Record(first, Draft(text, metadata={key: value for key, value in named.items() if value}))


def _is_utf_8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _content(line: str) -> str:
    """Without blanks around it; nothing where it is indented so far that it is code."""
    return "" if line.startswith(("    ", "\t")) else line.strip()


def _heading(line: str) -> tuple[int, str] | None:
    """(level, text) of a heading of level 1 or 2."""
    content = _content(line)
    after = content.lstrip("#")
    level = len(content) - len(after)
    if level not in (1, 2) or (after and after[0] not in " \t"):
        return None
    closed = after.rstrip("#")
    return level, (closed if not closed.strip() or closed[-1] in " \t" else after).strip()


def _fence(line: str) -> str:
    """The run of ``` or ~~~ that the line begins with, at least three long; else nothing."""
    content = _content(line)
    mark = content[:1]
    if mark not in ("`", "~") or not mark:
        return ""
    run = content[: len(content) - len(content.lstrip(mark))]
    return run if len(run) >= 3 and (mark == "~" or mark not in content[len(run) :]) else ""
