"""Many timers of one length, for the price of a few: most requests end long before any of theirs."""

import asyncio
from collections.abc import Callable
from types import TracebackType


class Deadlines:
    """Timers that all run for `after_s` seconds. Used on the event loop's thread alone.

    The loop has a heap for its own, compares them in Python, and keeps those that are stopped for a while: two of them
    for each request were a tenth of what its layers took (0015). Of one length they are due in the order of their
    start, so that the loop needs one timer, for the first.
    """

    def __init__(self, after_s: float) -> None:
        self.after_s = after_s
        self._running: dict[Timer, float] = {}  # when each is due, the first due first
        self._loop: asyncio.AbstractEventLoop | None = None  # of which a timer is set

    def start(self, call: Callable[[], object]) -> "Timer":
        """A timer at whose end `call` is called, unless it is stopped before."""
        timer = Timer(self._running, call)
        loop = asyncio.get_running_loop()
        self._running[timer] = loop.time() + self.after_s
        if self._loop is not loop:
            self._loop = loop
            loop.call_later(self.after_s, self._ring, loop)
        return timer

    def limit(self) -> "Limit":
        """A block that raises TimeoutError where it takes longer."""
        return Limit(self)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        now_s = loop.time()
        try:
            while self._running:
                timer, due_s = next(iter(self._running.items()))
                if due_s > now_s:
                    break
                call = timer.call
                timer.stop()
                call()
        finally:  # whatever a call raises, which the loop tells
            if self._running:
                loop.call_at(next(iter(self._running.values())), self._ring, loop)
            else:
                self._loop = None


def _nothing() -> None:
    pass


class Timer:
    """One that runs, until its end or until it is stopped."""

    __slots__ = ("_running", "call")

    def __init__(self, running: "dict[Timer, float]", call: Callable[[], object]) -> None:
        self._running = running
        self.call = call

    def stop(self) -> None:
        """Also lets go of what would be called: that may hold the timer, and with it, until the garbage collector
        came, a task, its request, and a connection that is to be closed.
        """
        self._running.pop(self, None)
        self.call = _nothing


class Limit:
    """`asyncio.timeout`, with a timer of Deadlines: cancels the task at the end, and turns that into TimeoutError."""

    __slots__ = ("_cancelling", "_deadlines", "_expired", "_task", "_timer")

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines
        self._expired = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._cancelling = task.cancelling()
        self._timer = self._deadlines.start(self._expire)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._timer.stop()
        # Somebody else may have cancelled the task as well: that goes on.
        if self._expired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _expire(self) -> None:
        self._expired = True
        self._task.cancel()
