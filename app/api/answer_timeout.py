"""A limit on the time that an answer may wait to be read: what it holds meanwhile is wanted by others."""

import asyncio
import logging
from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import AnswerUnread
from app.observability.timing import cut_short

log = logging.getLogger(__name__)


# Of an answer that is there as a whole: more would be with the server until it is read, however long that takes. So
# much of one fits into what the kernel holds anyway.
PIECE_BYTES = 256 * 1024


class AnswerTimeout:
    """Cuts off an answer of which the client has read nothing for `limit_s` seconds; the log says so."""

    def __init__(self, app: ASGIApp, limit_s: float) -> None:
        self._app = app
        self._limit_s = limit_s

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        def send_limited(message: Message) -> Awaitable[None]:
            at_once = not message.get("more_body", False) and len(message.get("body", b"")) <= PIECE_BYTES
            return (send if at_once else send_in_pieces)(message)

        async def send_in_pieces(message: Message) -> None:
            body, start = message.get("body", b""), 0
            while len(body) - start > PIECE_BYTES:
                piece = body[start : start + PIECE_BYTES]
                await send_in_time({"type": "http.response.body", "body": piece, "more_body": True})
                start += PIECE_BYTES
            await send_in_time({**message, "body": body[start:]} if start else message)

        async def send_in_time(message: Message) -> None:
            if not message.get("more_body", False):
                await send(message)
                return
            try:
                async with asyncio.timeout(self._limit_s):
                    await send(message)
            except TimeoutError:
                error = AnswerUnread(self._limit_s)
                log.warning("cut off: %s", error)
                cut_short(error.code)
                raise error from None

        return self._app(scope, receive, send_limited if scope["type"] == "http" else send)
