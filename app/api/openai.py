"""OpenAI's embeddings interface: `POST /v1/embeddings`, `GET /v1/models`, `GET /v1/models/{name}`."""

from base64 import b64encode
from typing import Any

import numpy.typing as npt
from fastapi import APIRouter
from starlette.responses import Response

from app.api.dependencies import PartsOf, ReadyEmbedder
from app.api.direct import DirectRoute
from app.api.json import JsonResponse
from app.api.limits import check_texts
from app.api.responses import OPENAI_ERRORS
from app.api.schemas import EmbeddingsRequest, EmbeddingsResponse, Model, Models
from app.embedding.embedder import Embedder
from app.embedding.representation import represent, shorten
from app.errors import InvalidInput, UnknownModel

router = APIRouter(prefix="/v1", tags=["OpenAI"], responses=OPENAI_ERRORS)
hot = APIRouter(prefix="/v1", tags=["OpenAI"], route_class=DirectRoute, responses=OPENAI_ERRORS)


@hot.post("/embeddings", responses={200: {"model": EmbeddingsResponse}}, response_class=JsonResponse)
async def create_embeddings(request: EmbeddingsRequest, embedder: ReadyEmbedder, parts: PartsOf) -> Response:
    """Embed texts. Vectors have length 1, so that a dot product is their cosine similarity."""
    card = embedder.card
    if not card.answers_to(request.model):
        raise UnknownModel(request.model, [card.name])
    length = card.length_for(request.dimensions)
    check_texts(request.input, parts.settings)
    if request.encoding_format == "base64" and request.embedding_dtype != "float":
        raise InvalidInput(
            f"base64 is of float32 alone, as clients read it, and {request.embedding_dtype} was asked for: "
            'send encoding_format="float" with it. The openai package asks for base64 where nothing is said',
            param="encoding_format",
        )
    result = await embedder.embed(request.input, role=request.input_type, truncate=request.truncate)
    vectors = represent(shorten(result.vectors, length), request.embedding_dtype)
    body: dict[str, Any] = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": vector}
            for index, vector in enumerate(_encoded(vectors, request.encoding_format))
        ],
        "model": card.name,
        "usage": {"prompt_tokens": result.tokens, "total_tokens": result.tokens},
    }
    if request.truncate:
        body["truncated"] = [{"index": cut.index, "tokens": cut.tokens, "kept": cut.kept} for cut in result.cuts]
    return JsonResponse(body)


def _encoded(vectors: npt.NDArray[Any], encoding_format: str) -> "list[str] | npt.NDArray[Any]":
    """Rows of numbers as they go into the body: themselves, or base64 of their bytes, the lowest first."""
    if encoding_format == "float":
        return vectors
    return [b64encode(row).decode("ascii") for row in vectors.astype(vectors.dtype.newbyteorder("<"), copy=False)]


@router.get("/models")
async def list_models(embedder: ReadyEmbedder) -> Models:
    """The models that this service has."""
    return Models(data=[_model(embedder)])


@router.get("/models/{name:any}")
async def describe_model(name: str, embedder: ReadyEmbedder) -> Model:
    """One model, by its name here or at its origin."""
    if not embedder.card.answers_to(name):
        raise UnknownModel(name, [embedder.card.name])
    return _model(embedder)


def _model(embedder: Embedder) -> Model:
    card = embedder.card
    return Model(
        id=card.name,
        created=embedder.made_at_unix_s,
        owned_by=card.origin.partition("/")[0],
        dimension=card.dimension,
        max_tokens=card.max_tokens,
        precision=card.precision,
        licence=card.licence,
    )
