"""No text makes a citation of a source that was not given, however it is written and wherever it is cut."""

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.answer.citations import Citations

texts = st.text(st.sampled_from("[]【】［］0123456789٣ ,;-–^†and\n.xsource#:"), max_size=200)
cuts = st.lists(st.integers(0, 200), max_size=20)


def filtered(text: str, given: set[int], cuts: list[int]) -> tuple[str, list[int]]:
    citations = Citations(given)
    places = [0, *sorted(cuts), len(text)]
    pieces = [citations.feed(text[a:b]) for a, b in pairwise(places)]
    return "".join([*pieces, citations.end()]), citations.cited


def named(text: str) -> list[int]:
    """As a reader finds them: a number alone in brackets."""
    return [int(number) for number in re.findall(r"[\[【［]\s*\^?(\d+)\s*[\]】］]", text)]


@given(texts, st.sets(st.integers(1, 12)), cuts)
def test_only_given_sources_are_cited(text: str, given: set[int], cuts: list[int]) -> None:
    clean, cited = filtered(text, given, cuts)
    assert set(named(clean)) <= given
    assert set(cited) == set(named(clean))
    assert len(cited) == len(set(cited))


@given(texts, st.sets(st.integers(1, 12)), cuts)
def test_it_does_not_matter_where_the_pieces_are_cut(text: str, given: set[int], cuts: list[int]) -> None:
    assert filtered(text, given, cuts) == filtered(text, given, [])


@given(texts, st.sets(st.integers(1, 12)))
def test_what_is_clean_stays_as_it_is(text: str, given: set[int]) -> None:
    clean, _ = filtered(text, given, [])
    again, _ = filtered(clean, given, [])
    assert again == clean


@given(st.text(st.characters(exclude_characters="[【［")), st.sets(st.integers(1, 12)), cuts)
def test_a_text_without_brackets_passes(text: str, given: set[int], cuts: list[int]) -> None:
    assert filtered(text, given, cuts) == (text, [])
