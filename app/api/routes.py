"""Which route an address names, for the layers that have to know it before FastAPI is asked, and for a 405."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import get_args, get_origin

from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.routing import BaseRoute

from app.api.streaming import Streamed


@dataclass(frozen=True)
class Known:
    """One route.

    template  its path as the log has it, `/v1/models/{name}`
    query     the names that its query string may have
    lists     those of them that it may have several times
    streamed  whether its answer is made while it is sent
    route     FastAPI's own, for whoever counts requests by route
    """

    methods: frozenset[str]
    template: str
    pattern: re.Pattern[str]
    query: frozenset[str]
    lists: frozenset[str]
    streamed: bool
    route: BaseRoute

    @classmethod
    def of(cls, context: RouteContext) -> "Known":
        dependant, kind = getattr(context, "dependant", None), getattr(context, "response_class", None)
        taken = dict(_parameters(dependant)) if dependant is not None else {}
        return cls(
            frozenset(context.methods or ()),
            context.path_format or "",
            context.path_regex,
            frozenset(taken),
            frozenset(name for name, is_list in taken.items() if is_list),
            isinstance(kind, type) and issubclass(kind, Streamed),
            context.original_route,
        )


class Routes:
    """All routes, in FastAPI's order and by its own patterns, so that it always finds the same one."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._all = [Known.of(context) for context in iter_route_contexts(routes)]

    def find(self, method: str, path: str) -> Known | None:
        """None where FastAPI answers 404 or 405."""
        return next((one for one in self._all if method in one.methods and one.pattern.match(path)), None)

    def methods(self, path: str) -> list[str]:
        """What a request of this path may be, HEAD included where it is answered (head.py)."""
        found = [one for one in self._all if one.pattern.match(path)]
        methods = {method for one in found for method in one.methods}
        heads = any("GET" in one.methods and not one.streamed for one in found)
        return sorted(methods | {"HEAD"} if heads else methods)


def _parameters(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    """Each name of the query string, and whether its values are a list."""
    for parameter in dependant.query_params:
        annotation = parameter.field_info.annotation
        yield parameter.alias, any(get_origin(each) is list for each in (annotation, *get_args(annotation)))
    for inner in dependant.dependencies:
        yield from _parameters(inner)
