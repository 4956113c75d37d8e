"""Words of plain text: the tokenizer is asked once for each, within a set room, and all else is left to it."""

import gc
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from string import ascii_lowercase

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel, WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer, Whitespace
from tokenizers.processors import TemplateProcessing

from app.embedding import words as module
from app.embedding.words import ENTRY_BYTES, Words

FIRST = 1000  # id
LETTERS = [*ascii_lowercase, *(f"##{letter}" for letter in ascii_lowercase)]


def bert() -> Tokenizer:
    """Of letters: a word has as many tokens as letters. Ids as large as most, since Python shares those below 257."""
    known = ["[UNK]", "[CLS]", "[SEP]", "!", *LETTERS]
    made = Tokenizer(WordPiece({word: number for number, word in enumerate(known, FIRST)}, unk_token="[UNK]"))
    made.normalizer = BertNormalizer()
    made.pre_tokenizer = BertPreTokenizer()
    made.add_special_tokens(["[CLS]", "[SEP]"])
    made.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", FIRST + 1), ("[SEP]", FIRST + 2)]
    )
    return made


def test_a_word_is_known_from_then_on_however_it_is_written() -> None:
    words, tokenizer = Words(bert()), bert()
    for text in ("A cat!", "cat CAT\tcAt!!", ""):
        assert words.ids(text) == tokenizer.encode(text).ids
    assert len(words) == 3  # a, cat, !


@pytest.mark.parametrize("text", ["café", "a\x00b", "a\x7f", "a [SEP] b", "a [sep] b", "日本"])
def test_what_is_not_plain_is_left_to_the_tokenizer(text: str) -> None:
    words = Words(bert())
    assert words.ids(text) is None
    assert not len(words)


def test_a_word_that_is_too_long_for_the_model_is_unknown_to_it() -> None:
    words, tokenizer = Words(bert()), bert()
    for length in (100, 101, 50_000):
        assert words.ids("a" * length) == tokenizer.encode("a" * length).ids
    assert words.ids("a" * 101) == [FIRST + 1, FIRST, FIRST + 2]


def test_their_room_is_as_large_as_it_says() -> None:
    texts = ["".join(letters) for letters in product(ascii_lowercase, repeat=3)]
    words = Words(bert())
    gc.collect()
    tracemalloc.start()
    for text in texts[:12_000]:
        words.ids(text)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(words) == 12_000
    assert 0.8 * words.bytes < taken < 1.05 * words.bytes


def test_beyond_their_room_they_begin_anew_and_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 100 * ENTRY_BYTES)
    words, tokenizer = Words(bert()), bert()
    most = 0
    for letters in product(ascii_lowercase[:9], repeat=3):
        text = "".join(letters) + " again"
        assert words.ids(text) == tokenizer.encode(text).ids
        most = max(most, len(words))
    assert 40 < most <= 101


def test_threads_that_meet_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 20 * ENTRY_BYTES)
    texts = [" ".join(letters) + " " + "".join(letters) for letters in product(ascii_lowercase[:12], repeat=3)]
    wanted = [encoding.ids for encoding in bert().encode_batch(texts)]
    words = Words(bert())
    with ThreadPoolExecutor(8) as threads:
        for _ in range(3):
            assert list(threads.map(words.ids, texts)) == wanted


def test_only_berts_tokenizers_with_small_letters_suit() -> None:
    assert Words.suit(bert())
    others = [bert() for _ in range(4)]
    others[0].normalizer = BertNormalizer(lowercase=False)
    others[1].pre_tokenizer = Whitespace()
    others[2].model = WordLevel({"[UNK]": 0}, unk_token="[UNK]")
    others[3] = Tokenizer(WordPiece({"[UNK]": 0}, unk_token="[UNK]"))
    assert not any(map(Words.suit, others))
