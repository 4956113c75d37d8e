"""The same documents in the embedded store and in PostgreSQL: the same hits, places and scores."""

import random
from collections.abc import Iterator

import numpy as np
import pytest

from app.store.filters import parse
from app.store.store import Distance, Document, Hit, Mode, Passage, Query, Space, Store
from tests.store.opening import STORES

WORDS = [f"w{i}" for i in range(60)] + ["Łódź", "東京都", "🍕", "ﬁne", "C++"]
DISTANCES: tuple[Distance, ...] = ("cosine", "dot", "euclidean")


def documents() -> list[Document]:
    """300, of one to four passages; a few words are in most of them, most words in a few."""
    choose, numbers = random.Random(0), np.random.default_rng(0)
    made = []
    for i in range(300):
        text, passages = "", []
        for _ in range(choose.randint(1, 4)):
            start = len(text)
            words = [WORDS[int(len(WORDS) * choose.random() ** 3)] for _ in range(choose.randint(1, 40))]
            text += " ".join(words) + ". "
            passages.append(Passage(start, len(text), numbers.standard_normal(8).astype(np.float32)))
        made.append(Document(f"d{i:03}", text, {"n": i % 7, "even": i % 2 == 0}, tuple(passages)))
    return made


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Store]]:
    opened = [STORES[kind](tmp_path_factory.mktemp("agree") / kind) for kind in ("scanned", "postgres")]
    for store in opened:
        for distance in DISTANCES:
            store.create_collection(distance, Space("m", 8, distance), {})
            store.upsert(distance, documents())
    yield opened
    for store in opened:
        store.close()


def told(hits: list[Hit]) -> list[tuple[object, ...]]:
    """What must be the same to the letter."""
    return [
        (
            hit.document.document,
            hit.start,
            hit.end,
            hit.semantic and hit.semantic.rank,
            hit.keyword and hit.keyword.rank,
        )
        for hit in hits
    ]


def scores(hits: list[Hit]) -> list[float]:
    found = [[hit.score, *(rank.score for rank in (hit.semantic, hit.keyword) if rank)] for hit in hits]
    return [number for numbers in found for number in numbers]


@pytest.mark.parametrize("mode", ["semantic", "keyword", "hybrid"])
@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("filter", [None, {"even": True}, {"n": {"$gte": 4}}])
def test_both_stores_find_the_same(
    stores: list[Store], mode: Mode, distance: Distance, filter: dict[str, object] | None
) -> None:
    numbers = np.random.default_rng(1)
    for text in ("w0 w1", "w59 w3 w20", "lodz 東京 🍕", "Fine c w7", "absent", "..."):
        vector = numbers.standard_normal(8).astype(np.float32)
        for limit, offset in ((5, 0), (20, 10), (400, 0)):
            query = Query(mode, text, vector, parse(filter or {}), limit, offset)
            one, other = (store.search(distance, query) for store in stores)
            assert told(one) == told(other)
            np.testing.assert_allclose(scores(one), scores(other), rtol=1e-5, atol=1e-6)
