"""Errors as responses: a table from kind to status, in RFC 9457's form, or in OpenAI's or TEI's under their paths."""

import logging
import math
from collections.abc import Awaitable, Callable, Mapping

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import errors
from app.observability.request_id import request_id

log = logging.getLogger(__name__)

# The first match along an error's bases counts.
STATUS: Mapping[type[errors.VectorSpaceError], int] = {
    errors.UnknownModel: 404,
    errors.BodyTooLarge: 413,
    errors.BodyStalled: 408,
    errors.EncodedBody: 415,
    errors.UnknownFormat: 415,
    errors.CollectionNotFound: 404,
    errors.DocumentNotFound: 404,
    errors.SpaceMismatch: 409,
    errors.TooManyCollections: 409,
    errors.InvalidInput: 400,
    errors.Unauthorized: 401,
    errors.CrossOrigin: 403,
    errors.QueueFull: 429,
    errors.TooManyStreams: 429,
    errors.TooManyAsks: 429,
    errors.TooManyMaps: 429,
    errors.RemoteUnset: 409,
    errors.RemoteFailed: 502,
    errors.NotReady: 503,
    errors.DirectoryUnusable: 503,  # a ledger that was damaged while it was served
    errors.DatabaseUnusable: 503,  # it has come to refuse the service while it was served
    errors.DatabaseAway: 503,
    errors.StorageFull: 507,
    errors.EncoderFailed: 500,
    errors.VectorSpaceError: 500,
}
TITLES = {
    400: "The request cannot be served as it is",
    401: "A key is needed",
    403: "Not from that page",
    404: "Not found",
    405: "Method not allowed",
    408: "The request did not come in time",
    409: "The request and what is kept do not agree",
    413: "The request is too large",
    415: "Unsupported media type",
    429: "Too much at once",
    500: "The service failed",
    502: "A service behind this one failed",
    503: "The service is not ready",
    507: "The disk is full",
}
OPENAI_PATHS = ("/v1/embeddings", "/v1/models")
OPENAI_TYPES = {401: "authentication_error", 429: "rate_limit_error", 500: "server_error", 503: "server_error"}
# text-embeddings-inference's: where it differs from the table above, and the names that go with a status.
TEI_PATHS = frozenset({"/", "/embed", "/similarity", "/tokenize", "/rerank", "/info"})
TEI_STATUS: Mapping[type[errors.VectorSpaceError], int] = {
    **STATUS,
    errors.EmptyText: 400,
    errors.TextTooLong: 413,
    errors.TooManyTexts: 413,
    errors.LimitPassed: 413,
    errors.InvalidInput: 422,
    errors.EncoderFailed: 424,
    errors.NoReranker: 424,
}
# Whoever is refused for one of these may come back in a second.
SOON = (errors.NotReady, errors.TooManyStreams, errors.TooManyAsks, errors.TooManyMaps, errors.DatabaseAway)
TEI_TYPES = {400: "Empty", 401: "Unauthorized", 424: "Backend", 429: "Overloaded", 500: "Backend", 503: "Unhealthy"}


def problem(
    path: str,
    status: int,
    code: str,
    detail: str,
    *,
    param: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The response for one error; `path` decides its shape.

    source  RFC 9457, section 3; OpenAI's API reference, "Error codes"; TEI, docs/openapi.json, ErrorResponse
    """
    if path.startswith(OPENAI_PATHS):
        kind = OPENAI_TYPES.get(status, "invalid_request_error")
        body: dict[str, object] = {"error": {"message": detail, "type": kind, "param": param, "code": code}}
        media_type = "application/json"
    elif path in TEI_PATHS:
        body = {"error": detail, "error_type": TEI_TYPES.get(status, "Validation")}
        media_type = "application/json"
    else:
        body = {
            "type": "about:blank",
            "title": TITLES.get(status, "Error"),
            "status": status,
            "code": code,
            "detail": detail,
            "request_id": request_id.get(),
        }
        if param is not None:
            body["param"] = param
        media_type = "application/problem+json"
    return Response(orjson.dumps(body), status, dict(headers or {}), media_type)


def status_of(path: str, kind: type[errors.VectorSpaceError]) -> int:
    table = TEI_STATUS if path in TEI_PATHS else STATUS
    return next(table[base] for base in kind.__mro__ if base in table)


def from_error(path: str, error: errors.VectorSpaceError) -> Response:
    headers = {}
    if isinstance(error, errors.QueueFull):
        headers["Retry-After"] = str(error.retry_after_s)
    elif isinstance(error, SOON):
        headers["Retry-After"] = "1"
    elif isinstance(error, errors.RemoteFailed) and error.passing:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s or 1)))
    elif isinstance(error, errors.Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    param = error.param if isinstance(error, errors.InvalidInput) else None
    return problem(path, status_of(path, type(error)), error.code, str(error), param=param, headers=headers)


def from_invalid(path: str, error: RequestValidationError) -> Response:
    """The response for a request that is not what its schema says; the first thing that is wrong is named."""
    status = status_of(path, errors.InvalidInput)
    first = error.errors()[0]
    place = [str(part) for part in first["loc"][1:]]  # the first part says where: in the body, the query, the path
    if first["type"] == "json_invalid":
        return problem(path, status, "invalid_json", f"the body is not JSON: {first['ctx']['error']}")
    if first["type"] == errors.TokenInput.code:
        return from_error(path, errors.TokenInput())
    if not place:
        detail = "the body must be a JSON object, sent as application/json"
        return problem(path, status, errors.InvalidInput.code, detail)
    detail = f"{'.'.join(place)}: {first['msg']}"
    return problem(path, status, errors.InvalidInput.code, detail, param=place[0])


async def _on_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.VectorSpaceError)
    return from_error(request.url.path, error)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return from_invalid(request.url.path, error)


def _http_handler(methods: Callable[[str], list[str]]) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if isinstance(error.__cause__, errors.VectorSpaceError):  # raised while the body was read
            return from_error(request.url.path, error.__cause__)
        detail = f"{request.method} {request.url.path}: {error.detail}"
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
        headers = error.headers
        if error.status_code == 405:  # FastAPI's Allow has one route's methods, and not those of all with this path
            headers = {"Allow": ", ".join(methods(request.scope["path"]))}
        return problem(request.url.path, error.status_code, code, detail, headers=headers)

    return on_http


class Unexpected:
    """Whatever nobody expected becomes a 500 without its traceback; the traceback goes to the log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        def watch(message: Message) -> Awaitable[None]:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            return send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:
            if scope["type"] != "http" or started:
                raise
            log.error("unexpected error", exc_info=error)
            detail = "an unexpected error; the log has it under the request id"
            await problem(scope["path"], 500, "internal_error", detail)(scope, receive, send)


def install(app: FastAPI, methods: Callable[[str], list[str]]) -> None:
    """Teach `app` to answer every error in these shapes. `methods` are those that a path knows."""
    app.add_exception_handler(errors.VectorSpaceError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _http_handler(methods))
