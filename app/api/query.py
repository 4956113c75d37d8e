"""Query strings: a name that a route does not have is refused, as an unknown field of a body is, or one given twice."""

from collections import Counter
from collections.abc import Awaitable
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.problems import from_error
from app.api.routes import Known, Routes
from app.errors import InvalidInput, RepeatedParameter, UnknownParameter


class KnownQuery:
    """Refuses unknown and repeated names under /v1: a misspelt one, or one of two, would be a condition less, and a
    delete would delete more.

    What probes, scrapers and browsers ask for, they may ask with anything.
    """

    def __init__(self, app: ASGIApp, routes: Routes) -> None:
        self._app = app
        self._routes = routes

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http" and scope["query_string"] and scope["path"].startswith("/v1/"):
            found = self._routes.find(scope["method"], scope["path"])
            if found is not None and (refusal := _refusal(scope["query_string"], found)) is not None:
                scope["route"] = found.route  # as FastAPI's router does, for whoever counts requests by route
                return from_error(scope["path"], refusal)(scope, receive, send)
        return self._app(scope, receive, send)


def _refusal(query: bytes, route: Known) -> InvalidInput | None:
    """Of the first name that is wrong; read as Starlette does."""
    names = Counter(name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    for name, times in names.items():
        if name not in route.query:
            return UnknownParameter(name, sorted(route.query))
        if times > 1 and name not in route.lists:
            return RepeatedParameter(name, times)
    return None
