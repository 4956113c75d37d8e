"""Answer a query: rank passages by meaning, by words or by both, and make hits of the documents they belong to."""

import sqlite3
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

from app.errors import NotReady
from app.store import catalogue, keyword_index, listing
from app.store.filters import Filter
from app.store.fusion import Found, Fused, documents_in, fuse
from app.store.keyword import query_tokens
from app.store.ledger import Ledger
from app.store.semantic import SemanticRanking, Wanted
from app.store.store import Hit, Query, Rank

# Each ranking's depth in a hybrid search: what stands below adds next to nothing.
FUSED_PASSAGES = 100
# A document that is replaced between ranking and reading makes its place void: rank again, so many times.
ATTEMPTS = 4


class Searcher:
    """Searches from any thread. `close` lets go of the threads that rank by words beside those that rank by meaning."""

    def __init__(self, ledger: Ledger, semantic: SemanticRanking) -> None:
        self._ledger = ledger
        self._semantic = semantic
        self._beside = ThreadPoolExecutor(max_workers=4, thread_name_prefix="keyword")

    def close(self) -> None:
        self._beside.shutdown()

    def search(self, name: str, query: Query) -> list[Hit]:
        """raises  CollectionNotFound"""
        end = query.offset + query.limit
        hits: list[Hit] = []
        for _ in range(ATTEMPTS):
            places = self._places(name, query, end)
            with self._ledger.reading() as connection:
                hits, complete = _hits(connection, places, query.offset, end)
            if complete:
                break
        return [hit for hit in hits if query.min_score is None or hit.score >= query.min_score]

    def _places(self, name: str, query: Query, end: int) -> list[Fused]:
        """Documents in their order, at least `end` of them, where there are so many."""
        match query.mode:
            case "semantic":
                return _single("semantic", self._by_meaning(name, query, 0, end))
            case "keyword":
                return _single("keyword", self._by_words(name, query, end, end))
            case "hybrid":
                return self._by_both(name, query, end)

    def _by_both(self, name: str, query: Query, end: int) -> list[Fused]:
        depth = max(FUSED_PASSAGES, 2 * end)
        try:
            words = self._beside.submit(self._by_words, name, query, depth, 0)
        except RuntimeError:
            raise NotReady("the store is closed") from None
        try:
            meaning = self._by_meaning(name, query, depth, end)
        finally:
            # In any case: what a search began does not outlive it.
            wait([words])
        return fuse({"semantic": meaning, "keyword": words.result()}, end)

    def _by_meaning(self, name: str, query: Query, passages: int, documents: int) -> list[Found]:
        assert query.vector is not None
        return self._semantic.rank(name, Wanted(query.vector, query.filter, passages, documents))

    def _by_words(self, name: str, query: Query, passages: int, documents: int) -> list[Found]:
        """At least so many passages, of so many documents, or all that have one of the words."""
        tokens = query_tokens(query.text)
        with self._ledger.reading() as connection:
            row = catalogue.find(connection, name)
            telling = keyword_index.without_common(connection, row.key, tokens, row.collection.passages)
            found = _worded(connection, row.key, telling, query.filter, passages, documents)
            # Words that weigh nothing only make hits where nothing else does, and never a place in a fused ranking.
            if telling != tokens and not _enough(found, passages, documents) and (documents or not telling):
                found = _worded(connection, row.key, tokens, query.filter, passages, documents)
            return found


def _worded(
    connection: sqlite3.Connection,
    collection: int,
    tokens: list[str],
    filter: Filter | None,
    passages: int,
    documents: int,
) -> list[Found]:
    """The head of the ranking by BM25; where documents are wanted, with what is as good as the last of them."""
    found: list[Found] = []
    # One more shows whether there are others as good as the last; a ranking to be fused needs none of them.
    limit = passages + bool(documents)
    while tokens:
        found = keyword_index.find(connection, collection, tokens, limit, filter)
        if not documents or len(found) < limit or _beyond(found, passages, documents):
            break
        limit *= 4
    return found


def _beyond(found: Sequence[Found], passages: int, documents: int) -> bool:
    """Whether the ranking goes so far that all that are as good as the last one wanted are in it."""
    seen: set[int] = set()
    for count, each in enumerate(found, 1):
        seen.add(each.document)
        if count >= passages and len(seen) >= documents:
            return found[-1].score < each.score
    return False


def _enough(found: Sequence[Found], passages: int, documents: int) -> bool:
    return len(found) >= passages and documents_in(found) >= documents


def _single(name: str, ranking: Sequence[Found]) -> list[Fused]:
    """Documents by their best passage."""
    places: dict[int, Fused] = {}
    for rank, found in enumerate(ranking, 1):
        if found.document not in places:
            ranks = {name: Rank(rank, found.score)}
            places[found.document] = Fused(found.document, found.key, found.score, ranks)
    return list(places.values())


def _hits(connection: sqlite3.Connection, places: Sequence[Fused], first: int, last: int) -> tuple[list[Hit], bool]:
    """The hits from `first` to `last`, equal ones by id; and whether every place still has its passage."""
    ids = _ids(connection, places)
    here = sorted((each for each in places if each.document in ids), key=lambda each: (-each.score, ids[each.document]))
    hits, complete = [], len(here) == len(places)
    for place in here[first:last]:
        span = connection.execute('SELECT start, "end" FROM passages WHERE key = ?', (place.passage,)).fetchone()
        document = listing.by_key(connection, place.document)
        if span is None or document is None:
            complete = False
            continue
        start, end = span
        hits.append(Hit(document, start, end, place.score, place.ranks.get("semantic"), place.ranks.get("keyword")))
    return hits, complete


def _ids(connection: sqlite3.Connection, places: Sequence[Fused]) -> Mapping[int, str]:
    """The ids of the places' documents, by key."""
    ids: dict[int, str] = {}
    keys = [place.document for place in places]
    for at in range(0, len(keys), 500):
        some = keys[at : at + 500]
        marks = ", ".join("?" * len(some))
        ids.update(connection.execute(f"SELECT key, id FROM documents WHERE key IN ({marks})", some))  # noqa: S608
    return ids
