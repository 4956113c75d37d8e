"""Requests that a browser sends in its user's name for another site's page: what changes or computes is refused.

CORS keeps such a page from reading answers, and from sending JSON. A form or plain text it may send without asking
first, and an import takes plain text.

source  Fetch Metadata, https://www.w3.org/TR/fetch-metadata/; the algorithm is that of Go's
        net/http.CrossOriginProtection, https://pkg.go.dev/net/http#CrossOriginProtection
"""

from collections.abc import Awaitable, Container

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.problems import from_error
from app.errors import CrossOrigin

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class CrossOriginProtection:
    """Answers 403 to them, unless their origin is among `allowed`. Whoever is no browser is not concerned.

    Browsers say in `Sec-Fetch-Site` where a request comes from; where they do not, over plain HTTP from another
    machine, `Origin` must be the host that was asked.
    """

    def __init__(self, app: ASGIApp, allowed: Container[str]) -> None:
        self._app = app
        self._allowed = allowed

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        app = self._app
        if scope["type"] == "http" and scope["method"] not in SAFE:
            site, origin, host = _said(scope)
            if site:
                foreign = site not in (b"same-origin", b"none")
            else:
                foreign = bool(origin) and origin.partition(b"://")[2] != host
            if foreign and (named := origin.decode("latin-1")) not in self._allowed:
                app = from_error(scope["path"], CrossOrigin(named))
        return app(scope, receive, send)


def _said(scope: Scope) -> tuple[bytes, bytes, bytes]:
    """Sec-Fetch-Site, Origin and Host; empty where there is none."""
    site = origin = host = b""
    for name, value in scope["headers"]:
        if name == b"sec-fetch-site":
            site = value
        elif name == b"origin":
            origin = value
        elif name == b"host":
            host = value
    return site, origin, host
