"""Answers that are sent in parts, while they are made."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class Streamed(Response):
    """Parts of an answer, sent as they come.

    Starlette's own stream asks for the next message of the request to notice a client that hangs up, and so would eat
    the body of an import. Here whoever makes the parts notices.
    """

    def __init__(self, parts: AsyncGenerator[bytes, None], on_end: Callable[[], None] = lambda: None) -> None:
        # Proxies of nginx's kind would hold progress back.
        super().__init__(headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._parts = parts
        self._on_end = on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with aclosing(self._parts) as parts:
                # Before the head goes out: a client that waits for "100 Continue" gets it only while none has.
                part = await anext(parts, b"")
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                while part:
                    await send({"type": "http.response.body", "body": part, "more_body": True})
                    part = await anext(parts, b"")
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._on_end()


class NdjsonStream(Streamed):
    media_type = "application/x-ndjson"


class EventStream(Streamed):
    media_type = "text/event-stream"
