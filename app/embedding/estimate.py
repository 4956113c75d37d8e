"""Tokens of a vocabulary that is not here, estimated: for models of a service, which count by themselves."""

import re
from array import array
from collections.abc import Sequence

from app.embedding.passages import Offsets, Span

# Up to four ASCII letters or digits, any other sign, or four blanks of a longer run: about what OpenAI's encodings make
# of prose, and never more bytes than BYTES_AT_MOST, the blanks before it included. A byte-level vocabulary makes at
# most one token of a byte.
_piece = re.compile(r"[0-9A-Za-z]{1,4}|\s{4}|[^\s0-9A-Za-z]")
BYTES_AT_MOST = 13


class EstimatingTokenizer:
    """What cutting needs of a tokenizer. The same text is cut at the same places whatever model is served here."""

    def __init__(self, max_tokens: int) -> None:
        self.max_tokens = max_tokens

    def counts(self, texts: Sequence[str]) -> list[int]:
        return [sum(1 for _ in _piece.finditer(text)) for text in texts]

    def offsets(self, text: str) -> Offsets:
        starts, ends = array("i"), array("i")
        for match in _piece.finditer(text):
            starts.append(match.start())
            ends.append(match.end())
        return Offsets(starts, ends)

    def cut(self, text: str) -> Span:
        """The beginning of `text` that has `max_tokens` at most."""
        for count, match in enumerate(_piece.finditer(text), 1):
            if count > self.max_tokens:
                return Span(0, match.start())
        return Span(0, len(text))
