"""NDJSON: a JSON object a line, as `GET …/export` writes it."""

from collections.abc import Iterator

import orjson

from app.errors import InvalidInput
from app.exact_json import loads
from app.pipeline.drafts import from_json
from app.pipeline.formats.by_line import ByLine
from app.pipeline.formats.record import Header, Item, Record, Refused, too_large

# What an export's line may have besides a text that filled a request's body: an id that was made for it or stood in the
# address, names of fields, metadata whose numbers are written out.
ENVELOPE_BYTES = 64 * 1024


class Ndjson(ByLine):
    """{"text", "id"?, "metadata"?, "vector"? or "passages"?} a line; {"collection": {…}} is an export's first line.

    max_exported_bytes  in a line after that first one, which has the vectors of a long text as well; it counts in place
                        of `max_record_bytes` where it is more, with ENVELOPE_BYTES on top
    """

    def __init__(self, max_record_bytes: int, max_exported_bytes: int = 0) -> None:
        super().__init__(max_record_bytes)
        self._max_exported_bytes = max_exported_bytes
        self._limit, self._setting = max_record_bytes, "MAX_RECORD_BYTES"

    def _read(self, number: int, line: bytes | None) -> Iterator[Item]:
        if line is None:
            yield too_large(number, self._limit, "the line", self._setting)
            return
        if not line.strip():
            return
        try:
            value = loads(line)
            if isinstance(value, dict) and set(value) == {"collection"} and isinstance(value["collection"], dict):
                if self._max_exported_bytes > self._limit:
                    self._limit, self._setting = self._max_exported_bytes, "MAX_BODY_BYTES"
                    self._lines.max_bytes = self._limit + ENVELOPE_BYTES
                yield Header(number, value["collection"])
            else:
                yield Record(number, from_json(value, f"of line {number}"))
        except orjson.JSONDecodeError as error:
            yield Refused(number, f"the line is not JSON: {error.msg}, column {error.colno}")
        except InvalidInput as error:
            yield Refused(number, str(error))
