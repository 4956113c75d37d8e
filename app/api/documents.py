"""Documents of a collection: keep, read, list, delete."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from app.api import collection_schemas as schemas
from app.api.dependencies import Name, PartsOf, ReadyPipeline
from app.api.json import JsonResponse, OrjsonRequest, OrjsonRoute
from app.api.limits import check_documents, documents_within
from app.api.responses import ERRORS
from app.errors import InvalidFilter, InvalidInput
from app.exact_json import loads
from app.pipeline.drafts import Draft, vector_from
from app.pipeline.pipeline import Pipeline
from app.store.filters import Filter, parse
from app.store.store import StoredDocument

router = APIRouter(
    prefix="/v1/collections/{name}/documents",
    tags=["documents"],
    route_class=OrjsonRoute,
    responses=ERRORS,
)
FilterText = Annotated[str | None, Query(alias="filter", description='As JSON: `{"lang": "de"}`.')]
Limit = Annotated[int | None, Query(ge=1, description="Documents in the answer. Default: 100, or MAX_LIMIT if less.")]


async def counted_documents(request: Request, parts: PartsOf) -> None:
    """Before each of them is looked at, which takes longer than to count them. raises LimitPassed"""
    value = request.value if isinstance(request, OrjsonRequest) else None
    documents = value.get("documents") if isinstance(value, dict) else None
    if isinstance(documents, list):
        check_documents(len(documents), parts.settings)


@router.post("", dependencies=[Depends(counted_documents)], responses={200: {"model": schemas.Kept}})
async def keep_documents(name: Name, request: schemas.NewDocuments, pipeline: ReadyPipeline) -> Response:
    """Keep documents, all of them or none; each takes the place of an older one of the same id."""
    drafts = [
        Draft(
            each.text,
            each.id,
            each.metadata,
            None if each.vector is None else vector_from(each.vector, str(index)),
        )
        for index, each in enumerate(request.documents)
    ]
    ids = await pipeline.ingest.keep(name, drafts)
    return JsonResponse({"ids": ids, "documents": len(set(ids))})


@router.get("", responses={200: {"model": schemas.Documents}})
async def list_documents(
    name: Name,
    pipeline: ReadyPipeline,
    parts: PartsOf,
    filter: FilterText = None,
    cursor: Annotated[str | None, Query(description="From the answer before.")] = None,
    limit: Limit = None,
) -> Response:
    """Documents by id, those that the filter matches; fewer than `limit` where their texts pass MAX_ANSWER_BYTES."""
    limit = documents_within(limit, 100, parts.settings)
    page = await pipeline.run(
        pipeline.store.documents,
        name,
        filter=filter_from(filter),
        cursor=cursor,
        limit=limit,
        max_bytes=parts.settings.max_answer_bytes,
    )
    documents = [described(stored) for stored in page.documents]
    return JsonResponse({"documents": documents, "cursor": page.cursor})


async def no_body(request: Request) -> None:
    """raises  InvalidInput, since conditions that nobody reads would be missing, and more be deleted"""
    if await request.body():
        raise InvalidInput("a body is not read here: send ids and filter to POST …/documents/delete")


@router.delete("", dependencies=[Depends(no_body)], responses={200: {"model": schemas.Deleted}})
async def delete_documents(
    name: Name,
    pipeline: ReadyPipeline,
    filter: FilterText = None,
    id: Annotated[list[str] | None, Query(description="May come several times.")] = None,
) -> Response:
    """Delete documents by id, by filter, or those of the ids that the filter matches."""
    return await _delete(pipeline, name, id, filter_from(filter))


@router.post("/delete", responses={200: {"model": schemas.Deleted}})
async def delete_many_documents(name: Name, request: schemas.Deletion, pipeline: ReadyPipeline) -> Response:
    """The same with a body, for more ids than an address can hold."""
    return await _delete(pipeline, name, request.ids, None if request.filter is None else parse(request.filter))


async def _delete(pipeline: Pipeline, name: str, ids: list[str] | None, filter: Filter | None) -> Response:
    if ids is None and filter is None:
        raise InvalidInput("give ids, or a filter that is not empty; to delete all documents delete the collection")
    deleted = await pipeline.run(pipeline.store.delete_documents, name, ids=ids, filter=filter)
    return JsonResponse({"deleted": deleted})


# After the paths above, since an id may be anything.
@router.get("/{id:any}", responses={200: {"model": schemas.Document}})
async def read_document(
    name: Name, id: str, pipeline: ReadyPipeline, vectors: Annotated[bool, Query()] = False
) -> Response:
    """One document, with its passages and their vectors where they are asked for."""
    stored = await pipeline.run(pipeline.store.document, name, id, vectors=vectors)
    body = described(stored)
    if vectors:
        body["passages"] = [
            {"start": each.start, "end": each.end, "vector": each.vector} for each in stored.document.passages
        ]
    return JsonResponse(body)


@router.delete("/{id:any}", status_code=204, response_class=Response)
async def delete_document(name: Name, id: str, pipeline: ReadyPipeline) -> None:
    """Delete one document; 404 where there is none of this id."""
    if not await pipeline.run(pipeline.store.delete_documents, name, ids=[id]):
        await pipeline.run(pipeline.store.document, name, id)  # raises what is missing


def described(stored: StoredDocument) -> dict[str, Any]:
    """As `schemas.Document` has it, without passages."""
    document = stored.document
    return {
        "id": document.id,
        "text": document.text,
        "metadata": document.metadata,
        "updated_at_unix_s": stored.updated_at_unix_s,
    }


def filter_from(text: str | None) -> Filter | None:
    """The filter of a query string. raises InvalidFilter"""
    if text is None:
        return None
    try:
        return parse(loads(text.encode()))
    except orjson.JSONDecodeError as error:
        raise InvalidFilter(f"the filter is not JSON: {error}") from None
