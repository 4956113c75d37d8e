"""How much is kept in Chroma. Counting takes two requests a collection: what was counted is told again for a while."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.store.store import Totals

COUNTED_FOR_S = 5.0


class Counted:
    """Totals, counted anew once they are COUNTED_FOR_S old, or this process has written since. For any thread.

    count  counts them
    alive  asks the server whether it is there, and raises where it is not: what is told again must not hide that
    """

    def __init__(self, count: Callable[[], Totals], alive: Callable[[], object]) -> None:
        self._count = count
        self._alive = alive
        # Another one after each write. What was counted, and when, names the one that it began with.
        self._state = object()
        self._last: tuple[object, float, Totals] | None = None

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Around a write: also one that fails may have changed something."""
        try:
            yield
        finally:
            self._state = object()

    def totals(self) -> Totals:
        """raises  what `count` and `alive` raise"""
        state, now_s, last = self._state, time.monotonic(), self._last
        if last is not None and last[0] is state and now_s - last[1] < COUNTED_FOR_S:
            self._alive()
            return last[2]
        totals = self._count()
        self._last = (state, now_s, totals)
        return totals
