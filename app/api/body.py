"""JSON in and out through orjson, and a limit on the bytes that come in."""

from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import from_error
from app.errors import BodyTooLarge


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


class BodyLimit:
    """Refuse a body that says it is too large before reading it, and any other as soon as it has become so."""

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self._app = app
        self._limit = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
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
