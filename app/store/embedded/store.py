"""The store in a data directory: the ledger is the truth, the index follows it, one process owns both."""

import itertools
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from app.store.embedded.index.follower import Follower
from app.store.embedded.ledger import catalogue, contents, keyword_rebuild, listing
from app.store.embedded.ledger.ledger import Ledger
from app.store.embedded.lock import DirectoryLock
from app.store.embedded.search.searching import Searcher
from app.store.embedded.search.semantic import SemanticRanking
from app.store.filters import Filter
from app.store.store import (
    F32,
    Collection,
    Document,
    Hit,
    IndexState,
    Metadata,
    OnFatal,
    Page,
    Query,
    Sample,
    Space,
    StoredDocument,
    Totals,
)

log = logging.getLogger(__name__)

# A scan of so many passages of 384 numbers takes 5 ms, asking the index 2: not worth a second of loading and 50 MB.
EXACT_BELOW = 2000
# An import writes several times a second, and on a slow machine every few seconds.
CALM_S = 5.0


class EmbeddedStore:
    """A `Store` in `directory`, which is made where there is none and is this process's own until `close`.

    max_collections  more are refused
    on_fatal         is told where the index's thread dies; the process should end, to begin anew
    exact_below      collections of up to so many passages are scanned and have no index
    calm_s           the index takes up writes when there was none for so long

    raises  DirectoryTaken; DirectoryNewer; DirectoryUnusable; StorageFull
    """

    def __init__(
        self,
        directory: Path,
        *,
        max_collections: int,
        on_fatal: OnFatal,
        exact_below: int = EXACT_BELOW,
        calm_s: float = CALM_S,
    ) -> None:
        self._max_collections = max_collections
        # The last write to each collection. A number that comes again, as one of rows would when they are deleted,
        # could name what was read while they were there.
        self._versions: dict[str, int] = {}
        self._writes = itertools.count(1)
        undo: list[Callable[[], None]] = []
        try:
            lock = DirectoryLock(directory)
            undo.append(lock.close)
            self._ledger = Ledger(directory)
            undo.append(self._ledger.close)
            keyword_rebuild.where_outdated(self._ledger)
            self._follower = Follower(
                self._ledger, directory, exact_below=exact_below, calm_s=calm_s, on_fatal=on_fatal
            )
            undo.append(self._follower.close)
            self._searcher = Searcher(self._ledger, SemanticRanking(self._ledger, self._follower, exact_below))
            undo.append(self._searcher.close)
        except BaseException:
            _close(undo)
            raise
        self._undo = undo

    def create_collection(self, name: str, space: Space, metadata: Metadata) -> tuple[Collection, bool]:
        with self._ledger.writing() as connection:
            row, new = catalogue.create(connection, name, space, metadata, self._max_collections)
        if new:
            self._versions[name] = next(self._writes)
        return row.collection, new

    def collection(self, name: str) -> Collection:
        with self._ledger.reading() as connection:
            return catalogue.find(connection, name).collection

    def collections(self) -> list[Collection]:
        with self._ledger.reading() as connection:
            return [row.collection for row in catalogue.everything(connection)]

    def delete_collection(self, name: str) -> None:
        with self._ledger.writing() as connection:
            catalogue.delete(connection, catalogue.find(connection, name).key)
        self._versions.pop(name, None)
        self._follower.changed()

    def upsert(self, name: str, documents: Sequence[Document], *, made_for: Collection | None = None) -> None:
        prepared = contents.prepare(documents)
        with self._ledger.writing() as connection:
            contents.upsert(connection, catalogue.find(connection, name, made_for), prepared)
        self._versions[name] = next(self._writes)
        self._follower.changed(sum(len(each.passages) for each in prepared))

    def vectors(self, model: str, keys: Sequence[bytes]) -> dict[bytes, F32]:
        with self._ledger.reading() as connection:
            return listing.vectors(connection, model, keys)

    def unchanged(self, name: str, documents: Sequence[Document]) -> list[bool]:
        with self._ledger.reading() as connection:
            return contents.unchanged(connection, catalogue.find(connection, name), documents)

    def document(self, name: str, id: str, *, vectors: bool = False) -> StoredDocument:
        with self._ledger.reading() as connection:
            return listing.one(connection, catalogue.find(connection, name), id, vectors)

    def documents(
        self,
        name: str,
        *,
        filter: Filter | None = None,
        cursor: str | None = None,
        limit: int = 100,
        max_bytes: int | None = None,
    ) -> Page:
        with self._ledger.reading() as connection:
            return listing.page(connection, catalogue.find(connection, name), filter, cursor, limit, max_bytes)

    def delete_documents(self, name: str, *, ids: Sequence[str] | None = None, filter: Filter | None = None) -> int:
        with self._ledger.writing() as connection:
            count = contents.delete(connection, catalogue.find(connection, name), ids, filter)
        if count:
            self._versions[name] = next(self._writes)
        self._follower.changed()
        return count

    def search(self, name: str, query: Query, *, made_for: Collection | None = None) -> list[Hit]:
        return self._searcher.search(lambda connection: catalogue.find(connection, name, made_for), query)

    def export(self, name: str) -> Iterator[StoredDocument]:
        with self._ledger.reading() as connection:
            catalogue.find(connection, name)
        return self._ledger.streaming(lambda connection: listing.every(connection, catalogue.find(connection, name)))

    def sample(self, name: str, limit: int) -> Sample:
        with self._ledger.reading() as connection:
            version = self._versions.get(name, 0)
            collection = catalogue.find(connection, name).collection
        documents = self._ledger.streaming(
            lambda connection: listing.sampled(connection, catalogue.find(connection, name), limit)
        )
        return Sample(collection, str(version), documents)

    def index_state(self) -> IndexState:
        return self._follower.state()

    def totals(self, *, size: bool = True) -> Totals:
        with self._ledger.reading() as connection:
            collections, documents, passages = catalogue.totals(connection)
        return Totals(collections, documents, passages, self._ledger.bytes() if size else None)

    def close(self) -> None:
        _close(self._undo)


def _close(undo: list[Callable[[], None]]) -> None:
    """Close in reverse; one that fails does not keep the others open."""
    while undo:
        close = undo.pop()
        try:
            close()
        except Exception as error:
            log.error("a part of the store did not close", exc_info=error)
