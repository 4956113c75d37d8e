"""The service's numbers for Prometheus: `GET /metrics`. With the key, since rates tell what a service is used for."""

from fastapi import APIRouter, Depends
from starlette.responses import Response

from app.api.dependencies import PartsOf, require_key
from app.observability.metrics import MEDIA_TYPE, text_of

router = APIRouter(tags=["health"], dependencies=[Depends(require_key)])


@router.get("/metrics", response_class=Response)
async def metrics(parts: PartsOf) -> Response:
    """Prometheus' text format. Where a key is set, give it to Prometheus as `authorization: {credentials: …}`."""
    return Response(text_of(parts.metrics), headers={"Content-Type": MEDIA_TYPE})
