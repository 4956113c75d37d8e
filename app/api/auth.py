"""Who may ask: a key in `Authorization: Bearer` or `X-API-Key`, compared in constant time."""

import hashlib
import hmac
from collections.abc import Awaitable, Sequence

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.key_file import KeyFile
from app.api.problems import from_error
from app.api.routes import Routes
from app.errors import Unauthorized

# What tells nothing of the data. POST / is another route, and embeds (tei.py).
OPEN = frozenset({("GET", path) for path in ("/health", "/live", "/openapi.json", "/", "/web/{name}")})


class Keys:
    """The keys that open the service: those given, and those of a file as it is now. Without either it is open to all.

    Only digests are kept.

    raises  KeysUnreadable, where the file has no key to begin with
    """

    def __init__(self, keys: Sequence[str], file: KeyFile | None = None) -> None:
        self._given = [_digest(key) for key in keys]
        self._file = file
        self._digests = self._given + [_digest(key) for key in file.read()] if file else self._given

    def check(self, headers: Headers) -> None:
        """raises  Unauthorized, saying which header to send"""
        if self._file is not None and (changed := self._file.changed()) is not None:
            self._digests = self._given + [_digest(key) for key in changed]
        if not self._digests:
            return
        scheme, _, token = headers.get("authorization", "").partition(" ")
        given = (token.strip() if scheme.lower() == "bearer" else "") or headers.get("x-api-key", "")
        if not given:
            raise Unauthorized("this service needs a key: send Authorization: Bearer <key>, or X-API-Key: <key>")
        digest = _digest(given)
        # Every key is compared, so that the time taken does not tell which one was near.
        if not sum(hmac.compare_digest(digest, known) for known in self._digests):
            raise Unauthorized("the key is not one that this service knows")


class RequireKey:
    """The one place where a key is asked for: by the head, before anything of the body is read or held.

    Every route but those of OPEN needs it. An address without a route is no secret: it is 404, or 405, to everybody.
    """

    def __init__(self, app: ASGIApp, keys: Keys, routes: Routes) -> None:
        self._app = app
        self._keys = keys
        self._routes = routes

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        app = self._app
        if scope["type"] == "http":
            try:
                self._keys.check(Headers(scope=scope))
            except Unauthorized as error:
                found = self._routes.find(scope["method"], scope["path"])
                if found is not None and (scope["method"], found.template) not in OPEN:
                    scope["route"] = found.route  # as FastAPI's router does, for whoever counts requests by route
                    app = from_error(scope["path"], error)
        return app(scope, receive, send)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
