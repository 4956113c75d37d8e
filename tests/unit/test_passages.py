"""Cutting texts: where the cuts fall, what neighbours share, and that nothing is lost. The words are the tokens."""

from array import array
from collections.abc import Sequence
from itertools import pairwise

import pytest

from app.embedding.passages import OVERLAP, Offsets, Span, split
from tests.fakes import WordTokenizer

WINDOW = 20


def passages(text: str, window: int = WINDOW, prompt: str = "") -> list[str]:
    (spans,) = split([text], WordTokenizer(window), prompt)
    return [text[start:end] for start, end in spans]


def sentences(count: int, words: int, mark: str = ".") -> str:
    return " ".join(" ".join(f"S{i}w{j}" for j in range(words)) + mark for i in range(count))


def test_a_text_that_fits_is_one_passage_blanks_and_all() -> None:
    text = "  twenty words at most \n"
    assert split([text], WordTokenizer(WINDOW)) == [[Span(0, len(text))]]


def test_the_window_itself_fits_and_one_token_more_does_not() -> None:
    assert len(passages("w " * WINDOW)) == 1
    assert len(passages("w " * (WINDOW + 1))) == 2


@pytest.mark.parametrize("mark", [".", "!", "?", "…", '."', "?)", "؟", "।", "۔"])
def test_cuts_fall_on_sentence_ends(mark: str) -> None:
    found = passages(sentences(12, 6, mark))
    assert len(found) > 3
    assert all(passage.endswith(mark) for passage in found)


def test_neighbours_share_whole_sentences_where_they_are_short_enough() -> None:
    found = passages(sentences(20, 2))
    for before, after in pairwise(found):
        shared = after.split(".")[0] + "."
        assert before.endswith(shared)
        assert after[0] == "S"


def test_neighbours_share_words_where_sentences_are_long() -> None:
    found = passages(sentences(8, 12))
    for before, after in pairwise(found):
        shared = len(set(before.split()) & set(after.split()))
        assert 0 < shared <= WINDOW * OVERLAP


def test_without_sentences_lines_are_kept_whole() -> None:
    text = "\n".join(" ".join(f"l{i}w{j}" for j in range(7)) for i in range(9))
    assert all(passage.endswith("w6") for passage in passages(text))


def test_a_sentence_end_is_better_than_a_line_end_within_reach() -> None:
    text = " ".join(["a"] * 12) + ". " + " ".join(["B"] * 5) + "\n" + " ".join(["c"] * 10)
    assert passages(text)[0].endswith("a.")


def test_an_abbreviation_ends_no_sentence() -> None:
    text = " ".join(["Word"] * 10) + ". " + " ".join(["More"] * 6) + " e.g. this " + " ".join(["rest"] * 10)
    assert passages(text)[0] == " ".join(["Word"] * 10) + "."


def test_a_blank_line_ends_what_has_no_mark() -> None:
    text = " ".join(["head"] * 9) + "\n\n" + " ".join(["body"] * 20)
    assert passages(text)[0] == " ".join(["head"] * 9)


class CharacterTokenizer:
    """Every character that is no blank is a token; `whole` is one token of many characters."""

    max_tokens = 10

    def counts(self, texts: Sequence[str]) -> list[int]:
        return [len(self.offsets(text).starts) for text in texts]

    def offsets(self, text: str) -> Offsets:
        starts = [i for i, character in enumerate(text) if not character.isspace()]
        return Offsets(array("i", starts), array("i", [start + 1 for start in starts]))


def test_scripts_without_blanks_are_cut_at_their_own_marks() -> None:
    text = "これは文です。それも文。" * 10
    (spans,) = split([text], CharacterTokenizer())
    assert all(text[start:end].endswith("。") for start, end in spans)


def test_a_word_without_end_is_cut_between_tokens() -> None:
    (spans,) = split(["x" * 95], CharacterTokenizer())
    assert {end - start for start, end in spans[:-1]} == {10}
    assert spans[-1].end == 95


class Swelling(CharacterTokenizer):
    """A part that does not begin the text costs two tokens more by itself than it did in place."""

    def counts(self, texts: Sequence[str]) -> list[int]:
        return [len(text) + (2 if text and text[0] != "^" else 0) for text in texts]


def test_passages_that_grow_when_they_stand_alone_are_cut_again() -> None:
    text = "^" + "x" * 60
    tokenizer = Swelling()
    (spans,) = split([text], tokenizer)
    assert all(count <= 10 for count in tokenizer.counts([text[a:b] for a, b in spans]))
    assert {i for a, b in spans for i in range(a, b)} == set(range(61))


class ManyForOne(CharacterTokenizer):
    """Three tokens for every character, as a byte vocabulary has them."""

    def offsets(self, text: str) -> Offsets:
        starts = [i for i in range(len(text)) for _ in range(3)]
        return Offsets(array("i", starts), array("i", [start + 1 for start in starts]))


def test_no_cut_falls_within_a_character() -> None:
    text = "🙂" * 20
    (spans,) = split([text], ManyForOne())
    assert all(end - start <= 3 for start, end in spans)
    assert {i for a, b in spans for i in range(a, b)} == set(range(20))


def test_a_character_that_no_window_holds_stays_whole() -> None:
    tokenizer = ManyForOne()
    tokenizer.max_tokens = 2
    (spans,) = split(["🙂🙂"], tokenizer)
    assert spans == [Span(0, 1), Span(1, 2)]


def test_a_prompt_takes_its_room() -> None:
    found = passages("w " * 60, prompt="five words come before it ")
    assert all(len(passage.split()) <= WINDOW - 5 for passage in found)


def test_many_texts_keep_their_order() -> None:
    spans = split(["a", "w " * 50, "", "   "], WordTokenizer(WINDOW))
    assert [len(each) for each in spans] == [1, 3, 1, 1]
