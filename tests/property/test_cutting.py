"""Passages of any text under the real tokenizer: each fits the window, together they hold every character."""

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.embedding.passages import split
from app.embedding.tokenizer import BLOCK_CHARACTERS, TextTokenizer

TOKENIZER = Path(__file__).resolve().parents[2] / "models" / "all-MiniLM-L6-v2" / "int8" / "tokenizer.json"


@cache
def tokenizer(max_tokens: int) -> TextTokenizer:
    return TextTokenizer.from_file(TOKENIZER, max_tokens)


TRAPS = ["Embedding", "antidisestablishmentarianism", "don't", "e.g.", "3.14", "東京。", "ﬁﬂ", "ﷺ", "नमस्ते।", "مرحبا؟"]
TRAPS += [
    "สวัสดีครับ",
    "[SEP]",
    "##ing",
    "İstanbul",
    "👩\u200d👩\u200d👧",
    "\u200b",
    "\t",
    "\n\n",
    "x" * 150,
    "e\u0301" * 9,
]
words = st.text(min_size=1, max_size=12) | st.sampled_from(TRAPS)
texts = st.lists(words, max_size=80).map(" ".join) | st.lists(words, max_size=80).map("".join)


def check(text: str, max_tokens: int, prompt: str = "") -> None:
    tokens = tokenizer(max_tokens)
    (spans,) = split([text], tokens, prompt)
    assert spans == sorted(spans)
    assert all(0 <= start <= end <= len(text) for start, end in spans)
    lengths = tokens.counts([prompt + text[start:end] for start, end in spans])
    for span, length in zip(spans, lengths, strict=True):
        assert length <= max_tokens or span.end - span.start == 1
    covered = bytearray(len(text))
    for start, end in spans:
        covered[start:end] = b"\1" * (end - start)
    assert all(covered[i] or text[i].isspace() for i in range(len(text)))


@settings(max_examples=300)
@given(texts, st.sampled_from([12, 20, 256]), st.sampled_from(["", "passage: "]))
def test_they_fit_and_hold_everything(text: str, max_tokens: int, prompt: str) -> None:
    check(text, max_tokens, prompt)


@pytest.mark.parametrize(
    "part", ["A sentence of some words. ", "東京は首都です。", "ab-", ". ", ".", "🙂 ", "word ", "\n", "x\u0301", "ﷺ"]
)
def test_long_texts_of_one_kind(part: str) -> None:
    check(part * (100_000 // len(part)), 256)


@settings(max_examples=20)
@given(st.lists(words, min_size=1, max_size=40), st.sampled_from([" ", ""]))
def test_offsets_of_a_long_text_are_those_of_its_blocks(parts: list[str], between: str) -> None:
    text = between.join(parts)
    text *= 1 + (BLOCK_CHARACTERS + 1000) // max(1, len(text))
    offsets = tokenizer(256).offsets(text)
    assert all(0 <= start <= end <= len(text) for start, end in zip(*offsets, strict=True))
    assert list(offsets.starts) == sorted(offsets.starts)
