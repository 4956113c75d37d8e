"""When the index's thread works, waits, or ends: what other threads tell it."""

import math
import threading
import time

# Adding to the index takes an eighth of the time that making a vector does, from the same cores. While an import runs
# it waits, since search is exact without it, until a scan of what waits would be felt: docs/decisions/0008-store.md.
MAX_WAITING = 20_000


class Stopped(Exception):
    """The service closes."""


class Signals:
    """calm_s: writes are applied when there was none for so long, or MAX_WAITING passages wait."""

    def __init__(self, calm_s: float) -> None:
        self._calm_s = calm_s
        self._wake = threading.Condition()
        self._dirty = True
        self._waiting = 0
        self._last_change_s = -math.inf
        self._suspicion: Exception | None = None
        self._stopped = False

    def changed(self, passages: int) -> None:
        """Something was committed, with so many new passages."""
        with self._wake:
            self._dirty = True
            self._waiting += passages
            self._last_change_s = time.monotonic()
            self._wake.notify_all()

    def suspect(self, error: Exception) -> None:
        """A query failed: the thread is to raise this where it waits."""
        with self._wake:
            self._suspicion = error
            self._dirty = True
            self._wake.notify_all()

    def forget_suspicion(self) -> None:
        with self._wake:
            self._suspicion = None

    def stop(self) -> None:
        with self._wake:
            self._stopped = True
            self._wake.notify_all()

    def go_on(self) -> None:
        """raises  Stopped"""
        if self._stopped:
            raise Stopped

    def await_change(self) -> None:
        """Until something was committed. raises Stopped; what was suspected"""
        with self._wake:
            self._wake.wait_for(lambda: self._dirty or self._stopped)
        self.await_calm()

    def await_calm(self, waiting: int = 0) -> None:
        """Until it is time for what was committed. raises Stopped; what was suspected

        waiting  so many passages wait already, whether `changed` told of them or not
        """
        with self._wake:
            self._waiting = max(self._waiting, waiting)
            while not self._stopped and self._suspicion is None and self._waiting < MAX_WAITING:
                left_s = self._last_change_s + self._calm_s - time.monotonic()
                if left_s <= 0:
                    break
                self._wake.wait(left_s)
            self.go_on()
            self._dirty, self._waiting = False, 0
            if self._suspicion is not None:
                raise self._suspicion

    def pause(self, seconds: float) -> None:
        """raises  Stopped"""
        with self._wake:
            self._wake.wait_for(lambda: self._stopped, seconds)
        self.go_on()
