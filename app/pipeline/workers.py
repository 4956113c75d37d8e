"""Threads for calls that block, so that the event loop never does."""

import asyncio
import contextvars
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
# Is told of a call that ended: its name, and the seconds from asking for it to its end, a wait for a thread included.
# Called in the task that asked.
CallObserver = Callable[[str, float], None]
# Methods of the store that write. Where it has one writer at a time, the others wait for it, each in its thread.
WRITES = frozenset({"upsert", "delete_documents", "create_collection", "delete_collection"})


class Workers:
    """A bounded pool, and one for writes, so that no read waits for a thread behind writers that wait for each other.

    A call whose caller has gone runs on to its end.
    """

    def __init__(
        self, threads: int = 8, writers: int = 4, observer: CallObserver | None = None, name: str = "store"
    ) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._writing = ThreadPoolExecutor(writers, thread_name_prefix=f"{name}-writer")
        self._observer = observer

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `call`, a method of the store, returns or raises; the observer is told the method's name.

        Log lines that it writes carry the caller's request id.
        """
        return await self.run_as(call.__name__, call, *args, **kwargs)

    async def run_as(self, name: str, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The same with any other call. name: what users are shown of it, in traces; a writer's thread is for WRITES"""
        context = contextvars.copy_context()
        started_s = time.monotonic()
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._writing if name in WRITES else self._pool, partial(context.run, partial(call, *args, **kwargs))
            )
        finally:
            if self._observer is not None:
                self._observer(name, time.monotonic() - started_s)

    def close(self) -> None:
        """Wait for the calls that run; those that have not begun are dropped."""
        for pool in (self._writing, self._pool):
            pool.shutdown(wait=True, cancel_futures=True)
