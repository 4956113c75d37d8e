"""In a larger collection, words that most passages hold neither decide nor disappear."""

from collections.abc import Iterator

import pytest

from app.store.embedded.ledger.keyword_index import COMMON_FROM_PASSAGES
from app.store.store import Query, Store
from tests.store.opening import PLANE, STORES, document, vector

EAST = vector(1, 0, 0, 0)


@pytest.fixture(scope="module", params=["scanned", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """ "the" is in every text, "rare" in three, and longer texts come first by id."""
    store = STORES[request.param](tmp_path_factory.mktemp("words") / "data")
    store.create_collection("a", PLANE, {})
    texts = [
        f"the {'the ' * (i % 5)} text{i} {'rare' if i in (5, 50, 500) else ''}" for i in range(COMMON_FROM_PASSAGES)
    ]
    store.upsert("a", [document(f"d{i:04}", text, EAST) for i, text in enumerate(texts)])
    yield store
    store.close()


def found(store: Store, text: str, limit: int, offset: int = 0) -> list[str]:
    return [hit.document.document.id for hit in store.search("a", Query("keyword", text, limit=limit, offset=offset))]


def test_the_rare_word_decides(store: Store) -> None:
    assert set(found(store, "the rare", 3)) == {"d0005", "d0050", "d0500"}


def test_the_common_word_fills_up(store: Store) -> None:
    whole = found(store, "the rare", 20)
    assert set(whole[:3]) == {"d0005", "d0050", "d0500"}
    assert len(set(whole)) == 20
    assert found(store, "the rare", 5) + found(store, "the rare", 5, 5) == whole[:10]


def test_the_common_word_alone_finds_everything(store: Store) -> None:
    assert len(found(store, "the", COMMON_FROM_PASSAGES + 1)) == COMMON_FROM_PASSAGES


def test_a_place_by_a_common_word_counts_nothing_in_a_hybrid_search(store: Store) -> None:
    hits = store.search("a", Query("hybrid", "the rare", EAST, limit=10))
    assert sum(hit.keyword is not None for hit in hits) == 3
