"""What a route asks for: the parts that `main.py` built, and the right to use them."""

from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Request

from app.api.auth import Keys
from app.embedding.embedder import Embedder
from app.errors import NotReady
from app.observability.metrics import Metric
from app.pipeline.pipeline import Pipeline
from app.settings import Settings


@dataclass
class Parts:
    """What is alive while the service runs. `embedder` and `pipeline` are there once `not_ready` is None."""

    settings: Settings
    keys: Keys
    started_at_monotonic_s: float
    embedder: Embedder | None = None
    pipeline: Pipeline | None = None
    not_ready: str | None = "starting"
    metrics: list[Metric] = field(default_factory=list)


def get_parts(request: Request) -> Parts:
    return cast(Parts, request.state.parts)


async def parts_of(request: Request) -> Parts:
    return get_parts(request)


async def require_key(request: Request) -> None:
    get_parts(request).keys.check(request.headers)


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


PartsOf = Annotated[Parts, Depends(parts_of)]
ReadyEmbedder = Annotated[Embedder, Depends(ready_embedder)]
ReadyPipeline = Annotated[Pipeline, Depends(ready_pipeline)]
