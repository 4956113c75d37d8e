"""Estimated tokens: what is promised of them holds for any text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.embedding.estimate import BYTES_AT_MOST, EstimatingTokenizer


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        (" ", 0),
        ("word", 1),
        ("words", 2),
        ("It is so.", 4),
        ("日本語", 3),
        ("naïve", 3),
        ("a" + " " * 9 + "b", 4),
    ],
)
def test_how_many(text: str, tokens: int) -> None:
    tokenizer = EstimatingTokenizer(10)
    assert tokenizer.counts([text, text]) == [tokens, tokens]
    assert [len(each) for each in tokenizer.offsets(text)] == [tokens, tokens]


@given(st.text(st.one_of(st.sampled_from("ab1 \n\t\u3000\u00a0日👩é.,"), st.characters(exclude_categories=["Cs"]))))
def test_a_token_has_no_more_bytes_than_is_said(text: str) -> None:
    tokenizer = EstimatingTokenizer(5)
    offsets = tokenizer.offsets(text)
    for start, end in zip([0, *offsets.ends], offsets.ends, strict=False):
        assert len(text[start:end].encode()) <= BYTES_AT_MOST
    cut = tokenizer.cut(text)
    assert tokenizer.counts([text[cut.start : cut.end]]) == [min(len(offsets.ends), 5)]
    assert text.startswith(text[cut.start : cut.end])
