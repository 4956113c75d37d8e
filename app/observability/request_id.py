"""A request id for every request: taken from the caller or made, sent back, and put on every log line."""

import logging
import re
import time
import uuid
from contextvars import ContextVar

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("app.requests")

HEADER = "X-Request-Id"
request_id: ContextVar[str] = ContextVar("request_id", default="-")
_acceptable = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")


class RequestId:
    """Outermost layer. Logs one line for each request: id, method, path, status, milliseconds; never the texts."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        token = request_id.set(given if _acceptable.fullmatch(given) else uuid.uuid4().hex)
        status, started = 0, time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request_id.get()
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            log.info(
                "%s %s %s",
                scope["method"],
                scope["path"],
                status or "no response",
                extra={
                    "method": scope["method"],
                    "path": scope["path"],
                    "status": status,
                    "duration_ms": round((time.perf_counter() - started) * 1000, 2),
                },
            )
            request_id.reset(token)
