"""A collection's map: its documents as points in the plane, and where a query falls among them."""

from typing import Annotated, Any

import numpy as np
import orjson
from fastapi import APIRouter, Query
from starlette.responses import Response

from app.api import map_schemas as schemas
from app.api.dependencies import Name, PartsOf, ReadyPipeline
from app.api.json import JsonResponse, OrjsonRoute
from app.api.limits import check_query, map_documents_within
from app.api.responses import ERRORS

router = APIRouter(
    prefix="/v1/collections/{name}/map",
    tags=["map"],
    route_class=OrjsonRoute,
    responses=ERRORS,
)
# A tenth of a pixel where the map is 2000 wide.
DECIMALS = 4
_layout = Query(
    description="`components`: the two directions in which the documents differ most; the axes mean something, and "
    "distances over the whole. `neighbours`: what is similar is drawn together; only who is near whom means something."
)
_limit = Query(ge=1, description="Points at most; of more documents, a sample. Default: MAX_MAP_DOCUMENTS, or 2000.")


@router.get("", responses={200: {"model": schemas.Map}})
async def draw_map(
    name: Name,
    pipeline: ReadyPipeline,
    parts: PartsOf,
    layout: Annotated[schemas.Layout, _layout] = "components",
    limit: Annotated[int | None, _limit] = None,
) -> Response:
    """The collection's documents in the plane, each at the mean of its passages, in clusters of similar ones.

    The same collection gives the same map, and it is computed once, until a document changes.
    """
    drawn = await pipeline.maps.draw(name, layout, map_documents_within(limit, parts.settings))
    points: list[dict[str, Any]] = []
    variance = [0.0, 0.0]
    if drawn.plane is not None:
        places, groups = drawn.plane.points.astype(np.float64).round(DECIMALS).tolist(), drawn.groups.tolist()
        variance = list(drawn.plane.components.variance)
        points = [
            {"id": each, "x": x, "y": y, "cluster": group, "text": text, "metadata": orjson.Fragment(metadata)}
            for each, (x, y), group, text, metadata in zip(
                drawn.ids, places, groups, drawn.texts, drawn.metadata, strict=True
            )
        ]
    body = {
        "layout": layout,
        "documents": drawn.documents,
        "shown": len(points),
        "sampled": len(points) < drawn.documents,
        "variance": variance if layout == "components" else None,
        "clusters": len(set(drawn.groups.tolist())),
        "points": points,
    }
    return JsonResponse(body)


@router.post("/place", responses={200: {"model": schemas.Place}})
async def place_on_map(name: Name, request: schemas.Placing, pipeline: ReadyPipeline, parts: PartsOf) -> Response:
    """Where a query falls on the map of the same layout and limit. By components that may be outside of -1 to 1."""
    check_query(request.query, parts.settings)
    limit = map_documents_within(request.limit, parts.settings)
    placed = await pipeline.maps.place(name, request.query, request.layout, limit)
    body: dict[str, Any] = {"x": round(placed.x, DECIMALS), "y": round(placed.y, DECIMALS)}
    if placed.cut is not None:
        body["truncated"] = {"tokens": placed.cut.tokens, "kept": placed.cut.kept}
    return JsonResponse(body)
