"""text-embeddings-inference's interface: `/embed`, `/similarity`, `/tokenize`, `/rerank` and `/info`.

source  https://github.com/huggingface/text-embeddings-inference, docs/openapi.json
"""

from typing import Any, cast

from fastapi import APIRouter
from starlette.responses import Response

from app import __version__
from app.api import tei_schemas as schemas
from app.api.dependencies import Parts, PartsOf, ReadyEmbedder
from app.api.json import JsonResponse, OrjsonRoute
from app.api.limits import check_texts, check_tokenized
from app.api.responses import TEI_ERRORS, Responses
from app.embedding.embedder import Embedder, Embeddings, Role
from app.embedding.registry import Prompts
from app.embedding.representation import shorten
from app.embedding.tokenizer import Side
from app.errors import NoReranker, NotNormalised, UnknownPrompt

RERANKER = "cross-encoder/ms-marco-MiniLM-L6-v2"
DTYPES = {"fp32": "float32"}

# Of a request whose body is not read.
_by_its_head: Responses = {status: TEI_ERRORS[status] for status in (401, 413, 415, 503)}
router = APIRouter(tags=["text-embeddings-inference"], route_class=OrjsonRoute)


def _counted_answer(model: Any) -> dict[str, Any]:
    number = {"schema": {"type": "integer", "minimum": 0}}
    headers = {
        "X-Compute-Tokens": number | {"description": "Tokens that were read."},
        "X-Truncated-Texts": number | {"description": "Texts that were cut."},
    }
    return {"model": model, "headers": headers}


# Clients that are given the service's address and nothing else, such as huggingface_hub's, post to the root.
@router.post("/", include_in_schema=False)
@router.post("/embed", responses=TEI_ERRORS | {200: _counted_answer(list[list[float]])}, response_class=JsonResponse)
async def embed(request: schemas.EmbedRequest, embedder: ReadyEmbedder, parts: PartsOf) -> Response:
    """One vector a text, also when there is one text only.

    The header `X-Compute-Tokens` counts the tokens that were read, `X-Truncated-Texts` the texts that were cut.
    """
    if not request.normalize:
        raise NotNormalised(embedder.card.name)
    length = embedder.card.length_for(request.dimensions)
    result = await _embed(request.inputs, request, embedder, parts)
    return JsonResponse(shorten(result.vectors, length), headers=_counted(result))


@router.post("/similarity", responses=TEI_ERRORS | {200: _counted_answer(list[float])}, response_class=JsonResponse)
async def similarity(request: schemas.SimilarityRequest, embedder: ReadyEmbedder, parts: PartsOf) -> Response:
    """The cosine of each sentence to the source sentence, which errors call text 0."""
    texts = [request.inputs.source_sentence, *request.inputs.sentences]
    result = await _embed(texts, request.parameters or schemas.Truncation(), embedder, parts)
    source, sentences = result.vectors[0], result.vectors[1:]
    return JsonResponse(sentences @ source, headers=_counted(result))


@router.post(
    "/tokenize", responses=TEI_ERRORS | {200: {"model": list[list[schemas.SimpleToken]]}}, response_class=JsonResponse
)
async def tokenize(request: schemas.TokenizeRequest, embedder: ReadyEmbedder, parts: PartsOf) -> Response:
    """The tokens of each text, also of one that is longer than the model reads."""
    check_tokenized(request.inputs, parts.settings, what="tokenize", param="inputs")
    role = _role(request.prompt_name, embedder)
    return JsonResponse(await embedder.tokenize(request.inputs, role=role, special=request.add_special_tokens))


@router.post("/rerank", status_code=424, responses=_by_its_head | {424: TEI_ERRORS[424]})
async def rerank(embedder: ReadyEmbedder) -> None:
    """Always refused, whatever the body (TEI's `texts`, Jina's and Cohere's `documents`): no reranker is here.

    424, since TEI answers the same when the model that it serves is no reranker, and clients do not retry it.
    """
    raise NoReranker(embedder.card.name, RERANKER)


@router.get("/info", responses=_by_its_head)
async def info(embedder: ReadyEmbedder, parts: PartsOf) -> schemas.Info:
    """The model that is served, and the limits of a request."""
    card = embedder.card
    return schemas.Info(
        model_id=card.origin,
        model_sha=card.revision,
        model_dtype=DTYPES.get(card.precision, card.precision),
        model_type=schemas.ModelType(embedding=schemas.EmbeddingModel(pooling=card.pooling)),
        max_input_length=card.max_tokens,
        max_batch_tokens=parts.settings.max_batch_tokens,
        max_client_batch_size=parts.settings.max_texts,
        version=__version__,
    )


async def _embed(texts: list[str], how: schemas.Truncation, embedder: Embedder, parts: Parts) -> Embeddings:
    check_texts(texts, parts.settings)
    side = cast(Side, how.truncation_direction.lower())
    return await embedder.embed(texts, role=_role(how.prompt_name, embedder), truncate=bool(how.truncate), side=side)


def _role(prompt_name: str | None, embedder: Embedder) -> Role | None:
    """The role of a prompt's name. Without a name there is no prompt, as in TEI; /v1/embeddings takes a passage's."""
    if prompt_name is not None and prompt_name not in Prompts.model_fields:
        raise UnknownPrompt(embedder.card.name, prompt_name, list(Prompts.model_fields))
    return cast(Role | None, prompt_name)


def _counted(result: Embeddings) -> dict[str, str]:
    return {"X-Compute-Tokens": str(result.tokens), "X-Truncated-Texts": str(len(result.cuts))}
