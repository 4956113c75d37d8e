"""What a route asks for: the parts that `main.py` built, and a name in its path."""

import re
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Path, Request
from starlette.convertors import PathConvertor, register_url_convertor

from app.embedding.embedder import Embedder
from app.errors import InvalidName, NotReady
from app.observability.metrics import Metric
from app.pipeline.pipeline import Pipeline
from app.settings import Settings

_name = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
# The pattern stands in the document alone: what it would say of a wrong name is less than InvalidName does.
NamePath = Path(description="1 to 128 of `A-Z a-z 0-9 . _ -`.", json_schema_extra={"pattern": f"^{_name.pattern}$"})


class AnyName(PathConvertor):
    """`{id:any}` in a route's path: all that is left of it, whatever it holds. Nothing is no name, and not found."""

    regex = "(?s:.+)"


register_url_convertor("any", AnyName())


@dataclass
class Parts:
    """What is alive while the service runs. `embedder` and `pipeline` are there once `not_ready` is None."""

    settings: Settings
    started_at_monotonic_s: float
    embedder: Embedder | None = None
    pipeline: Pipeline | None = None
    not_ready: str | None = "starting"
    metrics: list[Metric] = field(default_factory=list)


def get_parts(request: Request) -> Parts:
    return cast(Parts, request.scope["state"]["parts"])


async def parts_of(request: Request) -> Parts:
    return get_parts(request)


async def ready_embedder(request: Request) -> Embedder:
    parts = get_parts(request)
    if parts.not_ready is not None or parts.embedder is None:
        raise NotReady(parts.not_ready or "starting")
    return parts.embedder


async def ready_pipeline(request: Request) -> Pipeline:
    parts = get_parts(request)
    if parts.not_ready is not None or parts.pipeline is None:
        raise NotReady(parts.not_ready or "starting")
    return parts.pipeline


async def collection_name(name: Annotated[str, NamePath]) -> str:
    """raises  InvalidName"""
    if not _name.fullmatch(name):
        raise InvalidName(name)
    return name


Name = Annotated[str, Depends(collection_name)]
PartsOf = Annotated[Parts, Depends(parts_of)]
ReadyEmbedder = Annotated[Embedder, Depends(ready_embedder)]
ReadyPipeline = Annotated[Pipeline, Depends(ready_pipeline)]
