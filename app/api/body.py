"""JSON in and out through orjson, and a limit on the bytes that come in."""

import re
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import Any

import orjson
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import from_error
from app.errors import BodyTooLarge

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


class NdjsonStream(Response):
    """Lines of JSON, sent as they come.

    Starlette's own stream asks for the next message of the request to notice a client that hangs up, and so would eat
    the body of an import. Here whoever makes the lines notices.
    """

    media_type = "application/x-ndjson"

    def __init__(self, lines: AsyncGenerator[bytes, None], on_end: Callable[[], None]) -> None:
        # Proxies of nginx's kind would hold progress back.
        super().__init__(headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._lines = lines
        self._on_end = on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with aclosing(self._lines) as lines:
                # Before the head goes out: a client that waits for "100 Continue" gets it only while none has.
                line = await anext(lines, b"")
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                while line:
                    await send({"type": "http.response.body", "body": line, "more_body": True})
                    line = await anext(lines, b"")
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._on_end()


class BodyLimit:
    """Refuse a body that says it is too large before reading it, and any other as soon as it has become so.

    An import is let through, whatever its length: it is never held whole, and each of its records has a limit.
    """

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self._app = app
        self._limit = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _import.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > self._limit:
            await from_error(scope["path"], BodyTooLarge(self._limit, int(announced)))(scope, receive, send)
            return
        read = 0

        async def receive_counted() -> Message:
            nonlocal read
            message = await receive()
            if message["type"] == "http.request":
                read += len(message.get("body", b""))
                if read > self._limit:
                    raise BodyTooLarge(self._limit)
            return message

        await self._app(scope, receive_counted, send)
