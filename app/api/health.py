"""Is it ready, is it alive: `GET /health` and `GET /live`. Open to all, since they tell nothing of the data."""

import time

from fastapi import APIRouter
from starlette.responses import Response

from app import __version__
from app.api.dependencies import PartsOf
from app.api.json import JsonResponse
from app.api.schemas import Health, HealthIndex, HealthModel, HealthStore
from app.errors import DatabaseAway, DatabaseUnusable
from app.pipeline.pipeline import Pipeline

router = APIRouter(tags=["health"])


@router.get(
    "/health",
    responses={200: {"model": Health}, 503: {"model": Health, "description": "Not ready; `reason` says why."}},
)
async def health(parts: PartsOf) -> Response:
    """200 once requests are served, 503 with the reason before and after.

    An index that is rebuilt is no reason: search is exact meanwhile. A database that is away is one, though embeddings
    are made all the same.
    """
    ready = parts.not_ready is None and parts.embedder is not None
    body = Health(
        status="ready" if ready else "unavailable",
        version=__version__,
        uptime_s=round(time.monotonic() - parts.started_at_monotonic_s, 3),
        reason=parts.not_ready,
    )
    if parts.embedder is not None:
        card = parts.embedder.card
        body.model = HealthModel(
            name=card.name, precision=card.precision, dimension=card.dimension, max_tokens=card.max_tokens
        )
    if ready and parts.pipeline is not None:
        try:
            body.store = await _store(parts.pipeline)
        except (DatabaseAway, DatabaseUnusable) as error:
            ready, body.status, body.reason = False, "unavailable", str(error)
    return JsonResponse(body.model_dump(exclude_none=True), 200 if ready else 503)


@router.get("/live")
async def live() -> Response:
    """200 as long as the process answers at all."""
    return JsonResponse({"status": "alive"})


async def _store(pipeline: Pipeline) -> HealthStore:
    totals = await pipeline.run(pipeline.store.totals, size=False)
    index = await pipeline.run(pipeline.store.index_state)
    return HealthStore(
        collections=totals.collections,
        documents=totals.documents,
        index=HealthIndex(state=index.state, behind=index.behind, detail=index.detail),
    )
