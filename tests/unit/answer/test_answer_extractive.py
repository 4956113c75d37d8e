"""Extracted answers, on vectors made by hand."""

import numpy as np
import pytest

from app.answer.answer import Extracted, Sentence
from app.answer.extractive import MOST, extract

QUESTION = np.array([1, 0, 0], np.float32)


def at(cosine: float, side: float = 1.0) -> list[float]:
    """A vector of length 1 with this cosine to the question."""
    rest = (1 - cosine**2) ** 0.5
    return [cosine, rest * side, rest * (1 - side**2) ** 0.5]


def chosen(*rows: tuple[int, int, list[float]]) -> list[tuple[int, int]]:
    """(source, place) of each sentence chosen, from (source, place, vector) of each there is."""
    sentences = [Sentence(source, place, place + 3, "So.", 0.0) for source, place, _ in rows]
    found = extract(QUESTION, sentences, np.array([row[2] for row in rows], np.float32))
    for sentence in found:
        vector = next(row[2] for row in rows if row[:2] == (sentence.source, sentence.start))
        assert sentence.score == pytest.approx(vector[0], abs=1e-6)
    return [(sentence.source, sentence.start) for sentence in found]


def test_the_nearest_are_taken_in_the_order_of_their_places() -> None:
    rows = [(2, 0, at(0.9, 1)), (1, 9, at(0.7, 0)), (1, 4, at(0.8, -1)), (3, 0, at(0.5, 0.5))]
    assert chosen(*rows) == [(1, 4), (1, 9), (2, 0)]


def test_the_same_is_not_said_twice() -> None:
    assert chosen((1, 0, at(0.80, 1)), (2, 0, at(0.81, 1)), (3, 0, at(0.7, -1))) == [(2, 0), (3, 0)]


def test_there_are_at_most_so_many() -> None:
    sides = np.linspace(-1, 1, 9)
    assert len(chosen(*[(n, 0, at(0.1, float(side))) for n, side in enumerate(sides)])) == MOST


def test_there_is_one_where_nothing_is_near() -> None:
    assert chosen((1, 0, at(-0.9)), (2, 0, at(-0.1))) == [(2, 0)]


def test_nothing_of_nothing() -> None:
    assert extract(QUESTION, [], np.zeros((0, 3), np.float32)) == []


def test_the_answer_is_one_line_with_numbers() -> None:
    extracted = Extracted([Sentence(1, 0, 9, "It\n rises.", 1.0), Sentence(3, 0, 9, "It drips.", 0.5)])
    assert extracted.text == "It rises. [1] It drips. [3]"
