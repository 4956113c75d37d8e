"""Answer a query: rank passages by meaning, by words or by both, and make hits of the documents they belong to."""

import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait

from app.errors import NotReady
from app.store.embedded.ledger import listing
from app.store.embedded.ledger.catalogue import Row
from app.store.embedded.ledger.ledger import Ledger
from app.store.embedded.search import lexical
from app.store.embedded.search.semantic import Find, SemanticRanking
from app.store.fusion import FUSED_PASSAGES, Found, Fused, asked_for, following, fuse, hit_at, reaches, single, wanted
from app.store.store import Hit, Query

# A document that is replaced between ranking and reading makes its place void: rank again, so many times; then rank and
# read in one snapshot, which takes longer.
ATTEMPTS = 3


class Searcher:
    """Searches from any thread. `close` lets go of the threads that rank by words beside those that rank by meaning."""

    def __init__(self, ledger: Ledger, semantic: SemanticRanking) -> None:
        self._ledger = ledger
        self._semantic = semantic
        self._beside = ThreadPoolExecutor(max_workers=4, thread_name_prefix="keyword")

    def close(self) -> None:
        self._beside.shutdown()

    def search(self, find: Find, query: Query) -> list[Hit]:
        """raises  CollectionNotFound; LimitPassed"""
        end = query.offset + query.limit
        for _ in range(ATTEMPTS):
            places = self._places(find, query, end)
            with self._ledger.reading() as connection:
                hits, complete = _hits(connection, places, query)
            if complete:
                break
        else:
            with self._ledger.reading() as connection:
                hits, _ = _hits(connection, self._places_in(connection, find(connection), query, end), query)
        return hits

    def _places(self, find: Find, query: Query, end: int) -> list[Fused]:
        """Documents in their order, at least `end` of them, where there are so many. Each ranking has its snapshot."""
        match query.mode:
            case "semantic":
                return single("semantic", self._semantic.rank(find, wanted(query, 0, end)), end)
            case "keyword":
                return single("keyword", self._by_words(find, query, end, end), end)
            case "hybrid":
                try:
                    words = self._beside.submit(self._by_words, find, query, FUSED_PASSAGES, 0)
                except RuntimeError:
                    raise NotReady("the store is closed") from None
                try:
                    meaning = self._semantic.rank(find, wanted(query, FUSED_PASSAGES, 0))
                finally:
                    # In any case: what a search began does not outlive it.
                    wait([words])
                rankings = {"semantic": meaning, "keyword": words.result()}
                places = fuse(rankings, end)
                if not reaches(rankings, "semantic", end):
                    further = self._semantic.rank(find, wanted(query, FUSED_PASSAGES, end))
                    places += following(rankings, "semantic", further)
                return places

    def _places_in(self, connection: sqlite3.Connection, row: Row, query: Query, end: int) -> list[Fused]:
        """The same, all in the snapshot of this connection: a scan, since the index has none."""
        match query.mode:
            case "semantic":
                return single("semantic", self._semantic.scan(connection, row, wanted(query, 0, end)), end)
            case "keyword":
                return single("keyword", lexical.rank(connection, row, query.text, query.filter, end, end), end)
            case "hybrid":
                meaning = self._semantic.scan(connection, row, wanted(query, FUSED_PASSAGES, end))
                words = lexical.rank(connection, row, query.text, query.filter, FUSED_PASSAGES, 0)
                rankings = {"semantic": meaning, "keyword": words}
                return fuse(rankings, end) + following(rankings, "semantic", meaning)

    def _by_words(self, find: Find, query: Query, passages: int, documents: int) -> list[Found]:
        with self._ledger.reading() as connection:
            return lexical.rank(connection, find(connection), query.text, query.filter, passages, documents)


def _hits(connection: sqlite3.Connection, places: Sequence[Fused], query: Query) -> tuple[list[Hit], bool]:
    """The hits that are asked for, equal ones by id; and whether every place still has its passage."""
    ids = listing.ids_of(connection, [place.document for place in places])
    here = sorted((each for each in places if each.document in ids), key=lambda each: (-each.score, ids[each.document]))
    shown = asked_for(here, query)
    passages = listing.of_passages(connection, [place.passage for place in shown], query)
    hits = [hit_at(place, *passages[place.passage]) for place in shown if place.passage in passages]
    return hits, len(here) == len(places) and len(hits) == len(shown)
