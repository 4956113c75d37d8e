"""Rank passages by the words of a query: BM25 over the ledger's keyword index."""

import sqlite3
from collections.abc import Sequence

from app.store.embedded.ledger import keyword_index
from app.store.embedded.ledger.catalogue import Row
from app.store.filters import Filter
from app.store.fusion import Found, documents_in, last_wanted
from app.store.keyword import query_tokens

# Most of the work is to score what matches; to be given more of it costs little, and asking again all of it.
AT_LEAST = 200


def rank(
    connection: sqlite3.Connection, row: Row, text: str, filter: Filter | None, passages: int, documents: int
) -> list[Found]:
    """The head of the ranking, best first: at least so many passages, of so many documents, or all there are.

    A passage is in it where it has one of the words. With documents=0 the ranking is to be fused with another: those
    that have only words that weigh nothing are left out, since their places mean nothing.
    """
    tokens = query_tokens(text)
    telling = keyword_index.without_common(connection, row.key, tokens, row.collection.passages)
    found = _worded(connection, row.key, telling, filter, passages, documents)
    if telling != tokens and not _enough(found, passages, documents) and (documents or not telling):
        found = _worded(connection, row.key, tokens, filter, passages, documents)
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
    # Some more show whether there are others as good as the last; a ranking to be fused needs none of them.
    limit = max(passages + 1, AT_LEAST) if documents else passages
    while tokens:
        found = keyword_index.find(connection, collection, tokens, limit, filter)
        if not documents or len(found) < limit or _beyond(found, passages, documents):
            break
        limit *= 4
    return found


def _beyond(found: Sequence[Found], passages: int, documents: int) -> bool:
    """Whether the ranking goes so far that all that are as good as the last one wanted are in it."""
    last = last_wanted(found, passages, documents)
    return last is not None and found[-1].score < last.score


def _enough(found: Sequence[Found], passages: int, documents: int) -> bool:
    return len(found) >= passages and documents_in(found) >= documents
