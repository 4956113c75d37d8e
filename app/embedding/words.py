"""Plain text word by word: what BERT's tokenizer says of a word is asked of it once, and known from then on."""

import re
from collections.abc import Sequence
from itertools import chain

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

# Room for about 20,000 words; then all are forgotten, since knowing which ones are used would cost more at every word.
MAX_BYTES = 4_000_000
# What a word takes beside its characters and its ids: string, tuple and place in the dictionary. A test measures it.
ENTRY_BYTES = 130
ID_BYTES = 40

# BERT's words, once letters are small: letters and digits that stand together, and each other character by itself.
_words = re.compile(r"[a-z0-9]+|[^a-z0-9\s]").findall
# No control characters but those that are blanks: BERT's normaliser takes the others out.
_plain = re.compile(r"[\t\n\r -~]*").fullmatch


def is_plain(text: str) -> bool:
    """Whether it is ASCII without control characters."""
    return _plain(text) is not None


class Words:
    """Token ids of plain text: ASCII without control characters and without what the tokenizer adds to its vocabulary.

    Exact, since there BERT's tokenizer takes each word by itself. Thread-safe: who meets in it asks for a word twice at
    the worst.

    bytes  that they take, by estimate
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._model = tokenizer.model
        around = tokenizer.encode("").ids
        self._opening, self._closing = around[:1], around[1:]
        added = [re.escape(token.content) for token in tokenizer.get_added_tokens_decoder().values()]
        self._added = re.compile("|".join(added) or "(?!)", re.IGNORECASE).search
        self._known: dict[str, tuple[int, ...]] = {}
        self.bytes = 0

    @staticmethod
    def suit(tokenizer: Tokenizer) -> bool:
        """Whether it takes plain text word by word, with small letters."""
        return (
            isinstance(tokenizer.normalizer, BertNormalizer)
            and tokenizer.normalizer.lowercase
            and isinstance(tokenizer.pre_tokenizer, BertPreTokenizer)
            and isinstance(tokenizer.model, WordPiece)
        )

    def __len__(self) -> int:
        return len(self._known)

    def ids(self, text: str) -> list[int] | None:
        """The ids of `text`, special tokens included; None where it is not plain."""
        if not is_plain(text) or self._added(text) is not None:
            return None
        words, known = _words(text.lower()), self._known
        try:
            return self._joined(words, known)
        except KeyError:
            return self._joined(words, self._learn(words))

    def _joined(self, words: Sequence[str], known: dict[str, tuple[int, ...]]) -> list[int]:
        return [*self._opening, *chain.from_iterable(map(known.__getitem__, words)), *self._closing]

    def _learn(self, words: Sequence[str]) -> dict[str, tuple[int, ...]]:
        """What is known, with all of `words`."""
        if self.bytes > MAX_BYTES:
            self._known, self.bytes = {}, 0
        known = self._known  # which only grows: what another thread starts anew is another one
        for word in words:
            if word not in known:
                ids = known[word] = tuple(token.id for token in self._model.tokenize(word))
                self.bytes += ENTRY_BYTES + len(word) + ID_BYTES * len(ids)
        return known
