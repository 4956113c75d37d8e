"""Server-sent events out of bytes, in whatever pieces they come.

source  https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

import re
from collections.abc import Iterator

from app.errors import RemoteFailed

# A chunk of an answer has some hundred bytes: what is this long is no such stream.
MAX_EVENT_BYTES = 1_000_000
_line_end = re.compile(rb"\r\n|\n|\r(?!$)")


class EventParser:
    """Gives the data of each event; its other fields, which no service of this kind uses, are left out."""

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max_event_bytes = max_event_bytes
        self._rest = b""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[str]:
        """The events that `chunk` completes. An event that nothing ends is none.

        raises  RemoteFailed, where an event is too long or no UTF-8
        """
        *lines, self._rest = _line_end.split(self._rest + chunk)
        for line in lines:
            if line:
                self._take(line)
            elif self._data:
                whole, self._data, self._size = b"\n".join(self._data), [], 0
                try:
                    yield whole.decode()
                except UnicodeDecodeError:
                    raise RemoteFailed("malformed", "it sent an event that is no UTF-8") from None
        if self._size + len(self._rest) > self._max_event_bytes:
            raise RemoteFailed("malformed", f"it sent an event of more than {self._max_event_bytes} bytes")

    def _take(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
            self._size += len(value)
