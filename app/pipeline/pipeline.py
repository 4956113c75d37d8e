"""Everything between HTTP on the one side, and model and store on the other, in one place."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import ParamSpec, TypeVar

from app.answer.answer import Writer
from app.embedding.embedder import Embedder
from app.embedding.embedders import Embedders
from app.errors import TooManyStreams
from app.pipeline.ask import Ask
from app.pipeline.drafts import Rules
from app.pipeline.exporter import export_blocks
from app.pipeline.formats.record import Reader
from app.pipeline.importer import Import
from app.pipeline.ingest import Ingest
from app.pipeline.maps import Maps
from app.pipeline.retrieve import Retrieve
from app.pipeline.spaces import Spaces
from app.pipeline.workers import CallObserver, Workers
from app.store.store import Collection, Store

# Batches that all imports together have the encoder hold: less than half of its queue, which others want too.
IMPORTED_AT_ONCE = 6
P = ParamSpec("P")
T = TypeVar("T")


class Pipeline:
    """Lives as long as the service serves; closed before the embedder and the store are.

    embedder   the model that is served
    embedders  all that there are; None where there is no other
    writer     the language model that answers questions; None where there is none
    observer   is told of every call to the store, in the task of the request that it is for
    answered   is told of every answer, see `Ask`
    drawn      is told of every map, see `Maps`
    """

    def __init__(
        self,
        store: Store,
        embedder: Embedder,
        *,
        rules: Rules,
        max_streams: int,
        max_asks: int,
        max_maps: int,
        embedders: Embedders | None = None,
        writer: Writer | None = None,
        observer: CallObserver | None = None,
        answered: Callable[[str, str], None] | None = None,
        drawn: Callable[[float], None] | None = None,
    ) -> None:
        self.store = store
        self.embedder = embedder
        self.rules = rules
        self._workers = Workers(observer=observer)
        self.embedders = embedders or Embedders(embedder)
        self.spaces = Spaces(store, self.embedders, self._workers)
        self.ingest = Ingest(store, self.embedders, self._workers, rules)
        self.retrieve = Retrieve(store, self.embedders, self._workers)
        self.ask = Ask(self.retrieve, embedder, writer, max_asks=max_asks, observer=answered)
        self.maps = Maps(store, self.embedders, self._workers, max_maps=max_maps, observer=drawn)
        self._turns = asyncio.Semaphore(IMPORTED_AT_ONCE)
        self._streams, self._max_streams = 0, max_streams

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """A method of the store, in a thread."""
        return await self._workers.run(call, *args, **kwargs)

    def importing(
        self,
        collection: Collection,
        reader: Reader,
        chunks: AsyncIterator[bytes],
        bytes_total: int | None,
        report_every_s: float = 1.0,
    ) -> Import:
        """An import of what `reader` reads in `chunks`; it begins when its events are asked for."""
        return Import(
            self.store,
            self.ingest,
            self._workers,
            self._turns,
            collection,
            reader,
            chunks,
            bytes_total,
            report_every_s,
        )

    def exporting(self, collection: Collection, max_line_bytes: int) -> AsyncGenerator[bytes, None]:
        """The collection as NDJSON, see `export_blocks`; to be closed by whoever leaves it early."""
        return export_blocks(self.store, self._workers, collection, max_line_bytes)

    def begin_stream(self) -> None:
        """Count an import or export in; `end_stream` counts it out. raises TooManyStreams"""
        if self._streams >= self._max_streams:
            raise TooManyStreams(self._max_streams)
        self._streams += 1

    def end_stream(self) -> None:
        self._streams -= 1

    def close(self) -> None:
        self.maps.close()
        self._workers.close()
