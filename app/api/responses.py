"""The errors that routes may answer with, as the OpenAPI document describes them: a table for each shape of error."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from app.api.schemas import OpenAIError, Problem
from app.api.tei_schemas import TEIError

Responses = dict[int | str, dict[str, Any]]

EVERYWHERE = {
    401: "No key, or a wrong one.",
    408: "The body stopped coming for IDLE_TIMEOUT_S.",
    413: "The body is larger than MAX_BODY_BYTES.",
    415: "The body is compressed, which is not read here.",
    503: "Starting, or shutting down.",
}


# What errors look like. They are named in the document by their address, and put into it once (openapi.py): as models,
# FastAPI would make something to validate them with for each status of each route, a twentieth of the start.
SHAPES: tuple[type[BaseModel], ...] = (Problem, OpenAIError, TEIError)
ADDRESS = "#/components/schemas/{model}"


def _in_shape(model: type[BaseModel], descriptions: Mapping[int, str], kind: str = "application/json") -> Responses:
    """Descriptions by status, those of EVERYWHERE where it is not said otherwise. kind: the answers' media type"""
    content = {kind: {"schema": {"$ref": ADDRESS.format(model=model.__name__)}}}
    return {
        status: {"description": description, "content": content}
        for status, description in sorted({**EVERYWHERE, **descriptions}.items())
    }


ERRORS = _in_shape(
    Problem,
    {
        400: "The request cannot be served as it is; `detail` says why.",
        404: "No such collection or document.",
        409: "It disagrees with what is kept; `detail` names both sides.",
        429: "Too much at once; Retry-After says when to come back.",
        500: "The service failed.",
        502: "The OpenAI-compatible service failed.",
        507: "The disk is full; nothing was written.",
    },
    "application/problem+json",
)
OPENAI_ERRORS = _in_shape(
    OpenAIError,
    {
        400: "The input cannot be embedded as it is; the message says why.",
        404: "The model is not served here.",
        429: "The queue is full; Retry-After says when to come back.",
        500: "The model failed.",
    },
)
TEI_ERRORS = _in_shape(
    TEIError,
    {
        400: "An empty text.",
        413: "A text, the request or its body is larger than allowed; the message has both numbers.",
        422: "The request cannot be served as it is; the message says why.",
        424: "The model failed, or it is not of the kind that is asked for.",
        429: "The queue is full; Retry-After says when to come back.",
    },
)
