"""Sentences of a text, as extracted answers take them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.embedding.passages import SENTENCE_BYTES, sentences


def parts(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        (" \n ", []),
        ("One word", ["One word"]),
        ("This is the first. This is the second!  Is this the third?", 3),
        ("Dr. Smith went home. He was very tired.", ["Dr. Smith went home.", "He was very tired."]),
        ("It costs 3.50 in all, e.g. today.", 1),
        ("A line that is\nbroken by hand. Another sentence.", 2),
        ("A paragraph without a mark\n\nAnother paragraph", 2),
        ("- the first item here\n- the second item here\n2. the third item here", 3),
        ("これは一つ目の文です。これは二つ目の文です。", ["これは一つ目の文です。", "これは二つ目の文です。"]),
    ],
)
def test_where_they_end(text: str, found: "list[str] | int") -> None:
    assert (parts(text) if isinstance(found, list) else len(parts(text))) == found


def test_lines_without_marks_are_cut_where_they_are_many() -> None:
    lines = ["column one and column two"] * 40
    assert parts("\n".join(lines)) == lines
    assert len("\n".join(lines[:10])) < SENTENCE_BYTES
    assert len(parts("\n".join(lines[:10]))) == 1


@given(st.text(st.sampled_from("ab A.!?。\n-•1 \t")))
def test_nothing_is_lost_and_nothing_comes_twice(text: str) -> None:
    spans = sentences(text)
    assert all(text[start:end].strip() == text[start:end] != "" for start, end in spans)
    assert all(one.end <= other.start for one, other in pairwise(spans))
    covered = {place for start, end in spans for place in range(start, end)}
    assert all(text[place].isspace() for place in set(range(len(text))) - covered)
