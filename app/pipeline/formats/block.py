"""Lines of text gathered into one record, within a limit."""

from app.pipeline.formats.record import Refused, too_large


class Block:
    """A section or a paragraph while it is read. Once it cannot be kept it is held no longer, and refused once."""

    def __init__(self, max_bytes: int, what: str) -> None:
        self._max_bytes = max_bytes
        self._what = what
        self._begin()

    def _begin(self) -> None:
        self._lines: list[str] = []
        self._bytes = 0
        self._first = 0
        self._refused = False

    def add(self, number: int, line: bytes | None) -> Refused | None:
        """Take a line in, None for one that was too long. returns  the refusal of the whole block"""
        if self._refused:
            return None
        self._first = self._first or number
        self._bytes += self._max_bytes if line is None else len(line) + 1
        if line is None or self._bytes > self._max_bytes + 1:
            return self.refuse(too_large(self._first, self._max_bytes, self._what))
        try:
            self._lines.append(line.removesuffix(b"\r").decode())
        except UnicodeDecodeError as error:
            return self.refuse(Refused(self._first, f"{self._what} is not UTF-8: {error.reason} in line {number}"))
        return None

    def refuse(self, refusal: Refused) -> Refused:
        """Let go of what is held, and of what else belongs to it."""
        self._refused = True
        self._lines.clear()
        return refusal

    def take(self) -> tuple[int, str] | None:
        """(the line it begins on, its text without blanks around it), and begin anew; None where there is nothing."""
        first, text = self._first, "\n".join(self._lines).strip()
        self._begin()
        return (first, text) if text else None
