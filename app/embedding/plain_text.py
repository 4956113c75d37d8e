"""Plain text: ASCII, of which BERT's tokenizer's tokens are had with less work, and are the same."""

from collections.abc import Sequence

from tokenizers import Encoding, Tokenizer
from tokenizers.normalizers import BertNormalizer, Lowercase

from app.embedding.words import Words, is_plain


class PlainFirst:
    """A tokenizer that reads plain text in shorter ways where there are any, and says the same. Thread-safe."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer, self._of_plain = tokenizer, of_plain(tokenizer)
        self._words = Words(tokenizer) if Words.suit(tokenizer) else None

    def encode(self, text: str) -> Encoding:
        """Its tokens and their places in it, without special tokens."""
        return (self._of_plain if is_plain(text) else self._tokenizer).encode(text, add_special_tokens=False)

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """The token ids of each text, special tokens included."""
        if self._words is None:
            return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(list(texts))]
        plain = [self._words.ids(text) for text in texts]
        left = [text for text, ids in zip(texts, plain, strict=True) if ids is None]
        others = iter(self._tokenizer.encode_batch_fast(left) if left else ())
        return [next(others).ids if ids is None else ids for ids in plain]


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
