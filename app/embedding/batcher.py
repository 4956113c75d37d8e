"""Put the waiting texts of all callers into batches, and give each caller its own vectors back."""

import asyncio
import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import numpy as np

from app.embedding.admission import Admission
from app.embedding.encoder import Encoder
from app.embedding.finished import Finished
from app.embedding.jobs import Encoded, Job, Place, failure, settle
from app.embedding.pace import Pace
from app.embedding.waiting import Entry, Waiting
from app.errors import EncoderFailed, ModelChanged, NotReady

log = logging.getLogger(__name__)

# As long as nothing waited or was encoded beside anything else, what comes next is likely to be alone. Without such a
# while, two clients in turns got 18 % fewer answers: each found the encoder idle as the other's had just begun
# (docs/decisions/0013-engine.md).
QUIET_S = 0.1
# Who is urgent waits for the batches that are being encoded: for so long after the last one, what is not urgent goes in
# half batches.
SHORT_BATCHES_S = 10.0


class Observer(Protocol):
    """Who is told what the batcher does; called from several threads, one at a time."""

    def encoded(self, lengths: Sequence[int], waited_s: Sequence[float], took_s: float) -> None:
        """A batch is done: the tokens of each text, the seconds that each waited, and the seconds it took."""

    def joined(self, texts: int) -> None:
        """Texts that need no encoding of their own: the same one waits, or is being encoded, already."""

    def refused(self) -> None:
        """A request was refused because the queue is full."""


class Batcher:
    """A bounded queue in front of an encoder, emptied by `lanes` threads.

    An idle lane takes a lone text at once; there is no timer. Who is alone, as nobody has met anybody for a moment, may
    have the other lanes' processors as well. Equal texts that wait or are being encoded are encoded once. Who waited
    long is handed out together with others, a moment later (`Finished`). A failed batch fails every caller in it with
    its cause. A lane that dies of anything else, or a model that is no longer the one that was checked, fails all who
    wait and calls `on_death`, which is to end the process.

    max_queue_s  who would wait longer than this for a first batch is refused, by the pace of the last batches
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        lanes: int,
        max_batch_tokens: int,
        max_queue_texts: int,
        max_queue_s: float,
        on_death: Callable[[BaseException], None],
        observer: Observer | None = None,
    ) -> None:
        self._encoder = encoder
        self._max_batch_tokens = max_batch_tokens
        self._pace = Pace(lanes, max_batch_tokens)
        refused = (lambda: None) if observer is None else observer.refused
        self._admission = Admission(self._pace, max_texts=max_queue_texts, max_s=max_queue_s, refused=refused)
        self._on_death = on_death
        self._observer = observer
        self._urgent: Waiting[Place] = Waiting()
        self._others: Waiting[Place] = Waiting()
        # Texts and tokens of requests that are tokenised now, urgent ones and others.
        self._arriving = {True: (0, 0), False: (0, 0)}
        self._finished = Finished()
        # What waits or is being encoded, by its token ids: who asks for the same joins it.
        self._under_way: dict[tuple[int, ...], Entry[Place]] = {}
        self._wake = threading.Condition()
        self._encoding = 0  # lanes that have a batch
        self._urgent_s = -math.inf  # when the last urgent request came, monotonic
        self._met_s = -math.inf  # when something last waited or was encoded beside something else, monotonic
        self._closed: str | None = None
        self._lanes = [threading.Thread(target=self._work, name=f"encoder-{i}", daemon=True) for i in range(lanes)]
        for lane in self._lanes:
            lane.start()

    @property
    def waiting(self) -> int:
        """Texts in the queue that no lane has taken yet, each counted once."""
        return len(self._urgent) + len(self._others)

    async def embed(self, sequences: Sequence[Sequence[int]], *, urgent: bool = False) -> Encoded:
        """Vectors of the token sequences, in their order: (len(sequences), dimension) float32.

        urgent  somebody waits for just this: it goes before what is not, such as the hundreds of texts of an import,
                in batches of its own, and only other urgent texts count against the limit
        raises  QueueFull; EncoderFailed, with the cause; NotReady once closed
        """
        loop = asyncio.get_running_loop()
        count = len(sequences)
        vectors = np.empty((count, self._encoder.dimension), np.float32)
        if not count:
            return Encoded(vectors)
        job = Job(loop.create_future(), vectors, count, urgent, time.monotonic())
        keys = [tuple(ids) for ids in sequences]
        with self._wake:
            if self._closed is not None:
                raise NotReady(self._closed)
            self._add(job, keys)
        try:
            return await job.done
        except BaseException:  # hung up, or failed in one batch while the rest of it still waits
            with self._wake:
                self._leave(job, keys)
            raise

    @contextmanager
    def arriving(self, texts: int, tokens: int, *, urgent: bool = False) -> Iterator[None]:
        """Hold a place for texts that are tokenised within the block and given to `embed` right after it.

        tokens  that the model will read of them, estimated

        Who finds no place is refused before the work: under overload, refusing must cost next to nothing.

        raises  QueueFull, where so many more texts could not wait; also where `embed` would have joined them to equal
                ones under way
        """
        queue, own = self._queue(urgent), (texts, tokens)
        with self._wake:
            self._refuse_full(queue, texts, self._arriving[urgent])
            self._arriving[urgent] = _sum(self._arriving[urgent], own)
        try:
            yield
        finally:
            with self._wake:
                self._arriving[urgent] = _sum(self._arriving[urgent], (-own[0], -own[1]))

    def refuse_full(self, texts: int) -> None:
        """For callers that would rather know before they look at what they have.

        raises  QueueFull, where so many more texts that are not urgent could not wait
        """
        with self._wake:
            self._refuse_full(self._others, texts, self._arriving[False])

    def close(self, reason: str = "the service is shutting down") -> None:
        """Let the lanes finish what they hold, fail what still waits with NotReady, and wait for the threads."""
        self._fail_all(NotReady(reason), reason)
        for lane in self._lanes:
            if lane is not threading.current_thread():
                lane.join()

    def _add(self, job: Job, keys: Sequence[tuple[int, ...]]) -> None:
        queue = self._queue(job.urgent)
        if job.urgent:
            self._urgent_s = job.came_s
        new = len({key for key in keys if key not in self._under_way})
        if new:
            self._refuse_full(queue, new)
        if self._observer is not None and new < len(keys):
            self._observer.joined(len(keys) - new)
        for row, key in enumerate(keys):
            if (entry := self._under_way.get(key)) is None:
                entry = self._under_way[key] = Entry(key, job.came_s)
                queue.add(entry)
            elif job.urgent and entry in self._others:
                self._others.remove(entry)
                self._urgent.add(entry)
            entry.wanted_by.append((job, row))
        self._wake.notify(min(new, len(self._lanes)))

    def _leave(self, job: Job, keys: Iterable[tuple[int, ...]]) -> None:
        """Forget what `job` wants; what nobody else wants is not encoded, unless a lane has it already."""
        for key in set(keys):
            if (entry := self._under_way.get(key)) is None:
                continue
            entry.wanted_by = [place for place in entry.wanted_by if place[0] is not job]
            for queue in (self._urgent, self._others):
                if not entry.wanted_by and entry in queue:
                    queue.remove(entry)
                    del self._under_way[key]

    def _queue(self, urgent: bool) -> Waiting[Place]:
        return self._urgent if urgent else self._others

    def _refuse_full(self, queue: Waiting[Place], new: int, before: tuple[int, int] = (0, 0)) -> None:
        """raises  QueueFull, where so many new texts of a request cannot wait in `queue`

        before  texts and tokens that will be in the queue before them
        """
        # Urgent texts wait for urgent ones alone.
        ahead = queue.tokens + before[1] + (0 if queue is self._urgent else self._urgent.tokens)
        self._admission.check(new, waiting=len(queue) + before[0], tokens=ahead)

    def _work(self) -> None:
        held: list[Entry[Place]] = []
        try:
            busy_since_s = time.monotonic()
            while True:
                held, alone, busy_since_s = self._next(busy_since_s)
                if not held:
                    return
                busy_since_s = self._encode(held, alone, busy_since_s)
        except ModelChanged as changed:
            self._fail_all(failure(changed), str(changed), held)
            self._on_death(changed)
        except BaseException as death:
            log.critical("an encoder thread died", exc_info=death)
            self._fail_all(EncoderFailed("an encoder thread died"), "an encoder thread died", held)
            self._on_death(death)

    def _next(self, busy_since_s: float) -> tuple[list[Entry[Place]], bool, float]:
        """The next batch, urgent texts first, whether it is alone, and since when its lane is busy; empty once closed.

        Whoever takes one that is not empty counts as encoding until `_encode` is through with it.
        """
        with self._wake:
            while True:
                now_s = time.monotonic()
                short = now_s - self._urgent_s < SHORT_BATCHES_S
                others_tokens = self._max_batch_tokens // 2 if short else self._max_batch_tokens
                if batch := self._urgent.take(self._max_batch_tokens) or self._others.take(others_tokens):
                    if self._encoding or self.waiting:
                        self._met_s = now_s
                    self._encoding += 1
                    return batch, len(self._lanes) > 1 and now_s - self._met_s > QUIET_S, busy_since_s
                settle(self._finished.take(), now_s)
                if self._closed is not None:
                    return [], False, busy_since_s
                self._wake.wait()
                busy_since_s = time.monotonic()

    def _encode(self, batch: list[Entry[Place]], alone: bool, busy_since_s: float) -> float:
        """Encode it, and tell its callers. returns  when the encoder was through with it"""
        started = time.monotonic()
        try:
            vectors = self._encoder.encode([entry.ids for entry in batch], alone=alone)
        except ModelChanged:
            raise
        except Exception as error:
            log.error("a batch of %d texts failed", len(batch), exc_info=error)
            with self._wake:
                self._encoding -= 1
                failed = self._out(batch)
            settle(failed, failure(error))
            return time.monotonic()
        ended = time.monotonic()
        took_s = max(ended - started, 1e-6)
        lengths = [entry.length for entry in batch]
        full = []
        with self._wake:
            self._encoding -= 1
            if not alone:  # which says nothing of how fast those go that share the processors
                # What is between two batches counts as well: under load, mostly waiting for the interpreter's lock.
                self._pace.saw(sum(lengths), max(ended - busy_since_s, took_s))
            for entry, vector in zip(batch, vectors, strict=True):
                self._under_way.pop(entry.ids, None)
                for job, row in entry.wanted_by:
                    job.vectors[row] = vector
                    job.missing -= 1
                    job.started_s = min(job.started_s, started)
                    if not job.missing:
                        full.append(job)
            if self._observer is not None:
                self._observer.encoded(lengths, [started - entry.since_s for entry in batch], took_s)
            self._finished.add(full, ended)
            # As long as something waits, a lane comes by here again when it is through with its next batch.
            next_s = ended + took_s / len(self._lanes) if self.waiting else math.inf
            due = self._finished.due(next_s)
        settle(due, ended)
        return ended

    def _out(self, batch: Iterable[Entry[Place]]) -> set[Job]:
        """Whoever wants something of `batch`; nobody can join it any more."""
        jobs = set()
        for entry in batch:
            self._under_way.pop(entry.ids, None)
            jobs |= {job for job, _ in entry.wanted_by}
        return jobs

    def _fail_all(self, error: Exception, reason: str, held: Sequence[Entry[Place]] = ()) -> None:
        with self._wake:
            self._closed = self._closed or reason
            jobs = self._out((*self._urgent.clear(), *self._others.clear(), *held))
            finished = self._finished.take()
            self._wake.notify_all()
        settle(finished, time.monotonic())
        settle(jobs, error)


def _sum(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return one[0] + other[0], one[1] + other[1]
