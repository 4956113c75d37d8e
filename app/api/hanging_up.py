"""A client that hangs up takes its request along: what it waited for is not computed for nobody."""

import asyncio
import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.deadlines import Deadlines, Timer

# Seconds until somebody watches: most requests are answered by then, and a task costs as much as a tenth of them.
WATCH_AFTER_S = 0.02
# Requests that only compute, and change nothing. A write goes on without its sender: it may have been meant so.
_computing = re.compile(r"/|/v1/embeddings|/embed|/similarity|/v1/collections/[^/]+/(?:search|ask|map/place)")


class HangingUp:
    """Cancels a request that only computes once its client has gone, from `WATCH_AFTER_S` on.

    Once the body is whole, nothing comes from the server but the news that the client has gone. A task of its own waits
    for it, and whoever asks for further messages waits for that task.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._deadlines = Deadlines(WATCH_AFTER_S)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or not _computing.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
            return
        task = asyncio.current_task()
        assert task is not None
        timer: Timer | None = None
        watching: asyncio.Task[Message] | None = None
        gone = False

        async def watch() -> Message:
            nonlocal gone
            message = await receive()
            gone = True
            task.cancel()
            return message

        def begin() -> asyncio.Task[Message]:
            nonlocal watching
            watching = watching or asyncio.create_task(watch())
            return watching

        async def receive_and_watch() -> Message:
            nonlocal timer
            if timer is not None:
                return await asyncio.shield(begin())
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body", False):
                timer = self._deadlines.start(begin)
            return message

        try:
            await self._app(scope, receive_and_watch, send)
        except asyncio.CancelledError:
            if not gone:
                raise
            task.uncancel()
        finally:
            if timer is not None:
                timer.stop()
            if watching is not None:
                watching.cancel()
