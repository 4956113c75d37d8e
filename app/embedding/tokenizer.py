"""Text to token ids, in the model's own vocabulary."""

import os
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer

# Tokenising with a thread pool of its own fights with the encoder's lanes for the CPUs: 32 texts took 1.5 ms of CPU
# time with it and 0.9 without, in the same wall time (0013-engine.md). This variable is the library's only switch.
os.putenv("TOKENIZERS_PARALLELISM", "false")

# Characters tokenised at once where offsets are asked for: each token costs about 100 bytes while the call runs.
BLOCK_CHARACTERS = 50_000
# How far before a block's end a blank is looked for, so that no word is cut.
BLANK_WITHIN = 1000


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

    def cut(self, ids: list[int]) -> list[int]:
        """The first `max_tokens` ids, with the closing special tokens kept as the last ones.

        BERT's layout: one special token opens a text, the others close it.
        """
        if len(ids) <= self.max_tokens:
            return ids
        closing = self._tail - 1
        return ids[: self.max_tokens - closing] + (ids[-closing:] if closing else [])
