"""Collections: `PUT, GET, DELETE /v1/collections/{name}` and `GET /v1/collections`."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from app.api import collection_schemas as schemas
from app.api.dependencies import Name, ReadyPipeline
from app.api.json import JsonResponse, OrjsonRoute
from app.api.responses import ERRORS
from app.store.store import Collection

router = APIRouter(
    prefix="/v1/collections",
    tags=["collections"],
    route_class=OrjsonRoute,
    responses=ERRORS,
)


@router.put("/{name}", responses={200: {"model": schemas.Collection}, 201: {"model": schemas.Collection}})
async def create_collection(name: Name, pipeline: ReadyPipeline, space: schemas.Space | None = None) -> Response:
    """Create a collection: 201. One that exists is left as it is, 200, or 409 where its space is another."""
    asked = space or schemas.Space()
    wanted = await pipeline.spaces.wanted(name, asked.model, asked.dimension, asked.distance)
    pipeline.rules.check_metadata(asked.metadata)
    collection, new = await pipeline.run(pipeline.store.create_collection, name, wanted, asked.metadata)
    return JsonResponse(described(collection), 201 if new else 200)


@router.get("", responses={200: {"model": schemas.Collections}})
async def list_collections(pipeline: ReadyPipeline) -> Response:
    """All collections, by name."""
    collections = await pipeline.run(pipeline.store.collections)
    return JsonResponse({"collections": [described(each) for each in collections]})


@router.get("/{name}", responses={200: {"model": schemas.Collection}})
async def describe_collection(name: Name, pipeline: ReadyPipeline) -> Response:
    """One collection."""
    return JsonResponse(described(await pipeline.run(pipeline.store.collection, name)))


@router.delete("/{name}", status_code=204, response_class=Response)
async def delete_collection(name: Name, pipeline: ReadyPipeline) -> None:
    """Delete a collection with everything in it."""
    await pipeline.run(pipeline.store.delete_collection, name)


def described(collection: Collection) -> dict[str, Any]:
    """As `schemas.Collection` has it."""
    return {
        "name": collection.name,
        "model": collection.space.model,
        "dimension": collection.space.dimension,
        "distance": collection.space.distance,
        "metadata": collection.metadata,
        "created_at_unix_s": collection.created_at_unix_s,
        "documents": collection.documents,
        "passages": collection.passages,
    }
