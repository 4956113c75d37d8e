"""One import as it runs: records in, whole batches kept, progress out."""

import asyncio
import sys
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from app.errors import InvalidInput, QueueFull, SpaceMismatch
from app.pipeline.drafts import Draft
from app.pipeline.formats.record import Header, Item, Reader, Record, Refused
from app.pipeline.ingest import Ingest
from app.pipeline.progress import Progress
from app.pipeline.workers import Workers
from app.store.store import Collection, Document, Store

# A batch is full at any: enough texts to fill the encoder's own batches, few enough to be lost without regret. A record
# brings as many bytes of vectors as it likes, and its text has up to four in a character.
BATCH_DOCUMENTS = 256
BATCH_CHARACTERS = 50_000
BATCH_BYTES = 1_000_000
# Batches of one import under way at once: one is cut and one is written, and the encoder chooses from the texts of the
# others, which makes its own batches of more equal lengths. More of them are faster by some per cent, but end together:
# then nothing is kept for seconds, and the index takes the pause for the import's end.
IN_FLIGHT = 4
# Bytes of texts and vectors in them: a record of an export may have as many by itself, and then is alone under way.
IN_FLIGHT_BYTES = 8_000_000
# Refusals that are told one by one; a client that reads only at its end must not be drowned in them.
LISTED_REFUSALS = 1000


class HungUp(Exception):
    """The client went away before the import's end. What `chunks` raises."""


@dataclass(frozen=True)
class _UnderWay:
    task: "asyncio.Task[None]"
    ids: set[str]
    bytes: int


class Import:
    """Batches are embedded side by side and kept in their order, so that what is kept is always a beginning of the
    whole, and of two records with one id the later one counts.

    turns  one for each batch that may be embedded at once, shared by all imports
    """

    def __init__(
        self,
        store: Store,
        ingest: Ingest,
        workers: Workers,
        turns: asyncio.Semaphore,
        collection: Collection,
        reader: Reader,
        chunks: AsyncIterator[bytes],
        bytes_total: int | None,
        report_every_s: float,
    ) -> None:
        self._store = store
        self._ingest = ingest
        self._workers = workers
        self._turns = turns
        self._collection = collection
        self._reader = reader
        self._chunks = chunks
        self._report_every_s = report_every_s
        self.progress = Progress(bytes_total)
        self._batch: list[Draft] = []
        self._characters = self._bytes = 0
        self._in_flight: deque[_UnderWay] = deque()
        self._refusals: deque[Refused] = deque()
        self._news = asyncio.Event()

    async def events(self) -> AsyncGenerator[dict[str, Any], None]:
        """{"progress": counts} with the first bytes and then every `report_every_s`; {"refused": {"line", "reason"}}.

        counts  see `Progress.counts`
        raises  what ends the import: InvalidInput, such as CollectionNotFound where the collection was deleted
                meanwhile, be it made anew or not; EncoderFailed, StorageFull, NotReady
        """
        work = asyncio.create_task(self._work())
        work.add_done_callback(lambda _: self._news.set())
        try:
            await self._wait(self._report_every_s)
            reported_s = time.monotonic()
            yield {"progress": self.progress.counts()}
            while True:
                await self._wait(max(0.0, reported_s + self._report_every_s - time.monotonic()))
                ended = work.done()
                while self._refusals:
                    refused = self._refusals.popleft()
                    yield {"refused": {"line": refused.line, "reason": refused.reason}}
                if ended:
                    break
                if time.monotonic() - reported_s >= self._report_every_s:
                    reported_s = time.monotonic()
                    yield {"progress": self.progress.counts()}
            work.result()
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            # The traceback of its error leads back to this frame. Left as a cycle, the request would stay until the
            # garbage collector comes, and a body that was not read to its end keeps its connection open.
            del work

    async def _wait(self, seconds: float) -> None:
        """Until there is something to tell, or time is up."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()
        self._news.clear()

    async def _work(self) -> None:
        try:
            try:
                async for chunk in self._chunks:
                    if not self.progress.bytes_read:
                        self._news.set()
                    self.progress.bytes_read += len(chunk)
                    for item in self._reader.feed(chunk):
                        await self._take(item)
                for item in self._reader.end():
                    await self._take(item)
                await self._begin_batch()
                self.progress.complete = True
            except HungUp:  # what is under way is kept, what was not yet a whole batch is not
                self.progress.complete = False
            while self._in_flight:
                await self._end_batch()
            if self.progress.complete:
                self.progress.bytes_done = self.progress.bytes_read
        except BaseException:
            self.progress.complete = False
            raise
        finally:
            tasks = [batch.task for batch in self._in_flight]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _take(self, item: Item) -> None:
        match item:
            case Refused():
                self._refuse(item)
            case Header(_, collection):
                self._check_header(collection)
            case Record(line, draft):
                try:
                    self._ingest.check(self._collection, draft, f"of line {line}")
                except InvalidInput as error:
                    self._refuse(Refused(line, str(error)))
                    return
                self._batch.append(draft.with_id(from_content=True))
                self._characters += len(draft.text)
                self._bytes += _bytes(draft)
                if self._full():
                    await self._begin_batch()

    def _full(self) -> bool:
        large = self._characters >= BATCH_CHARACTERS or self._bytes >= BATCH_BYTES
        return large or len(self._batch) >= BATCH_DOCUMENTS

    def _refuse(self, refused: Refused) -> None:
        self.progress.refused += 1
        if self.progress.refused <= LISTED_REFUSALS:
            self._refusals.append(refused)
            self._news.set()

    def _check_header(self, header: Mapping[str, Any]) -> None:
        """An export goes into a collection of its own space only. raises SpaceMismatch"""
        space = self._collection.space
        for what, has in (("model", space.model), ("dimension", space.dimension), ("distance", space.distance)):
            if header.get(what) != has:
                raise SpaceMismatch(self._collection.name, what, has, header.get(what))

    async def _begin_batch(self) -> None:
        if not self._batch:
            return
        while self._in_flight and not self._has_room():
            await self._end_batch()
        recent = set[str]().union(*(batch.ids for batch in self._in_flight))
        before = self._in_flight[-1].task if self._in_flight else None
        # The last record of an id is the one that counts.
        latest = {draft.id or "": draft for draft in self._batch}
        keep = self._keep(list(latest.values()), len(self._batch), recent, before, self.progress.bytes_read)
        self._in_flight.append(_UnderWay(asyncio.create_task(keep), set(latest), self._bytes))
        self._batch, self._characters, self._bytes = [], 0, 0

    def _has_room(self) -> bool:
        held = sum(batch.bytes for batch in self._in_flight)
        return len(self._in_flight) < IN_FLIGHT and held + self._bytes <= IN_FLIGHT_BYTES

    async def _end_batch(self) -> None:
        """Wait for the oldest batch. raises what it raised"""
        await asyncio.wait({self._in_flight[0].task})
        self._in_flight.popleft().task.result()  # not by a name, as above

    async def _keep(
        self, drafts: list[Draft], records: int, recent: set[str], before: "asyncio.Task[None] | None", bytes_read: int
    ) -> None:
        """Embed what has changed, wait for the batch before, and keep it. recent: ids that are yet to be written."""
        kept = await self._workers.run_as("unchanged", self._ingest.kept, self._collection, drafts)
        changed = [draft for draft, is_kept in zip(drafts, kept, strict=True) if not is_kept or draft.id in recent]
        documents = await self._prepare(changed)
        if before is not None:
            await asyncio.wait({before})
            before.result()
        if documents:
            await self._workers.run(self._store.upsert, self._collection.name, documents, made_for=self._collection)
        same = len(drafts) - len(changed)
        self.progress.unchanged += same
        self.progress.done += records - same
        self.progress.bytes_done = bytes_read

    async def _prepare(self, drafts: Sequence[Draft]) -> list[Document]:
        """An import has time: it waits for its turn among imports, and where others fill the queue."""
        async with self._turns:
            while True:
                try:
                    return await self._ingest.prepare(self._collection, drafts)
                except QueueFull as error:
                    # Half of it: the queue is not to run empty before an import is back.
                    await asyncio.sleep(error.retry_after_s / 2)


def _bytes(draft: Draft) -> int:
    """What its text and its vectors take in memory."""
    vectors = [passage.vector for passage in draft.passages]
    if draft.vector is not None:
        vectors.append(draft.vector)
    return sys.getsizeof(draft.text) + sum(vector.nbytes for vector in vectors)
