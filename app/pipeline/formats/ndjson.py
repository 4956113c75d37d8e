"""NDJSON: a JSON object a line, as `GET …/export` writes it."""

from collections.abc import Iterator

import orjson

from app.errors import InvalidInput
from app.pipeline.drafts import from_json
from app.pipeline.formats.by_line import ByLine
from app.pipeline.formats.record import Header, Item, Record, Refused, too_large


class Ndjson(ByLine):
    """{"text", "id"?, "metadata"?, "vector"? or "passages"?} a line; {"collection": {…}} is an export's first line."""

    def __init__(self, max_record_bytes: int) -> None:
        self._max_bytes = max_record_bytes
        super().__init__(max_record_bytes)

    def _read(self, number: int, line: bytes | None) -> Iterator[Item]:
        if line is None:
            yield too_large(number, self._max_bytes, "the line")
            return
        if not line.strip():
            return
        try:
            value = orjson.loads(line)
            if isinstance(value, dict) and set(value) == {"collection"} and isinstance(value["collection"], dict):
                yield Header(number, value["collection"])
            else:
                yield Record(number, from_json(value, f"of line {number}"))
        except orjson.JSONDecodeError as error:
            yield Refused(number, f"the line is not JSON: {error.msg}, column {error.colno}")
        except InvalidInput as error:
            yield Refused(number, str(error))
