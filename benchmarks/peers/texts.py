"""English texts of a wanted length in tokens, no two alike, so that no cache of any server helps.

They are cut from the docstrings of Python's standard library: a window that begins at any word. `mixed` has the lengths
that those docstrings have themselves (half below 32 tokens, one in ten above 140), up to what the model reads.
"""

import random
import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate, islice
from pathlib import Path

from tokenizers import Tokenizer

from benchmarks.store import english

# Debian's Python, whose library comes in several packages, has 5,839.
CORPUS_TEXTS = 5000
SPECIAL_TOKENS = 2  # [CLS] and [SEP]
# The workloads beside "words": least and most tokens of a text, special ones included; None: the docstrings' lengths.
LENGTHS: dict[str, tuple[int, int] | None] = {
    "sentences": (12, 20),
    "128 tokens": (128, 128),
    "256 tokens": (256, 256),
    "mixed": None,
}


class Texts:
    """A supply of texts for each workload, cut from `corpus`; the same `seed` gives the same texts."""

    def __init__(self, corpus: Sequence[str], tokenizer: Path, max_tokens: int, seed: int) -> None:
        tokens_of = Tokenizer.from_file(str(tokenizer))
        tokens_of.no_truncation()
        tokens_of.no_padding()
        encoded = tokens_of.encode_batch(list(corpus), add_special_tokens=False)
        self._random = random.Random(seed)
        self._text = "\n".join(corpus)
        self._lengths = [min(len(each.ids) + SPECIAL_TOKENS, max_tokens) for each in encoded]
        starts = accumulate((len(each) + 1 for each in corpus), initial=0)
        self._offsets = [
            (start + begin, start + end)
            for start, each in zip(starts, encoded, strict=False)
            for begin, end in each.offsets
        ]
        # Tokens that begin a word after a blank, and those that end before one: a cut there leaves tokens as they are.
        self._begins = [place for place, (start, _) in enumerate(self._offsets) if self._blank(start - 1)]
        self._ends = [self._blank(end) for _, end in self._offsets]
        self._seen: set[str] = set()
        words = list(dict.fromkeys(re.findall(r"[A-Za-z]{2,}", self._text)))
        self._random.shuffle(words)
        self._words = iter(words)

    @classmethod
    def of_docstrings(cls, tokenizer: Path, max_tokens: int, seed: int) -> "Texts":
        """raises  NotMeasured, where this Python's library has too few"""
        return cls(_docstrings(), tokenizer, max_tokens, seed)

    def take(self, workload: str, count: int) -> list[str]:
        """`count` texts that were not given before; fewer of the single words, where there are no more."""
        return list(islice(self._words if workload == "words" else self._windows(workload), count))

    def _windows(self, workload: str) -> Iterator[str]:
        while True:
            lengths = LENGTHS[workload]
            tokens = self._random.choice(self._lengths) if lengths is None else self._random.randint(*lengths)
            window = self._window(tokens - SPECIAL_TOKENS)
            if window is not None and window not in self._seen:
                self._seen.add(window)
                yield window

    def _window(self, tokens: int) -> str | None:
        first = self._random.choice(self._begins)
        last = first + tokens - 1
        if last >= len(self._offsets) or not self._ends[last]:
            return None
        return self._text[self._offsets[first][0] : self._offsets[last][1]]

    def _blank(self, place: int) -> bool:
        return not 0 <= place < len(self._text) or self._text[place].isspace()


@cache
def _docstrings() -> list[str]:
    return english.texts(CORPUS_TEXTS, seed=1)
