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


def _in_shape(model: type[BaseModel], descriptions: Mapping[int, str]) -> Responses:
    """Descriptions by status, those of EVERYWHERE where it is not said otherwise."""
    return {
        status: {"model": model, "description": description}
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
