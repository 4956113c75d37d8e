"""The store in PostgreSQL. The process keeps nothing of it but connections: replicas see what any of them wrote."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence

from app.store.filters import Filter
from app.store.postgres import catalogue, contents, listing, searching, tables
from app.store.postgres.address import Address
from app.store.postgres.connections import Connection, Connections
from app.store.postgres.migration import migrate
from app.store.store import (
    F32,
    Collection,
    Document,
    Hit,
    IndexState,
    Metadata,
    Page,
    Query,
    Sample,
    Space,
    StoredDocument,
    Totals,
)

log = logging.getLogger(__name__)

# As in the embedded store: what is promised to be exact does not depend on where it is kept.
EXACT_BELOW = 2000
# Tables that one statement reads: each takes locks, of which a server has only so many.
TABLES_AT_ONCE = 50


class PostgresStore:
    """A `Store` in the database that `url` names, brought to this version's format.

    max_collections  more are refused
    connections      of this process to the database, at most; an export has one of its own besides
    timeout_s        a statement that takes longer is given up
    exact_below      collections of up to so many passages are scanned, though they have an index

    Every method raises DatabaseAway while the database is away, and works again once it is back.
    raises  DatabaseAway; DatabaseNewer; DatabaseUnusable, with what it lacks
    """

    def __init__(
        self, url: str, *, max_collections: int, connections: int, timeout_s: int, exact_below: int = EXACT_BELOW
    ) -> None:
        address = Address(url)
        self._max_collections = max_collections
        self._exact_below = exact_below
        found = asyncio.run(migrate(address))
        self._connections = Connections(
            address,
            most=connections,
            timeout_s=timeout_s,
            search_path=found.search_path,
            vectors_in=found.vectors_in,
            pooled=found.pooled,
        )
        try:
            self._drop_deleted()
        except BaseException:
            self.close()
            raise

    def create_collection(self, name: str, space: Space, metadata: Metadata) -> tuple[Collection, bool]:
        row, new = self._connections.write(lambda c: catalogue.create(c, name, space, metadata, self._max_collections))
        return row.collection, new

    def collection(self, name: str) -> Collection:
        return self._connections.read(lambda c: catalogue.find(c, name)).collection

    def collections(self) -> list[Collection]:
        return [row.collection for row in self._connections.read(catalogue.everything)]

    def delete_collection(self, name: str) -> None:
        self._connections.write(lambda c: catalogue.delete(c, name))
        self._drop_deleted()

    def upsert(self, name: str, documents: Sequence[Document], *, made_for: Collection | None = None) -> None:
        prepared = contents.prepare(documents)

        async def work(connection: Connection) -> None:
            await contents.upsert(connection, await catalogue.hold(connection, name, made_for), prepared)

        self._connections.write(work)

    def vectors(self, model: str, keys: Sequence[bytes]) -> dict[bytes, F32]:
        known: dict[bytes, F32] = {}
        last = 0

        async def work(connection: Connection) -> tuple[int, dict[bytes, F32]]:
            some = await catalogue.keys_of(connection, model, last, TABLES_AT_ONCE)
            missing = [key for key in set(keys) if key not in known]
            found = await listing.vectors(connection, some, missing) if some and missing else {}
            return (some[-1] if len(some) == TABLES_AT_ONCE and missing else 0), found

        while True:
            last, found = self._connections.read(work)
            known.update(found)
            if not last:
                return known

    def unchanged(self, name: str, documents: Sequence[Document]) -> list[bool]:
        async def work(connection: Connection) -> list[bool]:
            return await contents.unchanged(connection, await catalogue.find(connection, name), documents)

        return self._connections.read(work)

    def document(self, name: str, id: str, *, vectors: bool = False) -> StoredDocument:
        async def work(connection: Connection) -> StoredDocument:
            return await listing.one(connection, await catalogue.find(connection, name), id, vectors)

        return self._connections.read(work)

    def documents(
        self,
        name: str,
        *,
        filter: Filter | None = None,
        cursor: str | None = None,
        limit: int = 100,
        max_bytes: int | None = None,
    ) -> Page:
        async def work(connection: Connection) -> Page:
            row = await catalogue.find(connection, name)
            return await listing.page(connection, row, filter, cursor, limit, max_bytes)

        return self._connections.read(work)

    def delete_documents(self, name: str, *, ids: Sequence[str] | None = None, filter: Filter | None = None) -> int:
        async def work(connection: Connection) -> int:
            return await contents.delete(connection, await catalogue.hold(connection, name), ids, filter)

        return self._connections.write(work)

    def search(self, name: str, query: Query, *, made_for: Collection | None = None) -> list[Hit]:
        async def work(connection: Connection) -> list[Hit]:
            row = await catalogue.find(connection, name, made_for)
            return await searching.search(connection, row, query, self._exact_below)

        return self._connections.read(work)

    def export(self, name: str) -> Iterator[StoredDocument]:
        async def work(connection: Connection) -> AsyncIterator[list[StoredDocument]]:
            async for block in listing.every(connection, await catalogue.find(connection, name)):
                yield block

        self.collection(name)
        return self._connections.stream(work)

    def sample(self, name: str, limit: int) -> Sample:
        async def work(connection: Connection) -> AsyncIterator[list[StoredDocument]]:
            async for block in listing.sampled(connection, await catalogue.find(connection, name), limit):
                yield block

        row = self._connections.read(lambda c: catalogue.find(c, name))
        return Sample(row.collection, f"{row.key}.{row.writes}", self._connections.stream(work))

    def index_state(self) -> IndexState:
        lacking = self._connections.read(catalogue.without_index)
        if lacking:
            return IndexState("failed", detail=f"no usable index of vectors: {', '.join(lacking[:10])}")
        return IndexState("ready")

    def totals(self, *, size: bool = True) -> Totals:
        return self._connections.read(lambda c: catalogue.totals(c, size))

    def close(self) -> None:
        self._connections.close()

    def _drop_deleted(self) -> None:
        """The tables of deleted collections, but for those that somebody is reading: their turn comes again."""
        while self._connections.write(tables.drop_one):
            pass
