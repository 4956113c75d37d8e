"""CSV (RFC 4180): a header row, then a document a row; a quoted field may span lines.

The column `text` is the document, `id` its id; every other column is metadata. All of it stays text: what looks like a
number may be a postcode. An empty cell is no metadata.

source  https://www.rfc-editor.org/rfc/rfc4180
"""

import csv
import sys
from collections import Counter
from collections.abc import Iterator

from app.errors import InvalidInput
from app.pipeline.drafts import Draft, why_no_key
from app.pipeline.formats.by_line import ByLine
from app.pipeline.formats.record import Item, Record, Refused, too_large

# The module's own limit on a field, 131,072 characters, holds for the whole process; ours holds for the record.
csv.field_size_limit(sys.maxsize)


class Table(ByLine):
    """Reads rows. A row whose quote never closes is refused at the record limit, and reading goes on a line later."""

    def __init__(self, max_record_bytes: int) -> None:
        self._max_bytes = max_record_bytes
        super().__init__(max_record_bytes)
        self._columns: list[str] | None = None
        self._begin()

    def _begin(self) -> None:
        self._held: list[bytes] = []
        self._bytes = 0
        self._first = 0
        self._inside = False

    def _finish(self) -> Iterator[Item]:
        if self._held:
            yield from self._row()

    def _read(self, number: int, line: bytes | None) -> Iterator[Item]:
        if not self._held:
            self._first = number
            if line is not None and not line.strip():
                return
        self._bytes += self._max_bytes if line is None else len(line) + 1
        if line is None or self._bytes > self._max_bytes + 1:
            refused = too_large(self._first, self._max_bytes, "the row, perhaps for want of a closing quote,")
            self._begin()
            yield self._or_stop(refused)
            return
        self._held.append(line)
        self._inside = _ends_inside(line, self._inside)
        if not self._inside:
            yield from self._row()

    def _row(self) -> Iterator[Item]:
        first, raw = self._first, b"\n".join(self._held).removesuffix(b"\r")
        self._begin()
        try:
            cells = next(csv.reader([raw.decode()], strict=True))
        except UnicodeDecodeError as error:
            yield self._or_stop(Refused(first, f"the row is not UTF-8: {error.reason} at byte {error.start}"))
        except csv.Error as error:
            yield self._or_stop(Refused(first, f"the row is not CSV: {error}"))
        else:
            if self._columns is None:
                self._columns = _columns(cells)
            elif len(cells) != len(self._columns):
                yield Refused(first, f"the row has {len(cells)} cells and the header {len(self._columns)}")
            else:
                yield Record(first, _draft(dict(zip(self._columns, cells, strict=True))))

    def _or_stop(self, refused: Refused) -> Refused:
        """Without its header row no other row can be understood."""
        if self._columns is None:
            raise InvalidInput(f"the header row, line {refused.line}: {refused.reason}")
        return refused


def _columns(names: list[str]) -> list[str]:
    names = [name.strip() for name in names]
    if "text" not in names:
        raise InvalidInput(f"the header row has no column text: it has {', '.join(map(repr, names))[:200]}")
    for number, name in enumerate(names, 1):
        if why := why_no_key(name):
            raise InvalidInput(
                f"the header row calls column {number} {name[:80]!r}, which is no key of metadata: {why}"
            )
    name, times = Counter(names).most_common(1)[0]
    if times > 1:
        raise InvalidInput(f"the header row has the column {name[:80]!r} {times} times")
    return names


def _draft(cells: dict[str, str]) -> Draft:
    text, given_id = cells.pop("text"), cells.pop("id", "")
    return Draft(text, given_id or None, {name: cell for name, cell in cells.items() if cell})


def _ends_inside(line: bytes, inside: bool) -> bool:
    """Whether a quoted field is still open after `line`, `inside` saying whether one was open before it."""
    place = 0
    if not inside:
        if line.startswith(b'"'):
            place = 1
        elif (found := line.find(b',"')) >= 0:
            place = found + 2
        else:
            return False
    while True:  # `place` is inside a quoted field
        quote = line.find(b'"', place)
        if quote < 0:
            return True
        if line[quote + 1 : quote + 2] == b'"':
            place = quote + 2
            continue
        following = line.find(b',"', quote + 1)
        if following < 0:
            return False
        place = following + 2
