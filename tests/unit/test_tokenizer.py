"""The tokenizer, on a tiny vocabulary: true lengths, and a cut that keeps the closing token."""

import tracemalloc
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from app.embedding import tokenizer as module
from app.embedding.tokenizer import Read, Side, TextTokenizer, Token


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


def read(tokens: TextTokenizer, texts: list[str], side: Side = "right") -> list[Read]:
    return list(chain.from_iterable(tokens.read(texts, side)))


def test_lengths_are_true_whatever_the_file_says() -> None:
    assert tokenizer(5).counts(["a", "a b c a b c a"]) == [3, 9]
    assert read(tokenizer(9), ["a", "a b c a b c a"]) == [([1, 3, 2], 3), ([1, 3, 4, 5, 3, 4, 5, 3, 2], 9)]


def test_a_cut_keeps_the_closing_token() -> None:
    tokens = tokenizer(5)
    assert read(tokens, ["a b c a b c"]) == [([1, 3, 4, 5, 2], 8)]
    assert tokens.cut([1, 3, 2]) == [1, 3, 2]


def test_a_cut_on_the_left_keeps_the_opening_token_and_the_texts_end() -> None:
    tokens = tokenizer(5)
    assert read(tokens, ["c c a b c a b c"], "left") == [([1, 3, 4, 5, 2], 10)]
    assert tokens.cut([1, 5, 5, 3, 4, 2], "left") == [1, 5, 3, 4, 2]
    assert tokens.cut([1, 3, 2], "left") == [1, 3, 2]
    assert tokenizer(2, template=False).cut([3, 4, 5], "left") == [4, 5]


@given(
    st.lists(st.lists(st.sampled_from(["a", "b", "c", "x" * 9]), max_size=30).map(" ".join), max_size=5),
    st.sampled_from([10, 20, 60]),
    st.sampled_from(["left", "right"]),
    st.booleans(),
)
def test_what_is_read_in_blocks_is_what_is_read_at_once(
    texts: list[str], block: int, side: Side, template: bool
) -> None:
    tokens = tokenizer(5, template=template)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK_CHARACTERS", 1_000_000)
        whole = read(tokens, texts, side)
        patch.setattr(module, "BLOCK_CHARACTERS", block)
        assert read(tokens, texts, side) == whole
    assert [one.tokens for one in whole] == [len(text.split()) + 2 * template for text in texts]
    assert all(len(one.ids) == min(one.tokens, 5) for one in whole)


def test_a_text_takes_several_steps_and_no_more_memory_than_one_of_them() -> None:
    tokens, steps = tokenizer(5), 0
    text = "a " * 1_000_000
    tracemalloc.start()
    for some in tokens.read([text, "b"]):
        steps += 1
        found = some or None
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == [Read([1, 4, 2], 3)]
    assert steps > len(text) / module.BLOCK_CHARACTERS
    # A pointer for each token and four bytes for each character of a block, twice.
    assert most < 2 * 12 * module.BLOCK_CHARACTERS


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
