"""Plain text: a BERT tokenizer of its own says the same of it, tokens and places, and others are left to themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import NFKC, BertNormalizer, Normalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

from app.embedding.plain_text import PlainFirst, of_plain

WORDS = ["[UNK]", "[CLS]", "[SEP]", "a", "b", "##a", "##b", "caf", "##e", "A", "!", "-", "[", "]", "sep"]


def bert(normaliser: Normalizer | None = None) -> Tokenizer:
    made = Tokenizer(WordPiece({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    made.normalizer = BertNormalizer() if normaliser is None else normaliser
    made.pre_tokenizer = BertPreTokenizer()
    made.add_special_tokens(["[CLS]", "[SEP]"])
    made.add_tokens([AddedToken("a-b", normalized=False)])
    made.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    return made


# ASCII of all kinds, control characters included, what the vocabulary knows, and what is no ASCII.
pieces = st.sampled_from(
    [*WORDS, "AB", "a-b", "A-B", "Café", "é", "中", "\x00", "\x0b", "\x7f", "\x85", "\t", "\r\n", " "]
)
texts = st.lists(pieces | st.text(st.characters(max_codepoint=127), max_size=3), max_size=20).map("".join)


def same(texts: list[str]) -> None:
    tokenizer, plain_first = bert(), PlainFirst(bert())
    wanted = [tokenizer.encode(text) for text in texts]
    assert plain_first.ids(texts) == [each.ids for each in wanted]
    for text in texts:
        found, bare = plain_first.encode(text), tokenizer.encode(text, add_special_tokens=False)
        assert (found.ids, found.offsets, found.tokens) == (bare.ids, bare.offsets, bare.tokens)


@pytest.mark.parametrize("code", range(0x100))
def test_it_says_what_the_tokenizer_says_of_each_character(code: int) -> None:
    same([f"a{chr(code)}b A {chr(code)}B"])


@given(st.lists(texts, max_size=6))
def test_it_says_what_the_tokenizer_says(texts: list[str]) -> None:
    same(texts)


def test_plain_text_goes_to_a_tokenizer_of_its_own_on_the_same_vocabulary() -> None:
    tokenizer = bert()
    own = of_plain(tokenizer)
    assert own is not tokenizer
    assert own.get_vocab() == tokenizer.get_vocab()
    assert own.encode("Caf\u00e9").ids != tokenizer.encode("Caf\u00e9").ids  # so who is asked matters


@pytest.mark.parametrize("normaliser", [NFKC(), BertNormalizer(lowercase=False)])
def test_other_tokenizers_are_left_to_themselves(normaliser: Normalizer) -> None:
    tokenizer = bert(normaliser)
    assert of_plain(tokenizer) is tokenizer
    assert PlainFirst(tokenizer).ids(["A", "é"]) == [tokenizer.encode(text).ids for text in ("A", "é")]
