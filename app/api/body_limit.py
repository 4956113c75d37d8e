"""Limits on the bytes of a request's body, and on the time that they may take."""

import math
import re
from collections.abc import Awaitable
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.deadlines import Deadlines
from app.api.problems import from_error
from app.errors import BodyIncomplete, BodyStalled, BodyTooLarge, EncodedBody, InvalidInput

_import = re.compile(r"/v1/collections/[^/]+/import")


def announced_bytes(scope: Scope) -> int | None:
    """How long the body is to be, where the head says it. A length may have any number of zeros before it (RFC 9110,
    section 8.6), and Python's own limit of digits is 4,300.
    """
    value = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    return int(value.lstrip(b"0")[:20] or b"0") if value.isdigit() else None


class BodyLimit:
    """Refuse a body that says it is too large before reading it, any other as soon as it has become so, one that is
    compressed, since what it would become is not known, and one that stops coming or breaks off.

    An import is let through, whatever its length: it is never held whole, and each of its records has a limit.
    """

    def __init__(self, app: ASGIApp, max_body_bytes: int, timeout_s: int) -> None:
        self._app = app
        self._limit = max_body_bytes
        self._timeout_s = timeout_s
        self._deadlines = Deadlines(timeout_s)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http":
            return self._app(scope, receive, send)
        limit = math.inf if _import.fullmatch(scope["path"]) else self._limit
        if (refusal := self._refusal(scope, limit)) is not None:
            return from_error(scope["path"], refusal)(scope, receive, send)
        # Whoever reads an import, or looks whether an export's client is still there, wants to know of a disconnect.
        held = limit < math.inf and scope["method"] != "GET"
        read, whole = 0, False

        async def receive_limited() -> Message:
            nonlocal read, whole
            if whole:  # what comes now is that the client has gone, whenever that may be
                return await receive()
            message: Message | None = None
            with suppress(TimeoutError), self._deadlines.limit():
                message = await receive()
            if message is None:
                # Not where the timeout is caught: its traceback leads to the task that waited, and so, where the task
                # of an import ends with this error, round to itself. Until the garbage collector came, the request
                # would be there, and with it the connection that it was to close.
                raise BodyStalled(self._timeout_s)
            if message["type"] == "http.request":
                read += len(message.get("body", b""))
                whole = not message.get("more_body", False)
                if read > limit:
                    raise BodyTooLarge(self._limit)
            elif held:
                raise BodyIncomplete(read)
            return message

        return self._app(scope, receive_limited, send)

    def _refusal(self, scope: Scope, limit: float) -> InvalidInput | None:
        """What the head alone is refused for."""
        if (announced := announced_bytes(scope)) is not None and announced > limit:
            return BodyTooLarge(self._limit, announced)
        for name, value in scope["headers"]:
            if name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
                return EncodedBody(value.decode("latin-1"))
        return None
