"""One collection's records in Chroma: read by name, by `where` or all, written, and removed.

Nothing is read as of one moment, since Chroma has no such thing: what was read first may be gone when the rest is read.
That is `Moved`, and `steady` reads anew.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

from app.errors import DatabaseAway
from app.store.checks import size, valid
from app.store.chroma import records
from app.store.chroma.catalogue import Row
from app.store.chroma.failures import Moved
from app.store.chroma.records import Head, PassageRecord, Prepared
from app.store.chroma.server import Server
from app.store.library import chromadb
from app.store.store import F32, Passage

log = logging.getLogger(__name__)
T = TypeVar("T")

# Readings before somebody is told that the documents change faster than they can be read.
ATTEMPTS = 20
# Texts in one request, where there is a limit to their bytes: at first, and where they have turned out to be short.
FIRST_TEXTS, MOST_TEXTS = 10, 500
# What a server of one machine says, as another error, of a record that went while it was asked for its vector, and of a
# collection that is half deleted.
GONE = ("Error finding id", "Missing metadata segment")


def steady(server: Server, read: Callable[[], T]) -> T:
    """What `read` returns, begun anew as often as somebody wrote what it was reading. raises DatabaseAway"""
    for _ in range(ATTEMPTS):
        try:
            return read()
        except Moved:
            log.debug("read anew: it was written meanwhile")
    raise DatabaseAway(server.address.place, f"what is asked for changed {ATTEMPTS} times while it was read")


def _whole(found: Mapping[str, Any]) -> Mapping[str, Any]:
    """What Chroma has found, unless it had a record no more when it came to its metadata. raises Moved"""
    if None in found["metadatas"]:
        raise Moved
    return found


class Shelf:
    """The records of the collection `row`. Every method raises what `Server.calling` does, and Moved."""

    def __init__(self, server: Server, row: Row) -> None:
        self._server = server
        self.row = row

    @cached_property
    def _passages(self) -> Any:
        return self._ask(self._server.passages, name=self.row.passages)

    def _ask(self, call: Callable[..., Any], **arguments: Any) -> Any:
        with self._server.calling():
            try:
                return call(**arguments)
            except chromadb.errors.NotFoundError:
                raise Moved from None  # the collection was deleted, and perhaps made anew
            except Exception as error:
                if any(each in str(error) for each in GONE):
                    raise Moved from None
                raise

    def count(self) -> tuple[int, int]:
        """Documents, and passages: those that a write is about to keep or to remove are counted as well."""
        return self._ask(self.row.documents.count), self._ask(self._passages.count)

    def ids(self) -> list[str]:
        """Of all documents, in order."""
        return sorted({each for some in self._pages([]) for each in some["ids"]})

    def all_heads(self) -> Iterator[Head]:
        """Without texts, in Chroma's order."""
        for some in self._pages(["metadatas"]):
            yield from records.heads(_whole(some))

    def _pages(self, include: list[str]) -> Iterator[Mapping[str, Any]]:
        """All documents' records. Where Chroma gives them in parts, one that is removed meanwhile may hide another."""
        start, most = 0, self._server.most
        while True:
            some = self._ask(self.row.documents.get, limit=most, offset=start, include=include)
            yield some
            if len(some["ids"]) < most:
                return
            start += most

    def heads(self, ids: Sequence[str], *, texts: bool = False) -> dict[str, Head]:
        """The documents that are there, by id."""
        include = ["metadatas", "documents"] if texts else ["metadatas"]
        found: list[Head] = []
        for part in self._server.parts([each for each in dict.fromkeys(ids) if each and valid(each)]):
            found += records.heads(_whole(self._ask(self.row.documents.get, ids=part, include=include)))
        return {head.id: head for head in found}

    def whole(self, ids: Sequence[str], max_bytes: int | None) -> Iterator[Head]:
        """Those that are there with their texts, in this order.

        max_bytes  what the caller keeps at most: no more are asked for at once than are likely to fit in, since Chroma
                   does not say how long a text is; None: all at once
        """
        done, used, count = 0, 0, len(ids) if max_bytes is None else FIRST_TEXTS
        while done < len(ids):
            some = ids[done : done + count]
            heads = self.heads(some, texts=True)
            yield from (heads[each] for each in some if each in heads)
            done, used = done + len(some), used + size(*(head.text for head in heads.values()))
            if max_bytes is not None:
                count = max(1, min(MOST_TEXTS, done * max_bytes // max(1, used)))

    def passages_of(self, heads: Sequence[Head]) -> dict[str, list[Passage]]:
        """The passages of each, in order. raises Moved, where they are replaced by now"""
        names = [name for head in heads for name in head.passage_ids]
        found: dict[str, Passage] = {}
        for part in self._server.parts(names):
            some = self._ask(self._passages.get, ids=part, include=["metadatas", "embeddings"])
            found |= records.passages(_whole(some))
        if len(found) < len(names):
            raise Moved
        return {head.id: [found[name] for name in head.passage_ids] for head in heads}

    def vectors(self, keys: Sequence[str]) -> dict[bytes, F32]:
        """By the hash of what was embedded, in hexadecimal; one of them where several passages have the same."""
        found: dict[bytes, F32] = {}
        for part in self._server.parts(keys):
            where = {records.KEY: {"$in": part}}
            some = self._ask(self._passages.get, where=where, include=["metadatas", "embeddings"])
            found |= {each.key: each.vector for each in records.passages(_whole(some)).values()}
        return found

    def nearest(self, vector: F32, count: int, where: Mapping[str, Any] | None) -> list[tuple[str, Any, float]]:
        """About the `count` nearest passages: name, metadata and Chroma's distance, nearest first."""
        include = ["metadatas", "distances"]
        found = self._ask(
            self._passages.query, query_embeddings=[vector], n_results=count, where=where, include=include
        )
        nearest = {"ids": found["ids"][0], "metadatas": found["metadatas"][0], "distances": found["distances"][0]}
        return list(zip(*_whole(nearest).values(), strict=True))

    def add_passages(self, added: Sequence[PassageRecord]) -> None:
        for part in self._server.parts(added):
            self._ask(
                self._passages.upsert,
                ids=[each.id for each in part],
                embeddings=[each.vector for each in part],
                metadatas=[each.metadata for each in part],
            )

    def commit(self, prepared: Sequence[Prepared]) -> None:
        """From here on the new versions count: all of one request together."""
        for part in self._server.parts(prepared):
            self._ask(self.row.documents.upsert, **records.head_records(part))

    def remove(self, ids: Sequence[str]) -> None:
        for part in self._server.parts(ids):
            self._ask(self.row.documents.delete, ids=part)

    def remove_passages(self, names: Sequence[str]) -> None:
        """Those that are there."""
        for part in self._server.parts(names):
            self._ask(self._passages.delete, ids=part)
