"""Query strings: a name that a route does not have is refused, as an unknown field of a body is."""

from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.problems import from_error
from app.api.routes import Known, Routes
from app.errors import UnknownParameter


class KnownQuery:
    """Refuses unknown names under /v1: a misspelt one would be a condition less, and a delete would delete more.

    What probes, scrapers and browsers ask for, they may ask with anything.
    """

    def __init__(self, app: ASGIApp, routes: Routes) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["query_string"] and scope["path"].startswith("/v1/"):
            found = self._routes.find(scope["method"], scope["path"])
            if found is not None and (unknown := _unknown(scope["query_string"], found)) is not None:
                scope["route"] = found.route  # as FastAPI's router does, for whoever counts requests by route
                refusal = UnknownParameter(unknown, sorted(found.query))
                await from_error(scope["path"], refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _unknown(query: bytes, route: Known) -> str | None:
    """The first name that is none; read as Starlette does."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    return next((name for name, _ in pairs if name not in route.query), None)
