"""The store in a Chroma server or in Chroma Cloud. The process keeps nothing of it but connections."""

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import chain
from typing import Literal, TypeVar

from app.errors import DocumentNotFound, ModeUnsupported
from app.store.checks import same, size, written
from app.store.chroma import address, catalogue, searching
from app.store.chroma.counted import Counted
from app.store.chroma.server import Server
from app.store.chroma.shelf import Shelf, steady
from app.store.chroma.writing import Writer
from app.store.cursor import after, id_in
from app.store.filters import Filter, matches
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

T = TypeVar("T")

# Documents that an export has in memory at once, with their vectors.
EXPORTED_AT_ONCE = 100


class ChromaStore:
    """A `Store` in the Chroma server that `url` names (`address.read`), with less than the others have (0020):

    - it ranks by meaning alone
    - a sample reads what is kept beside the texts of all documents
    - an export, and a sample, has the documents that were there when it began, as they are when it comes to them
    - a page of a listing reads the ids of all documents, and with a filter their metadata: Chroma knows no order
    - totals do not say how many bytes, and may lack for COUNTED_FOR_S what another process has written

    token            counts where the URL has none
    max_collections  more are refused
    connections      of this process to the server, at most
    timeout_s        a request is given up when the server is silent for so long
    most             records in one request; None: what the server takes

    Every method raises DatabaseAway while the server is away, and works again once it is back.
    raises  DatabaseAway; DatabaseNewer; DatabaseUnusable
    """

    meaning_only: Literal[True] = True

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        max_collections: int,
        connections: int,
        timeout_s: int,
        most: int | None = None,
    ) -> None:
        self._max_collections = max_collections
        self._server = Server(address.read(url, token), connections=connections, timeout_s=timeout_s, most=most)
        self._writer = Writer(self._server)
        self._counted = Counted(self._count, self._server.now_ns)
        try:
            catalogue.everything(self._server)  # so that a later format is refused before the first request
            catalogue.drop_orphans(self._server)
        except BaseException:
            self.close()
            raise

    def create_collection(self, name: str, space: Space, metadata: Metadata) -> tuple[Collection, bool]:
        with self._counted.changing():
            row, new = catalogue.create(self._server, name, space, metadata, self._max_collections)
        return (row.counted() if new else self.collection(name)), new

    def collection(self, name: str) -> Collection:
        return self._steady(name, lambda shelf: shelf.row.counted(*shelf.count()))

    def collections(self) -> list[Collection]:
        def read() -> list[Collection]:
            return [row.counted(*Shelf(self._server, row).count()) for row in catalogue.everything(self._server)]

        return steady(self._server, read)

    def delete_collection(self, name: str) -> None:
        with self._counted.changing():
            catalogue.delete(self._server, name)

    def upsert(self, name: str, documents: Sequence[Document], *, made_for: Collection | None = None) -> None:
        """As the Protocol says, `made_for` as well: Chroma is asked by keys, so that what is deleted stays so.

        Not covered is a server of several nodes, of which one has not heard yet that another has deleted the
        collection: it may take the write, which is gone then, and never goes into the new collection.
        """
        with self._counted.changing():
            self._steady(name, lambda shelf: self._writer.upsert(shelf, documents), made_for)

    def vectors(self, model: str, keys: Sequence[bytes]) -> dict[bytes, F32]:
        wanted = {key.hex() for key in keys if key}

        def read() -> dict[bytes, F32]:
            known: dict[bytes, F32] = {}
            for row in catalogue.everything(self._server):
                missing = sorted(wanted - {key.hex() for key in known})
                if row.space.model == model and missing:
                    known |= Shelf(self._server, row).vectors(missing)
            return known

        return steady(self._server, read)

    def unchanged(self, name: str, documents: Sequence[Document]) -> list[bool]:
        def read(shelf: Shelf) -> list[bool]:
            heads = shelf.heads([each.id for each in documents], texts=True)
            brought = {each.id for each in documents if each.passages}
            passages = shelf.passages_of([head for head in heads.values() if head.id in brought])
            return [
                (head := heads.get(each.id)) is not None and same(head.stored(passages.get(head.id, ())).document, each)
                for each in documents
            ]

        return self._steady(name, read)

    def document(self, name: str, id: str, *, vectors: bool = False) -> StoredDocument:
        def read(shelf: Shelf) -> StoredDocument:
            found = self._whole(shelf, [id], vectors)
            if not found:
                raise DocumentNotFound(name, id)
            return found[0]

        return self._steady(name, read)

    def documents(
        self,
        name: str,
        *,
        filter: Filter | None = None,
        cursor: str | None = None,
        limit: int = 100,
        max_bytes: int | None = None,
    ) -> Page:
        last = None if cursor is None else id_in(cursor)

        def read(shelf: Shelf) -> Page:
            if filter is None:
                ids = shelf.ids()
            else:
                ids = sorted({head.id for head in shelf.all_heads() if matches(filter, head.metadata)})
            rest = [each for each in ids if last is None or each > last]
            found: list[StoredDocument] = []
            used = 0
            for head in shelf.whole(rest[:limit], max_bytes):
                used += size(head.text, written(head.metadata))
                if found and max_bytes is not None and used > max_bytes:
                    return Page(found, after(found[-1].document.id))
                found.append(head.stored())
            return Page(found, after(rest[limit - 1]) if len(rest) > limit else None)

        return self._steady(name, read)

    def delete_documents(self, name: str, *, ids: Sequence[str] | None = None, filter: Filter | None = None) -> int:
        with self._counted.changing():
            return self._steady(name, lambda shelf: self._writer.delete(shelf, ids, filter))

    def search(self, name: str, query: Query, *, made_for: Collection | None = None) -> list[Hit]:
        if query.mode != "semantic":
            catalogue.find(self._server, name)
            raise ModeUnsupported(query.mode, "the store in Chroma")
        return self._steady(name, lambda shelf: searching.search(self._server, shelf, query), made_for)

    def export(self, name: str) -> Iterator[StoredDocument]:
        ids, made_for = self._steady(name, lambda shelf: (shelf.ids(), shelf.row.counted()))
        return self._read(made_for, ids)

    def sample(self, name: str, limit: int) -> Sample:
        def read(shelf: Shelf) -> tuple[Collection, str, list[str]]:
            versions = {head.id: head.version for head in shelf.all_heads()}
            state = sha256(str(shelf.row.documents.id).encode())
            for key in sorted(versions):
                state.update(versions[key].encode())
            spread = sorted(versions, key=lambda each: sha256(each.encode()).digest())
            return shelf.row.counted(), state.hexdigest(), sorted(spread[:limit])

        made_for, version, ids = self._steady(name, read)
        return Sample(self.collection(name), version, self._read(made_for, ids))

    def _read(self, made_for: Collection, ids: Sequence[str]) -> Iterator[StoredDocument]:
        """Those of these documents that are still there when it comes to them.

        raises  CollectionNotFound, where the collection went meanwhile, be it made anew or not
        """

        def block(start: int) -> list[StoredDocument]:
            some = ids[start : start + EXPORTED_AT_ONCE]
            return self._steady(made_for.name, lambda shelf: self._whole(shelf, some, True), made_for)

        return chain.from_iterable(map(block, range(0, len(ids), EXPORTED_AT_ONCE)))

    def index_state(self) -> IndexState:
        """The server keeps its index by itself: where it answers, it searches what it has taken."""
        return IndexState("ready")

    def totals(self, *, size: bool = True) -> Totals:
        return self._counted.totals()

    def _count(self) -> Totals:
        collections = self.collections()
        documents = sum(each.documents for each in collections)
        return Totals(len(collections), documents, sum(each.passages for each in collections), None)

    def close(self) -> None:
        self._server.close()

    def _steady(self, name: str, work: Callable[[Shelf], T], made_for: Collection | None = None) -> T:
        """raises  CollectionNotFound"""
        return steady(self._server, lambda: work(Shelf(self._server, catalogue.find(self._server, name, made_for))))

    def _whole(self, shelf: Shelf, ids: Sequence[str], vectors: bool = False) -> list[StoredDocument]:
        """Those that are there, in this order; their passages only where vectors are wanted."""
        heads = shelf.heads(ids, texts=True)
        found = [heads[each] for each in ids if each in heads]
        passages = shelf.passages_of(found) if vectors else {}
        return [head.stored(passages.get(head.id, ())) for head in found]
