"""JSON in and out through orjson, and limits on the bytes that come in."""

import asyncio
import math
import re
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import Any

import orjson
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import from_error
from app.errors import BodyIncomplete, BodyStalled, BodyTooLarge, EncodedBody, InvalidInput

_import = re.compile(r"/v1/collections/[^/]+/import")


class OrjsonRequest(Request):
    """Strict JSON: no NaN, no lone surrogates, at most 1,024 levels deep; all of them are a JSON error here."""

    async def json(self) -> Any:
        return orjson.loads(await self.body())


class OrjsonRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def with_orjson(request: Request) -> Response:
            return await handle(OrjsonRequest(request.scope, request.receive))

        return with_orjson


class JsonResponse(Response):
    """Anything that orjson knows, C-contiguous numpy arrays included, without a Python loop per number."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)


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


class BodyLimit:
    """Refuse a body that says it is too large before reading it, any other as soon as it has become so, one that is
    compressed, since what it would become is not known, and one that stops coming or breaks off.

    An import is let through, whatever its length: it is never held whole, and each of its records has a limit.
    """

    def __init__(self, app: ASGIApp, max_body_bytes: int, timeout_s: int) -> None:
        self._app = app
        self._limit = max_body_bytes
        self._timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = math.inf if _import.fullmatch(scope["path"]) else self._limit
        if (refusal := self._refusal(scope, limit)) is not None:
            await from_error(scope["path"], refusal)(scope, receive, send)
            return
        # Whoever reads an import, or looks whether an export's client is still there, wants to know of a disconnect.
        held = limit < math.inf and scope["method"] != "GET"
        read, whole = 0, False

        async def receive_limited() -> Message:
            nonlocal read, whole
            if whole:  # what comes now is that the client has gone, whenever that may be
                return await receive()
            try:
                async with asyncio.timeout(self._timeout_s):
                    message = await receive()
            except TimeoutError:
                raise BodyStalled(self._timeout_s) from None
            if message["type"] == "http.request":
                read += len(message.get("body", b""))
                whole = not message.get("more_body", False)
                if read > limit:
                    raise BodyTooLarge(self._limit)
            elif held:
                raise BodyIncomplete(read)
            return message

        await self._app(scope, receive_limited, send)

    def _refusal(self, scope: Scope, limit: float) -> InvalidInput | None:
        """What the head alone is refused for."""
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value) > limit:
                return BodyTooLarge(self._limit, int(value))
            if name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
                return EncodedBody(value.decode("latin-1"))
        return None
