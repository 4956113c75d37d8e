"""The requests that run now, and how to cut them off when the time to shut down is over."""

import asyncio
import logging
from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import from_error
from app.errors import NotReady
from app.observability.timing import cut_short

log = logging.getLogger(__name__)


class RunningRequests:
    """Every request's task while it runs. Used on the event loop's thread alone.

    closing  the server is through with all connections, and the app closes its parts
    """

    def __init__(self) -> None:
        self.closing = False
        self._tasks: set[asyncio.Task[object]] = set()
        self._cut: str | None = None

    def __len__(self) -> int:
        return len(self._tasks)

    def cut(self, reason: str) -> None:
        """End them all: 503 with the reason where no answer has begun, a closed connection where one has."""
        self._cut = reason
        log.warning("cutting off %d running requests: %s", len(self._tasks), reason)
        for task in self._tasks:
            task.cancel()

    def watching(self, receive: Receive) -> Receive:
        """The messages of the app's lifespan, of which one says that it is to close."""

        async def watch() -> Message:
            message = await receive()
            self.closing = self.closing or message["type"] == "lifespan.shutdown"
            return message

        return watch

    async def run(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        assert task is not None
        started = False

        def watch(message: Message) -> Awaitable[None]:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            return send(message)

        self._tasks.add(task)
        try:
            await app(scope, receive, watch)
        except asyncio.CancelledError:
            if self._cut is not None and started:
                cut_short("shutdown")
            if self._cut is None or started:
                raise
            task.uncancel()
            await from_error(scope["path"], NotReady(self._cut))(scope, receive, send)
        finally:
            self._tasks.discard(task)


class TrackRunning:
    """Keeps `running` up to date with what passes through."""

    def __init__(self, app: ASGIApp, running: RunningRequests) -> None:
        self._app = app
        self._running = running

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http":
            return self._running.run(self._app, scope, receive, send)
        return self._app(scope, self._running.watching(receive), send)
