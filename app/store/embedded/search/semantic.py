"""Rank passages by their vectors: the index's candidates, the ledger's tail, and exact scores for both.

What comes out is as of one snapshot of the ledger. Approximate is only which passages the index proposes.
"""

import json
import logging
import math
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.store.embedded.index.follower import Follower
from app.store.embedded.ledger.catalogue import Row
from app.store.embedded.ledger.columns import groups, marks
from app.store.embedded.ledger.ledger import Ledger
from app.store.embedded.ledger.sql_filters import translate
from app.store.embedded.search.exact import ScanRow, best
from app.store.filters import Filter, matches
from app.store.fusion import Found, Wanted, crowded, last_wanted

if TYPE_CHECKING:
    from app.store.embedded.index.chroma import ChromaIndex

log = logging.getLogger(__name__)
# The collection in a snapshot; raises CollectionNotFound.
Find = Callable[[sqlite3.Connection], Row]

# Candidates per passage that is wanted: some are gone by now, or of a document that has a better one.
FACTOR = 2
FACTOR_FILTERED = 20
MORE = 8
FEWEST, MOST = 32, 4000
# Beyond so long a tail a scan of everything is no slower than the index and a scan of the tail.
MAX_TAIL_SHARE = 0.3


@dataclass(frozen=True)
class _Ranking:
    """What the index's candidates give.

    found  those that the filter matches, as many as are wanted, and those as good as the last of them
    least  the score of the last candidate: what is less near, the index was not asked for
    """

    found: list[Found]
    least: float


class SemanticRanking:
    """The ranking of a collection's passages.

    exact_below  collections of up to so many passages are scanned
    """

    def __init__(self, ledger: Ledger, follower: Follower, exact_below: int) -> None:
        self._ledger = ledger
        self._follower = follower
        self._exact_below = exact_below

    def rank(self, find: Find, wanted: Wanted) -> list[Found]:
        """The head of the ranking, best first: as much as is wanted, or all there is. raises CollectionNotFound"""
        if wanted.vector.any() and (index := self._follower.index) is not None:
            count = max(FEWEST, max(wanted.passages, wanted.documents) * (FACTOR_FILTERED if wanted.filter else FACTOR))
            while count <= MOST:
                ranking = self._approximately(index, find, wanted, count)
                if ranking is None:
                    break
                last = last_wanted(ranking.found, wanted.passages, wanted.documents)
                if wanted.documents and (
                    crowded(ranking.found) or (last is not None and ranking.found[-1] is not last)
                ):
                    break  # of equal ones ids decide, and the index knows but some of them
                if last is not None and (not wanted.documents or ranking.least < last.score):
                    return ranking.found
                count *= MORE
        with self._ledger.reading() as connection:
            return self.scan(connection, find(connection), wanted)

    def scan(self, connection: sqlite3.Connection, row: Row, wanted: Wanted) -> list[Found]:
        """The same without the index, in the snapshot of this connection."""
        rows = _scanned(connection, row, wanted.filter)
        return best(rows, wanted.vector, row.space.distance, wanted.passages, wanted.documents)

    def _approximately(self, index: "ChromaIndex", find: Find, wanted: Wanted, count: int) -> "_Ranking | None":
        """The ranking as far as `count` candidates of the index allow; None where the index is of no use.

        The order of the three steps is what makes it one snapshot. What the ledger says is indexed, is; so a passage
        of the later snapshot is either in what the index was asked about, or in that snapshot's tail.
        """
        with self._ledger.reading() as connection:
            before = find(connection)
            if before.collection.passages <= self._exact_below or not before.indexed or _long_tail(connection, before):
                return None
        try:
            candidates = index.query(before.key, wanted.vector, count)
        except Exception as error:
            log.warning("the index did not answer, search scans: %s", error)
            if self._follower.index is index:
                self._follower.suspect(error)
            return None
        with self._ledger.reading() as connection:
            now = find(connection)
            if now.key != before.key or self._follower.index is not index:
                return None
            distance = now.space.distance
            proposed = best(_rows_of(connection, candidates), wanted.vector, distance)
            tail = best(_tail(connection, before), wanted.vector, distance)
            both = _merge(proposed, tail)
            found = list(_passing(connection, both, wanted))
            return _Ranking(found, both[-1].score if both else -math.inf)


def _merge(proposed: list[Found], tail: list[Found]) -> list[Found]:
    """One ranking of both, as far as the index's candidates reach.

    Passages that the index did not propose may stand between those of the tail that are worse than its last. Some of
    the tail may have come into the index before it was asked.
    """
    last = proposed[-1].score if proposed else math.inf
    both = {found.key: found for found in proposed}
    both.update((found.key, found) for found in tail if found.score >= last)
    return sorted(both.values(), key=lambda found: (-found.score, found.key))


def _long_tail(connection: sqlite3.Connection, row: Row) -> bool:
    sql = "SELECT count(*) FROM passages WHERE collection = ? AND key > ?"
    count = connection.execute(sql, (row.key, row.indexed)).fetchone()[0]
    return bool(count > MAX_TAIL_SHARE * row.collection.passages)


def _scanned(connection: sqlite3.Connection, row: Row, filter: Filter | None) -> Iterator[ScanRow]:
    if filter is None:
        sql = "SELECT key, document, vector FROM passages WHERE collection = ?"
        return connection.execute(sql, (row.key,))
    condition, parameters = translate(filter, row.key)
    sql = (
        "SELECT p.key, p.document, p.vector FROM documents d JOIN passages p ON p.document = d.key "  # noqa: S608
        f"WHERE d.collection = ? AND ({condition})"
    )
    return connection.execute(sql, (row.key, *parameters))


def _rows_of(connection: sqlite3.Connection, keys: Sequence[int]) -> Iterator[ScanRow]:
    """Those that are still there."""
    for some in groups(keys):
        sql = f"SELECT key, document, vector FROM passages WHERE key IN ({marks(some)})"  # noqa: S608
        yield from connection.execute(sql, some)


def _tail(connection: sqlite3.Connection, row: Row) -> Iterator[ScanRow]:
    sql = "SELECT key, document, vector FROM passages WHERE collection = ? AND key > ?"
    return connection.execute(sql, (row.key, row.indexed))


def _passing(connection: sqlite3.Connection, ranking: Iterable[Found], wanted: Wanted) -> Iterator[Found]:
    """Those that the filter matches, until there are enough, and those as good as the last of them."""
    passes: dict[int, bool] = {}
    documents: set[int] = set()
    count, last = 0, -math.inf
    for found in ranking:
        if count >= wanted.passages and len(documents) >= wanted.documents and found.score < last:
            return
        if wanted.filter is not None:
            if found.document not in passes:
                passes[found.document] = _matches(connection, found.document, wanted.filter)
            if not passes[found.document]:
                continue
        yield found
        count, last = count + 1, found.score
        documents.add(found.document)


def _matches(connection: sqlite3.Connection, document: int, filter: Filter) -> bool:
    metadata = connection.execute("SELECT metadata FROM documents WHERE key = ?", (document,)).fetchone()[0]
    return matches(filter, json.loads(metadata))
