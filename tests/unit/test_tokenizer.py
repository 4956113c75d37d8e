"""The tokenizer, on a tiny vocabulary: true lengths, and a cut that keeps the closing token."""

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from app.embedding.tokenizer import TextTokenizer, Token


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


def test_a_cut_on_the_left_keeps_the_opening_token_and_the_texts_end() -> None:
    tokens = tokenizer(5)
    (ids,) = tokens.encode(["a b c a b c"])
    assert tokens.cut(ids, "left") == [1, 3, 4, 5, 2]
    assert tokens.cut([1, 5, 5, 3, 4, 2], "left") == [1, 5, 3, 4, 2]
    assert tokens.cut([1, 3, 2], "left") == [1, 3, 2]
    assert tokenizer(2, template=False).cut([3, 4, 5], "left") == [4, 5]


def test_tokens_say_which_characters_they_stand_for() -> None:
    (opening, a, unknown, closing), (only,) = [
        tokenizer(2).tokens(["a ü"])[0],
        tokenizer(2).tokens(["b"], special=False)[0],
    ]
    assert opening == Token(1, "[CLS]", True, None, None)
    assert a == Token(3, "a", False, 0, 1)
    assert unknown == Token(0, "ü", False, 2, 3)
    assert closing == Token(2, "[SEP]", True, None, None)
    assert only == Token(4, "b", False, 0, 1)
