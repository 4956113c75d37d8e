"""What reading an import gives, whatever its form."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from app.pipeline.drafts import Draft


@dataclass(frozen=True)
class Record:
    """A document, and the line that it begins on, from 1."""

    line: int
    draft: Draft


@dataclass(frozen=True)
class Refused:
    """A record that cannot be read, the line that it begins on, and why. The rest goes on."""

    line: int
    reason: str


@dataclass(frozen=True)
class Header:
    """What an export says of the collection that it came from."""

    line: int
    collection: Mapping[str, Any]


Item = Record | Refused | Header


class Reader(Protocol):
    """Bytes in, records out. How the bytes are cut into pieces makes no difference."""

    def feed(self, chunk: bytes) -> Iterator[Item]:
        """What `chunk` has completed; to be read to its end before the next one.

        raises  InvalidInput, where nothing that follows could be understood
        """

    def end(self) -> Iterator[Item]:
        """What was left open."""


def too_large(line: int, limit: int, what: str, setting: str = "MAX_RECORD_BYTES") -> Refused:
    return Refused(line, f"{what} has more than {limit} bytes ({setting})")
