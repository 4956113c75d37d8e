"""Plain text: ASCII, of which BERT's tokenizer gives the same tokens with a third less work."""

import re
from collections.abc import Sequence
from itertools import compress

from tokenizers import Encoding, Tokenizer
from tokenizers.normalizers import BertNormalizer, Lowercase

# No control characters but those that are blanks: BERT's normaliser takes the others out.
_plain = re.compile(r"[\t\n\r -~]*").fullmatch


class PlainFirst:
    """A tokenizer that reads plain text by one of its own where there is one, and says the same. Thread-safe."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer, self._of_plain = tokenizer, of_plain(tokenizer)

    def encode(self, text: str) -> Encoding:
        """Its tokens and their places in it, without special tokens."""
        return (self._of_plain if _plain(text) else self._tokenizer).encode(text, add_special_tokens=False)

    def encode_batch(self, texts: Sequence[str]) -> list[Encoding]:
        """Of each text its tokens without their places, special tokens included."""
        plain = [_plain(text) is not None for text in texts]
        by_own = iter(self._of_plain.encode_batch_fast(list(compress(texts, plain))))
        others = iter(self._tokenizer.encode_batch_fast(list(compress(texts, [not one for one in plain]))))
        return [next(by_own if one else others) for one in plain]


def of_plain(tokenizer: Tokenizer) -> Tokenizer:
    """One for plain text, with the same vocabulary in memory; `tokenizer` itself where its normaliser is another.

    BERT's normaliser cleans, looks for Chinese characters, takes accents off and lowers letters, character by
    character: of these, plain text needs the last.
    """
    normaliser = tokenizer.normalizer
    if not isinstance(normaliser, BertNormalizer) or not normaliser.lowercase:
        return tokenizer
    own = Tokenizer(tokenizer.model)
    own.normalizer = Lowercase()
    if tokenizer.pre_tokenizer is not None:
        own.pre_tokenizer = tokenizer.pre_tokenizer
    if tokenizer.post_processor is not None:
        own.post_processor = tokenizer.post_processor
    for _, token in sorted(tokenizer.get_added_tokens_decoder().items()):
        add = own.add_special_tokens if token.special else own.add_tokens
        add([token])
    return own
