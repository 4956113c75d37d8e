"""Collections: `PUT, GET, DELETE /v1/collections/{name}` and `GET /v1/collections`."""

from contextlib import suppress
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from app.api import collection_schemas as schemas
from app.api.dependencies import Name, ReadyPipeline
from app.api.json import JsonResponse, OrjsonRoute
from app.api.responses import ERRORS
from app.embedding.remote import is_remote
from app.errors import CollectionNotFound, InvalidInput, UnsupportedDimension
from app.pipeline.pipeline import Pipeline
from app.store.store import Collection, Space

router = APIRouter(
    prefix="/v1/collections",
    tags=["collections"],
    route_class=OrjsonRoute,
    responses=ERRORS,
)


@router.put("/{name}", responses={200: {"model": schemas.Collection}, 201: {"model": schemas.Collection}})
async def create_collection(name: Name, pipeline: ReadyPipeline, space: schemas.Space | None = None) -> Response:
    """Create a collection: 201. One that exists is left as it is, 200, or 409 where its space is another."""
    space = space or schemas.Space()
    wanted = await _space(name, space, pipeline)
    pipeline.rules.check_metadata(space.metadata)
    collection, new = await pipeline.run(pipeline.store.create_collection, name, wanted, space.metadata)
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


async def _space(name: str, given: schemas.Space, pipeline: Pipeline) -> Space:
    """raises  UnsupportedDimension, where the model has another; InvalidInput, where nobody can know it; RemoteUnset"""
    card = pipeline.embedder.card
    if given.model is None or card.answers_to(given.model):
        if given.dimension not in (None, card.dimension):
            raise UnsupportedDimension(card.name, given.dimension or 0, card.dimension)
        return Space(card.name, card.dimension, given.distance)
    if is_remote(given.model):
        return Space(given.model, await _dimension(name, given.model, given.dimension, pipeline), given.distance)
    if given.dimension is None:
        raise InvalidInput(
            f"the model {given.model!r} is not served here, only {card.name}: name its dimension and bring vectors",
            param="dimension",
        )
    return Space(given.model, given.dimension, given.distance)


async def _dimension(name: str, model: str, wanted: int | None, pipeline: Pipeline) -> int:
    """Of a remote model. What is known of a collection that is there is not asked for again."""
    with suppress(CollectionNotFound):
        space = (await pipeline.run(pipeline.store.collection, name)).space
        if space.model == model and wanted in (None, space.dimension):
            return space.dimension
    return await pipeline.embedders.dimension_of(model, wanted)


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
