"""A request's id: taken from the caller or from Railway's edge, or made; sent back, and put on every log line."""

import os
import re
from collections.abc import Iterable
from contextvars import ContextVar
from itertools import count

HEADER = b"x-request-id"
# What Railway's edge calls it, and shows in its network logs: docs.railway.com, "Public Networking", "Request Headers".
EDGE_HEADER = b"x-railway-request-id"
request_id: ContextVar[str] = ContextVar("request_id", default="")
# An id of this process's own is random bytes, drawn once, and a number: the system's randomness costs a call for each,
# during which the interpreter's lock goes to somebody else.
_process, _numbers = os.urandom(8).hex(), count(int.from_bytes(os.urandom(4)))
_acceptable = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")


def id_of(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The caller's own id before the edge's; 32 hexadecimal digits where neither is there and acceptable."""
    edge = b""
    for name, value in headers:
        if name == HEADER and _acceptable.fullmatch(value):
            return value
        if name == EDGE_HEADER:
            edge = value
    return edge if _acceptable.fullmatch(edge) else f"{_process}{next(_numbers):016x}".encode()
