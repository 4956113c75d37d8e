"""Put the waiting texts of all callers into batches, and give each caller its own vectors back."""

import asyncio
import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from app.embedding.encoder import F32, Encoder
from app.errors import EncoderFailed, NotReady, QueueFull

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Job:
    """One caller's texts. `vectors` fills up row by row; `done` is set by the lane that fills the last one.

    urgent  goes before those that are not
    """

    done: "asyncio.Future[F32]"
    vectors: F32
    missing: int
    gone: bool = False
    urgent: bool = False


@dataclass(eq=False, order=False)
class Entry:
    """One text in the queue: row `row` of its job's vectors."""

    job: Job
    row: int
    ids: Sequence[int]
    length: int = field(init=False)

    def __post_init__(self) -> None:
        self.length = len(self.ids)


def choose(queue: list[Entry], max_batch_tokens: int) -> list[Entry]:
    """Take the next batch out of `queue`, which is in order of arrival, urgent texts before the others.

    The first text always goes; the others are those nearest to it in length, as many as fit into
    `max_batch_tokens` with padding counted (rows × longest). A text longer than the budget goes alone.
    """
    by_length = sorted(range(len(queue)), key=lambda i: queue[i].length)
    low = high = by_length.index(0)
    while True:
        shorter = queue[by_length[low - 1]].length if low > 0 else None
        longer = queue[by_length[high + 1]].length if high + 1 < len(queue) else None
        longest, rows = queue[by_length[high]].length, high - low + 2
        if (
            shorter is not None
            and rows * longest <= max_batch_tokens
            and (longer is None or longest - shorter <= longer - longest)
        ):
            low -= 1
        elif longer is not None and rows * longer <= max_batch_tokens:
            high += 1
        elif shorter is not None and rows * longest <= max_batch_tokens:
            low -= 1
        else:
            break
    taken = by_length[low : high + 1]
    batch = [queue[i] for i in taken]
    for i in sorted(taken, reverse=True):
        del queue[i]
    return batch


class Batcher:
    """A bounded queue in front of an encoder, emptied by `lanes` threads.

    An idle lane takes a lone text at once; there is no timer. A failed batch fails every caller in it with its cause.
    A lane that dies of anything else fails all who wait and calls `on_death`, which is to end the process.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        lanes: int,
        max_batch_tokens: int,
        max_queue_texts: int,
        on_death: Callable[[BaseException], None],
    ) -> None:
        self._encoder = encoder
        self._max_batch_tokens = max_batch_tokens
        self._max_queue_texts = max_queue_texts
        self._on_death = on_death
        self._queue: list[Entry] = []
        self._wake = threading.Condition()
        self._closed: str | None = None
        self._texts_per_s = 0.0
        self._lanes = [threading.Thread(target=self._work, name=f"encoder-{i}", daemon=True) for i in range(lanes)]
        for lane in self._lanes:
            lane.start()

    @property
    def waiting(self) -> int:
        """Texts in the queue that no lane has taken yet."""
        return len(self._queue)

    async def embed(self, sequences: Sequence[Sequence[int]], *, urgent: bool = False) -> F32:
        """Vectors of the token sequences, in their order: (len(sequences), dimension) float32.

        urgent  somebody waits for just this: it goes before what is not, such as the hundreds of texts of an import
        raises  QueueFull; EncoderFailed, with the cause; NotReady once closed
        """
        loop = asyncio.get_running_loop()
        count = len(sequences)
        job = Job(loop.create_future(), np.empty((count, self._encoder.dimension), np.float32), count, urgent=urgent)
        if not count:
            return job.vectors
        with self._wake:
            if self._closed is not None:
                raise NotReady(self._closed)
            # A request larger than the whole limit may still go, when nothing else waits: else it never could.
            if self._queue and len(self._queue) + count > self._max_queue_texts:
                raise QueueFull(len(self._queue), count, self._max_queue_texts, self._retry_after_s())
            first = sum(entry.job.urgent for entry in self._queue) if urgent else len(self._queue)
            self._queue[first:first] = [Entry(job, row, ids) for row, ids in enumerate(sequences)]
            self._wake.notify(min(count, len(self._lanes)))
        try:
            return await job.done
        except asyncio.CancelledError:
            job.gone = True
            raise

    def close(self, reason: str = "the service is shutting down") -> None:
        """Let the lanes finish what they hold, fail what still waits with NotReady, and wait for the threads."""
        self._fail_all(NotReady(reason), reason)
        for lane in self._lanes:
            if lane is not threading.current_thread():
                lane.join()

    def _retry_after_s(self) -> int:
        return max(1, math.ceil(len(self._queue) / self._texts_per_s)) if self._texts_per_s else 1

    def _work(self) -> None:
        held: list[Entry] | None = None
        try:
            while (held := self._next()) is not None:
                self._encode(held)
        except BaseException as death:
            log.critical("an encoder thread died", exc_info=death)
            self._fail_all(EncoderFailed("an encoder thread died"), "an encoder thread died", held or [])
            self._on_death(death)

    def _next(self) -> list[Entry] | None:
        """The next batch of texts whose callers still wait for them; None once closed."""
        with self._wake:
            while True:
                if any(entry.job.gone for entry in self._queue):
                    self._queue = [entry for entry in self._queue if not entry.job.gone]
                if self._queue:
                    return choose(self._queue, self._max_batch_tokens)
                if self._closed is not None:
                    return None
                self._wake.wait()

    def _encode(self, batch: list[Entry]) -> None:
        started = time.monotonic()
        try:
            vectors = self._encoder.encode([entry.ids for entry in batch])
        except Exception as error:
            log.error("a batch of %d texts failed", len(batch), exc_info=error)
            failed = {entry.job for entry in batch}
            with self._wake:
                for job in failed:
                    job.gone = True
            for job in failed:
                _settle(job, _failure(error))
            return
        rate = len(batch) * len(self._lanes) / max(time.monotonic() - started, 1e-6)
        full = []
        with self._wake:
            self._texts_per_s += 0.2 * (rate - self._texts_per_s)
            for entry, vector in zip(batch, vectors, strict=True):
                entry.job.vectors[entry.row] = vector
                entry.job.missing -= 1
                if not entry.job.missing:
                    full.append(entry.job)
        for job in full:
            _settle(job, None)

    def _fail_all(self, error: Exception, reason: str, held: Sequence[Entry] = ()) -> None:
        with self._wake:
            self._closed = self._closed or reason
            jobs = {entry.job for entry in (*self._queue, *held)}
            self._queue = []
            for job in jobs:
                job.gone = True
            self._wake.notify_all()
        for job in jobs:
            _settle(job, error)


def _failure(cause: Exception) -> EncoderFailed:
    error = EncoderFailed(f"the model could not encode the batch: {cause}")
    error.__cause__ = cause
    return error


def _settle(job: Job, error: Exception | None) -> None:
    """Hand the outcome to the caller's event loop; a caller that has gone is left in peace."""

    def settle() -> None:
        if job.done.done():
            return
        if error is None:
            job.done.set_result(job.vectors)
        else:
            job.done.set_exception(error)

    job.done.get_loop().call_soon_threadsafe(settle)
