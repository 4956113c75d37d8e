"""The hot path: routes that FastAPI describes in its OpenAPI document, and whose requests it does not take apart.

FastAPI and its router took about 200 of the 480 µs that a request cost beside the model
(docs/decisions/0013-engine.md). Requests to these routes are therefore answered before they get there, and checked in
this order: whether the service is ready, then whether the queue has room for as many texts as the body seems to have,
then the body.
"""

from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, APIRouter
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.dependencies import get_parts, ready_embedder
from app.api.problems import from_error, from_invalid
from app.errors import VectorSpaceError


class DirectRoute(APIRoute):
    """An async endpoint `(request: SomeModel, embedder: ReadyEmbedder, parts: PartsOf) -> Response`.

    Its router's other dependencies are not called.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        endpoint = self.endpoint
        model = endpoint.__annotations__["request"]
        assert issubclass(model, BaseModel), f"{self.path}: the first argument is the body's model"
        assert endpoint.__annotations__.keys() == {"request", "embedder", "parts", "return"}, self.path

        async def handle(request: Request) -> Response:
            embedder = await ready_embedder(request)
            raw = await _body(request.receive)
            # Under overload most requests are refused: that must cost next to nothing (0015). Only a query could go
            # before what waits, and who is one says so somewhere.
            refusable = b"query" not in raw
            if refusable:
                embedder.refuse_full(1)
            value = _parsed(request.headers.get("content-type", ""), raw)
            if refusable and (texts := _texts(value)) > 1:
                embedder.refuse_full(texts)
            body = _validated(model, value)
            response = await endpoint(request=body, embedder=embedder, parts=get_parts(request))
            assert isinstance(response, Response)
            return response

        return handle


class DirectPaths:
    """Innermost layer: answers requests to the routes of `router` itself, with the same problems as everywhere."""

    def __init__(self, app: ASGIApp, router: APIRouter) -> None:
        self._app = app
        self._handlers = {
            (method, route.path): (route, route.get_route_handler())
            for route in router.routes
            if isinstance(route, DirectRoute)
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._handlers.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        scope["route"], handle = found  # as FastAPI's router does, for whoever counts requests by route
        try:
            response = await handle(Request(scope, receive))
        except VectorSpaceError as error:
            response = from_error(scope["path"], error)
        except RequestValidationError as error:
            response = from_invalid(scope["path"], error)
        await response(scope, receive, send)


async def _body(receive: Receive) -> bytes:
    """All of it, for less than Starlette's own, a generator that the event loop keeps account of.

    Of a client that has gone before its body was whole, BodyLimit tells.
    """
    pieces, more = [], True
    while more:
        message = await receive()
        pieces.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(pieces)


def _parsed(content_type: str, body: bytes) -> object:
    """What the JSON holds; the body itself where it says that it is something else. raises RequestValidationError"""
    kind = content_type.partition(";")[0].strip().lower()
    if not body or not (kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))):
        return body
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        what = {"type": "json_invalid", "loc": ("body", error.pos), "msg": "JSON decode error"}
        raise RequestValidationError([what | {"input": {}, "ctx": {"error": error.msg}}]) from error


def _texts(value: object) -> int:
    """How many different texts a body has, before anybody has checked it: those of its longest list of texts."""
    lists = [one for one in value.values() if isinstance(one, list)] if isinstance(value, dict) else []
    return max((len({text for text in one if isinstance(text, str)}) for one in lists), default=1)


def _validated(model: type[BaseModel], value: object) -> BaseModel:
    """raises  RequestValidationError, as FastAPI does"""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        errors = [{**one, "loc": ("body", *one["loc"])} for one in error.errors(include_url=False)]
        raise RequestValidationError(errors) from None
