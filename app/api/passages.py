"""How texts would be cut into passages, without keeping them: `POST /v1/passages`."""

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from app.api.dependencies import PartsOf, ReadyEmbedder
from app.api.json import JsonResponse, OrjsonRoute
from app.api.limits import check_tokenized
from app.api.responses import ERRORS
from app.api.schemas import Strict

router = APIRouter(
    prefix="/v1/passages",
    tags=["documents"],
    route_class=OrjsonRoute,
    responses={status: answer for status, answer in ERRORS.items() if status not in (404, 409, 507)},
)


class PassagesRequest(Strict):
    texts: list[str] = Field(min_length=1, fail_fast=True)


class Span(BaseModel):
    start: int = Field(description="In characters (Unicode code points) of the text.")
    end: int


class PassagesResponse(BaseModel):
    passages: list[list[Span]] = Field(description="Of each text, in order; at least one.")


@router.post("", responses={200: {"model": PassagesResponse}})
async def split_texts(request: PassagesRequest, embedder: ReadyEmbedder, parts: PartsOf) -> Response:
    """Cut each text as a document with it would be: passages that the model reads whole, on sentence ends."""
    check_tokenized(request.texts, parts.settings, what="cut", param="texts")
    spans = await embedder.split(request.texts)
    passages = [[{"start": start, "end": end} for start, end in text] for text in spans]
    return JsonResponse({"passages": passages})
