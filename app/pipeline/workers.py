"""Threads for calls that block, so that the event loop never does."""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Workers:
    """A bounded pool. A call whose caller has gone runs on to its end."""

    def __init__(self, threads: int = 8) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="store")

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `call` returns or raises; log lines that it writes carry the caller's request id."""
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(
            self._pool, partial(context.run, partial(call, *args, **kwargs))
        )

    def close(self) -> None:
        """Wait for the calls that run; those that have not begun are dropped."""
        self._pool.shutdown(wait=True, cancel_futures=True)
