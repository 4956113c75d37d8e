"""A limit on silence within a request: a body that stops coming, an answer that nobody reads."""

import asyncio
import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import ClientSilent

log = logging.getLogger(__name__)


class SilenceLimit:
    """Ends a request whose client has been silent for `limit_s` seconds: what it holds is wanted by others.

    A body that stops raises ClientSilent where it is read. An answer that is not read is cut off: nothing could be
    said to that client.
    """

    def __init__(self, app: ASGIApp, limit_s: float) -> None:
        self._app = app
        self._limit_s = limit_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        whole = False

        async def receive_in_time() -> Message:
            nonlocal whole
            if whole:  # nothing is to come but the end of the connection
                return await receive()
            try:
                async with asyncio.timeout(self._limit_s):
                    message = await receive()
            except TimeoutError:
                raise ClientSilent(self._limit_s) from None
            whole = not message.get("more_body", False)
            return message

        async def send_in_time(message: Message) -> None:
            if not message.get("more_body", False):
                await send(message)
                return
            try:
                async with asyncio.timeout(self._limit_s):
                    await send(message)
            except TimeoutError:
                log.warning("cut off: the answer was not read for %g s (IDLE_TIMEOUT_S)", self._limit_s)
                raise ClientSilent(self._limit_s) from None

        await self._app(scope, receive_in_time, send_in_time)
