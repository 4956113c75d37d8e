"""JSON in and out."""

from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from app.exact_json import loads


class OrjsonRequest(Request):
    """Strict JSON: no NaN, no lone surrogates, at most 1,024 levels deep; all of them are a JSON error here.

    value  what the body holds, once it was read as JSON
    """

    value: Any = None

    async def json(self) -> Any:
        self.value = loads(await self.body())
        return self.value


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
