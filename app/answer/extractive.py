"""An answer out of the sources' own sentences. Pure numpy: no model, no store, no HTTP."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from app.answer.answer import Sentence

F32 = npt.NDArray[np.float32]

# Sentences in an answer.
MOST = 3
# A sentence is in it if it is at least so near to the question as this share of the nearest one's cosine.
SHARE = 0.7
# Two sentences with at least this cosine say the same.
SAME = 0.9


def extract(question: F32, sentences: Sequence[Sentence], vectors: F32) -> list[Sentence]:
    """The sentences that answer best, each once, in the order of their sources and there of their places.

    question  (dimension,) float32, of length 1
    vectors   (sentences, dimension) float32, each of length 1, of `sentences` in their order
    returns   at most MOST of them, with their scores; at least one, where there is one
    """
    if not sentences:
        return []
    scores = vectors @ question
    order = np.argsort(-scores, kind="stable")
    least = scores[order[0]] * SHARE
    chosen: list[int] = []
    for index in order:
        if len(chosen) == MOST or (chosen and (scores[index] < least or scores[index] <= 0)):
            break
        if not chosen or float(np.max(vectors[chosen] @ vectors[index])) < SAME:
            chosen.append(int(index))
    found = [replace(sentences[index], score=float(scores[index])) for index in chosen]
    return sorted(found, key=lambda sentence: (sentence.source, sentence.start))
