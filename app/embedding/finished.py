"""Jobs whose vectors are all there, held for a moment so that the event loop gets several at once."""

from collections.abc import Iterable

from app.embedding.jobs import Job

# A job is held for this share of the time that it took, and never longer than so many seconds. Answered one by one
# between two batches, a request takes a quarter more of the event loop than in a row with others, whose code and data
# are in the processor's caches: 3 % of the throughput of 64 clients (docs/decisions/0013-engine.md).
HELD_SHARE = 0.05
HELD_S = 0.05


class Finished:
    """What is held. Not thread-safe. Pure: no clock of its own.

    Who is urgent is not held, nor anybody who took so little time that the next batch would come too late.
    """

    def __init__(self) -> None:
        self._jobs: list[Job] = []
        self._until_s = 0.0  # monotonic; of the first of them

    def add(self, jobs: Iterable[Job], now_s: float) -> None:
        for job in jobs:
            until_s = now_s if job.urgent else now_s + min(HELD_S, HELD_SHARE * (now_s - job.came_s))
            self._until_s = min(self._until_s, until_s) if self._jobs else until_s
            self._jobs.append(job)

    def due(self, next_s: float) -> list[Job]:
        """All of them, where one could not be held until `next_s`, when this is asked again; else none."""
        return self.take() if next_s > self._until_s else []

    def take(self) -> list[Job]:
        """All of them, and none is held any more."""
        jobs, self._jobs = self._jobs, []
        return jobs
