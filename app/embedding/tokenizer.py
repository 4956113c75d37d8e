"""Text to token ids, in the model's own vocabulary."""

import os
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from tokenizers import Tokenizer

from app.embedding.passages import Offsets
from app.embedding.plain_text import PlainFirst

# Tokenising with a thread pool of its own fights with the encoder's lanes for the CPUs: 32 texts took 1.5 ms of CPU
# time with it and 0.9 without, in the same wall time (0013-engine.md). This variable is the library's only switch.
os.putenv("TOKENIZERS_PARALLELISM", "false")

# Characters tokenised at once: each token costs about 150 bytes while the call runs, and may be a single character.
BLOCK_CHARACTERS = 50_000
# How far before a block's end a blank is looked for, so that no word is cut.
BLANK_WITHIN = 1000

Side = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class Token:
    """One token of a text.

    text         the characters [start, stop) that it stands for; the token's own name where it is special
    special      put there by the model's layout: it stands for no character, and start and stop are None
    start, stop  in characters (Unicode code points)
    """

    id: int
    text: str
    special: bool
    start: int | None
    stop: int | None


class Read(NamedTuple):
    """What the model reads of a text: `max_tokens` ids at most, special tokens included; tokens: those of all of it."""

    ids: list[int]
    tokens: int


class TextTokenizer:
    """The model's tokenizer with neither truncation nor padding, so that a length is always the true one.

    Thread-safe. Lets go of the GIL while it works, but for plain text that is read word by word.
    """

    def __init__(self, tokenizer: Tokenizer, max_tokens: int) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer, self._plain_first = tokenizer, PlainFirst(tokenizer)
        special = tokenizer.encode("").ids
        self._opening, self._closing = special[:1], special[1:]
        self.max_tokens = max_tokens

    @classmethod
    def from_file(cls, path: Path, max_tokens: int) -> "TextTokenizer":
        return cls(Tokenizer.from_file(str(path)), max_tokens)

    def read(self, texts: Sequence[str], side: Side = "right") -> Iterator[list[Read]]:
        """What the model reads of each text, in order, however long they are. side: which one is cut off.

        A few at each step, or none where a text takes several, so that nobody waits long to stop it, and no more than
        BLOCK_CHARACTERS of them take memory.
        """
        some, characters = list[str](), 0
        for text in texts:
            if characters + len(text) > BLOCK_CHARACTERS:
                yield self._read(some, side)
                some, characters = [], 0
            if len(text) > BLOCK_CHARACTERS:
                yield from self._read_in_blocks(text, side)
            else:
                some.append(text)
                characters += len(text)
        yield self._read(some, side)

    def counts(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens included."""
        return [len(ids) for ids in self._plain_first.ids(texts)]

    def offsets(self, text: str) -> Offsets:
        """The characters of `text` that each token stands for, special tokens left out."""
        starts, ends = array("i"), array("i")
        for begin, end in _blocks(text):
            encoding = self._plain_first.encode(text[begin:end])
            starts.extend([start + begin for start, _ in encoding.offsets])
            ends.extend([stop + begin for _, stop in encoding.offsets])
        return Offsets(starts, ends)

    def tokens(self, texts: Sequence[str], *, special: bool = True) -> list[list[Token]]:
        """The tokens of each text, with the special ones unless `special` is false, however long the text is."""
        found = self._tokenizer.encode_batch(list(texts), add_special_tokens=special)
        return [
            [
                Token(key, name, True, None, None) if mask else Token(key, text[start:stop], False, start, stop)
                for key, name, mask, (start, stop) in zip(
                    encoding.ids, encoding.tokens, encoding.special_tokens_mask, encoding.offsets, strict=True
                )
            ]
            for text, encoding in zip(texts, found, strict=True)
        ]

    def cut(self, ids: list[int], side: Side = "right") -> list[int]:
        """`max_tokens` of the ids, special tokens kept: the first ones, or the last where the left side is cut off.

        BERT's layout: one special token opens a text, the others close it.
        """
        if len(ids) <= self.max_tokens:
            return ids
        if side == "left":
            return self._opening + ids[len(ids) - self.max_tokens + len(self._opening) :]
        return ids[: self.max_tokens - len(self._closing)] + self._closing

    def _read(self, texts: list[str], side: Side) -> list[Read]:
        return [Read(self.cut(ids, side), len(ids)) for ids in self._plain_first.ids(texts)]

    def _read_in_blocks(self, text: str, side: Side) -> Iterator[list[Read]]:
        ids, tokens = list[int](), len(self._opening) + len(self._closing)
        for begin, end in _blocks(text):
            encoding = self._plain_first.encode(text[begin:end])
            tokens += len(encoding)
            ids += encoding.ids
            ids = ids[-self.max_tokens :] if side == "left" else ids[: self.max_tokens]
            yield []
        yield [Read(self.cut([*self._opening, *ids, *self._closing], side), tokens)]


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    """[start, end) of parts of BLOCK_CHARACTERS at most, which end before a blank where there is one."""
    start = 0
    while start < len(text):
        end = start + BLOCK_CHARACTERS
        if end < len(text):
            # Before the first of several: some vocabularies have a token for blanks that end a text.
            latest_first = range(end, max(start, end - BLANK_WITHIN), -1)
            blanks = (place for place in latest_first if text[place].isspace() and not text[place - 1].isspace())
            end = next(blanks, end)
        yield start, end
        start = end
