"""Text to token ids, in the model's own vocabulary."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tokenizers import Tokenizer

# Tokenising with a thread pool of its own fights with the encoder's lanes for the CPUs: 32 texts took 1.5 ms of CPU
# time with it and 0.9 without, in the same wall time (0013-engine.md). This variable is the library's only switch.
os.putenv("TOKENIZERS_PARALLELISM", "false")

# Characters tokenised at once where offsets are asked for: each token costs about 100 bytes while the call runs.
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


class TextTokenizer:
    """The model's tokenizer with neither truncation nor padding, so that a length is always the true one.

    Thread-safe. `encode` releases the GIL while it works.
    """

    def __init__(self, tokenizer: Tokenizer, max_tokens: int) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._tail = tokenizer.num_special_tokens_to_add(is_pair=False)
        self.max_tokens = max_tokens

    @classmethod
    def from_file(cls, path: Path, max_tokens: int) -> "TextTokenizer":
        return cls(Tokenizer.from_file(str(path)), max_tokens)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, special tokens included, however long the text is."""
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(list(texts))]

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """The characters [start, end) of `text` that each token stands for, special tokens left out."""
        found: list[tuple[int, int]] = []
        start = 0
        while start < len(text):
            end = start + BLOCK_CHARACTERS
            if end < len(text):
                end = next((place for place in range(end, end - BLANK_WITHIN, -1) if text[place].isspace()), end)
            encoding = self._tokenizer.encode(text[start:end], add_special_tokens=False)
            found += [(first + start, last + start) for first, last in encoding.offsets]
            start = end
        return found

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
            opening = min(1, self._tail)
            return ids[:opening] + ids[len(ids) - self.max_tokens + opening :]
        closing = self._tail - 1
        return ids[: self.max_tokens - closing] + (ids[-closing:] if closing else [])
