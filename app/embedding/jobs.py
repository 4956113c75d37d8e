"""One caller's texts in the batcher, and how what became of them gets to the caller's event loop."""

import asyncio
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.embedding.encoder import F32
from app.errors import EncoderFailed


class Encoded(NamedTuple):
    """vectors (texts, dimension) float32, and where the time went: together the caller's time in the batcher.

    waited_s  until the first of the texts went to the model; 0 where another caller's equal one was there already
    took_s    from then until the last one was back and they were handed out
    """

    vectors: F32
    waited_s: float = 0.0
    took_s: float = 0.0


@dataclass(eq=False)
class Job:
    """One caller's texts. `vectors` fills up row by row; `done` is set once the last one is there.

    urgent     goes before those that are not
    came_s     when it came (seconds, monotonic)
    started_s  when the first batch with a text of it began; before `came_s` where it joined that batch
    """

    done: "asyncio.Future[Encoded]"
    vectors: F32
    missing: int
    urgent: bool
    came_s: float
    started_s: float = math.inf

    def encoded(self, now_s: float) -> Encoded:
        started_s = max(self.started_s, self.came_s)
        return Encoded(self.vectors, started_s - self.came_s, now_s - started_s)


# Who wants an entry: a job, and the row of its vectors that the entry fills.
Place = tuple[Job, int]


def failure(cause: Exception) -> EncoderFailed:
    error = EncoderFailed(f"the model could not encode the batch: {cause}")
    error.__cause__ = cause
    return error


def settle(jobs: Iterable[Job], outcome: Exception | float) -> None:
    """Hand the outcome to the callers' event loop, waking it once; callers that have gone are left in peace.

    outcome  what went wrong, or now (seconds, monotonic), where all vectors are there
    """
    by_loop: dict[asyncio.AbstractEventLoop, list[Job]] = {}
    for job in jobs:
        by_loop.setdefault(job.done.get_loop(), []).append(job)

    def hand_out(jobs: Sequence[Job]) -> None:
        for job in jobs:
            if job.done.done():
                continue
            if isinstance(outcome, Exception):
                job.done.set_exception(outcome)
            else:
                job.done.set_result(job.encoded(outcome))

    for loop, some in by_loop.items():
        loop.call_soon_threadsafe(hand_out, some)
