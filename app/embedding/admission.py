"""Who may wait for the encoder: by how many texts wait already, and by how long they take. Pure: no threads."""

import math
from collections.abc import Callable

from app.embedding.pace import Pace
from app.errors import QueueFull, WaitTooLong


class Admission:
    """Two limits: `max_texts` that wait, and `max_s` until they are through, by the pace of the last batches.

    The time is what new texts would wait, and not what they take: a request larger than either limit may still go when
    nothing else waits, else it never could.
    """

    def __init__(self, pace: Pace, *, max_texts: int, max_s: float, refused: Callable[[], None]) -> None:
        """refused  is called before each refusal"""
        self._pace = pace
        self._max_texts = max_texts
        self._max_s = max_s
        self._refused = refused

    def check(self, new: int, *, waiting: int, tokens: int) -> None:
        """raises  QueueFull, where so many new texts cannot wait

        waiting  texts that count against the limit on texts
        tokens   of all that goes before the new texts
        """
        if not waiting:
            return
        wait_s = self._pace.seconds(tokens)
        retry_after_s = max(1, math.ceil(wait_s))
        too_many, too_long = waiting + new > self._max_texts, wait_s > self._max_s
        if too_many or too_long:
            self._refused()
        # Raised without a name: one that this frame held would be a cycle with all frames below it, which only the
        # garbage collector takes apart, and under overload that took a seventh of the event loop's time (0015).
        if too_many:
            raise QueueFull(waiting, new, self._max_texts, retry_after_s)
        if too_long:
            raise WaitTooLong(wait_s, self._max_s, retry_after_s)
