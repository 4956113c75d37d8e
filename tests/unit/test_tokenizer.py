"""The tokenizer, on a tiny vocabulary: true lengths, and a cut that keeps the closing token."""

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from app.embedding.tokenizer import TextTokenizer


def tokenizer(max_tokens: int, *, template: bool = True) -> TextTokenizer:
    words = {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3, "b": 4, "c": 5}
    plain = Tokenizer(WordLevel(words, unk_token="[UNK]"))
    plain.pre_tokenizer = Whitespace()
    if template:
        plain.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    # A trap of published tokenizer files: truncation and a fixed padding are switched on in them.
    plain.enable_truncation(2)
    plain.enable_padding(length=50)
    return TextTokenizer(plain, max_tokens)


def test_lengths_are_true_whatever_the_file_says() -> None:
    assert tokenizer(5).encode(["a", "a b c a b c a"]) == [[1, 3, 2], [1, 3, 4, 5, 3, 4, 5, 3, 2]]


def test_a_cut_keeps_the_closing_token() -> None:
    tokens = tokenizer(5)
    (ids,) = tokens.encode(["a b c a b c"])
    assert tokens.cut(ids) == [1, 3, 4, 5, 2]
    assert tokens.cut([1, 3, 2]) == [1, 3, 2]
