"""Writes to Chroma, which has no transactions: the order of the requests stands for one.

    1. the new versions' passages, under names that nobody knows yet
    2. the documents' records, which name the new versions: this commits
    3. away with the old versions' passages

A process that dies after 1 or 2 leaves passages that no document names. Readers pass over them, and `Leftovers` are
removed: by the process that left them with its next write, else by a search that comes upon them (`searching`).
"""

import logging
import secrets
import threading
import time
from collections.abc import Sequence

from app.errors import DatabaseAway, DatabaseRefused, VectorSpaceError
from app.store.checks import latest
from app.store.chroma.failures import Moved
from app.store.chroma.records import Prepared, passage_records, prepare
from app.store.chroma.server import LEFT_AFTER_S, Server
from app.store.chroma.shelf import Shelf
from app.store.filters import Filter, matches
from app.store.store import Document

log = logging.getLogger(__name__)

# A write that has not come to its second step by then gives up.
COMMIT_WITHIN_S = 600.0


def new_version(now_ns: int) -> str:
    """Never given twice; says when it was made, by the server's clock."""
    return f"{now_ns // 1_000_000:012x}{secrets.token_hex(8)}"


def is_left(version: str, now_ns: int) -> bool:
    """Whether a version that no document names never will be, and no longer is somebody's to remove."""
    return now_ns / 1e9 - int(version[:12], 16) / 1e3 > LEFT_AFTER_S


def _unnamed(shelf: Shelf, prepared: Sequence[Prepared]) -> list[str]:
    """The passages of those of `prepared` that do not count: of several requests the first may have been taken."""
    heads = shelf.heads([each.head.id for each in prepared])
    named = {name for head in heads.values() for name in head.passage_ids}
    return [name for each in prepared for name in each.head.passage_ids if name not in named]


class Writer:
    """Writes of this process, one after the other: two at once to one document would leave one's passages behind."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._turn = threading.Lock()
        # Passages to remove with the next write, by their collection in Chroma.
        self._leftovers: dict[str, list[str]] = {}

    def upsert(self, shelf: Shelf, documents: Sequence[Document]) -> None:
        """raises  InvalidDocument, and what the server refuses: nothing is kept then, nor is it where this raises Moved

        One exception: a connection that breaks in the second step leaves open whether it was done, or, where it takes
        several requests for very many documents, how far. The same write again is harmless.
        """
        with self._turn:
            begun_s, now_ns = time.monotonic(), self._server.now_ns()
            prepared = [prepare(each, new_version(now_ns), now_ns / 1e9) for each in latest(documents)]
            if not prepared:
                return
            self._clear(shelf)
            old = shelf.heads([each.head.id for each in prepared])
            added = passage_records(prepared, shelf.row.space.distance)
            try:
                shelf.add_passages(added)
                if time.monotonic() - begun_s > COMMIT_WITHIN_S:
                    raise DatabaseAway(self._server.address.place, "it took too long to keep the passages")
            except Moved:
                raise  # with the collection all of it is gone
            except BaseException:
                self._leave(shelf, [each.id for each in added])
                raise
            try:
                shelf.commit(prepared)
            except DatabaseRefused:
                self._leave(shelf, _unnamed(shelf, prepared))
                raise
            self._remove(shelf, [name for head in old.values() for name in head.passage_ids])

    def delete(self, shelf: Shelf, ids: Sequence[str] | None, filter: Filter | None) -> int:
        """How many were there."""
        with self._turn:
            self._clear(shelf)
            heads = list(shelf.all_heads() if ids is None else shelf.heads(ids).values())
            doomed = [head for head in heads if filter is None or matches(filter, head.metadata)]
            shelf.remove([head.id for head in doomed])
            self._remove(shelf, [name for head in doomed for name in head.passage_ids])
            return len(doomed)

    def _clear(self, shelf: Shelf) -> None:
        names = self._leftovers.get(shelf.row.passages)
        if names:
            shelf.remove_passages(names)
            del self._leftovers[shelf.row.passages]

    def _remove(self, shelf: Shelf, names: list[str]) -> None:
        """What no document names any more. The write is done: that this fails is nobody's business but ours."""
        try:
            shelf.remove_passages(names)
        except (VectorSpaceError, Moved) as error:
            log.warning("passages that are replaced wait to be removed: %s", error)
            self._leave(shelf, names)

    def _leave(self, shelf: Shelf, names: list[str]) -> None:
        self._leftovers.setdefault(shelf.row.passages, []).extend(names)
