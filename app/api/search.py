"""Search in a collection: by meaning, by words, or by both."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from app.api import collection_schemas as schemas
from app.api.dependencies import Name, PartsOf, ReadyPipeline
from app.api.json import JsonResponse, OrjsonRoute
from app.api.limits import check_offset, check_query, documents_within
from app.api.responses import ERRORS
from app.errors import InvalidDocument, InvalidInput
from app.pipeline.drafts import vector_from
from app.pipeline.pipeline import Pipeline
from app.store.filters import parse
from app.store.store import F32, Hit, Mode, Part, Query, Rank, default_mode

router = APIRouter(
    prefix="/v1/collections/{name}",
    tags=["search"],
    route_class=OrjsonRoute,
    responses=ERRORS,
)


@router.post("/search", responses={200: {"model": schemas.SearchResponse}})
async def search(name: Name, request: schemas.SearchRequest, pipeline: ReadyPipeline, parts: PartsOf) -> Response:
    """Documents by score, best first, each with its best passage and the ranks that made its place."""
    check_offset(request.offset, parts.settings)
    check_query(request.query, parts.settings)
    query = Query(
        mode=request.mode or _default_mode(request, pipeline),
        text=request.query,
        vector=_vector(request),
        filter=None if request.filter is None else parse(request.filter),
        limit=documents_within(request.limit, 10, parts.settings),
        offset=request.offset,
        min_score=request.min_score,
        include=frozenset(request.include),
        max_bytes=parts.settings.max_answer_bytes,
    )
    found = await pipeline.retrieve.find(name, query)
    body: dict[str, Any] = {"mode": query.mode, "hits": [_hit(hit, query.include) for hit in found.hits]}
    if found.cut is not None:
        body["truncated"] = {"tokens": found.cut.tokens, "kept": found.cut.kept}
    if found.words_left_out:
        body["words_left_out"] = found.words_left_out
    return JsonResponse(body)


def _default_mode(request: schemas.SearchRequest, pipeline: Pipeline) -> Mode:
    """The answer says which it was."""
    if request.vector is not None and not request.query:
        return "semantic"
    return default_mode(pipeline.store)


def _vector(request: schemas.SearchRequest) -> F32 | None:
    if request.vector is None:
        return None
    if request.mode == "keyword":
        raise InvalidInput("keyword search takes no vector", param="vector")
    try:
        return vector_from(request.vector, "query")
    except InvalidDocument:
        raise InvalidInput("the vector is not base64 of float32 numbers", param="vector") from None


def _hit(hit: Hit, include: frozenset[Part]) -> dict[str, Any]:
    document = hit.document.document
    body: dict[str, Any] = {"id": document.id, "score": hit.score}
    if "text" in include:
        body["text"] = document.text
    if "metadata" in include:
        body["metadata"] = document.metadata
    if "passage" in include:
        body["passage"] = {"start": hit.start, "end": hit.end, "text": hit.passage}
    for name, rank in (("semantic", hit.semantic), ("keyword", hit.keyword)):
        if rank is not None:
            body[name] = _rank(rank)
    return body


def _rank(rank: Rank) -> dict[str, Any]:
    return {"rank": rank.rank, "score": rank.score}
