"""Questions to a collection: `POST …/ask`, answered at once, or as server-sent events while the answer is written."""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from app.answer.answer import Done, Event, Extracted, Fallback, Found, Sentence, Source, Text
from app.api import answer_schemas as schemas
from app.api.dependencies import Name, PartsOf, ReadyPipeline
from app.api.json import JsonResponse, OrjsonRoute
from app.api.limits import check_query, sources_within
from app.api.responses import ERRORS
from app.api.streaming import EventStream
from app.errors import InvalidInput, VectorSpaceError
from app.pipeline.ask import Question
from app.settings import Settings
from app.store.filters import parse
from app.store.store import Mode, Query, default_mode

log = logging.getLogger(__name__)

NOTHING = "Nothing was found that could answer this."
EVENTS = """Server-sent events: `sources` `{"sources", "left_out", "truncated"?, "words_left_out"?}` first; `text`
`{"text"}` for each piece that a language model writes; `fallback` `{"kind", "reason"}` where it fails; `extracted`
`{"answer", "sentences"}`; and last `done` `{"kind", "cited", "model", "finish", "usage"}`, or `error`
`{"code", "detail"}`."""
NAMES: dict[type[Event], str] = {
    Found: "sources",
    Text: "text",
    Fallback: "fallback",
    Extracted: "extracted",
    Done: "done",
}

router = APIRouter(
    prefix="/v1/collections/{name}",
    tags=["answers"],
    route_class=OrjsonRoute,
    responses=ERRORS,
)
_event: dict[str, Any] = {
    "description": EVENTS,
    "type": "object",
    "required": ["event", "data"],
    "properties": {"event": {"enum": [*NAMES.values(), "error"]}, "data": {"type": "string"}},
}


@router.post("/ask", responses={200: {"model": schemas.Answer, "content": {"text/event-stream": {"schema": _event}}}})
async def ask(
    name: Name, request: schemas.AskRequest, pipeline: ReadyPipeline, parts: PartsOf, http: Request
) -> Response:
    """An answer with its sources. Without a language model it consists of the sentences that answer best."""
    mode = request.mode or default_mode(pipeline.store)
    question = Question(name, _query(request, mode, parts.settings), request.extract)
    events = pipeline.ask.answer(question)
    wanted = "text/event-stream" in http.headers.get("accept", "").lower()
    if wanted if request.stream is None else request.stream:
        return EventStream(_streamed(events))
    async with aclosing(events):
        return JsonResponse(await _collected(events))


def _query(request: schemas.AskRequest, mode: Mode, settings: Settings) -> Query:
    """raises  InvalidInput, LimitPassed, InvalidFilter"""
    if not request.question.strip():
        raise InvalidInput("the question is empty", param="question")
    check_query(request.question, settings, param="question")
    limit = sources_within(request.limit, settings)
    wanted = None if request.filter is None else parse(request.filter)
    return Query(mode, request.question, None, wanted, limit, min_score=request.min_score)


async def _collected(events: AsyncGenerator[Event, None]) -> dict[str, Any]:
    """As `schemas.Answer` has it. What a language model wrote before it failed is left out."""
    body: dict[str, Any] = {}
    written = ""
    async for event in events:
        match event:
            case Text(text):
                written += text
            case Extracted():
                written = event.text
                body["sentences"] = [_sentence(each) for each in event.sentences]
            case Fallback():
                body["fallback"] = _fields(event)
            case _:
                body |= _fields(event)
    return {"kind": body.pop("kind"), "answer": written or NOTHING, **body}


async def _streamed(events: AsyncGenerator[Event, None]) -> AsyncGenerator[bytes, None]:
    """What fails before the first event is an ordinary error, with its status."""
    begun = False
    try:
        async with aclosing(events):
            async for event in events:
                yield _line(NAMES[type(event)], _fields(event))
                begun = True
    except VectorSpaceError as error:
        if not begun:
            raise
        yield _line("error", {"code": error.code, "detail": str(error)})
    except Exception as error:
        if not begun:
            raise
        log.error("an answer ended unexpectedly", exc_info=error)
        detail = "an unexpected error; the log has it under the request id"
        yield _line("error", {"code": "internal_error", "detail": detail})


def _fields(event: Event) -> dict[str, Any]:
    match event:
        case Found(sources, left_out, truncated, words_left_out):
            found: dict[str, Any] = {"sources": [_source(each) for each in sources], "left_out": left_out}
            if truncated is not None:
                found["truncated"] = dict(zip(("tokens", "kept"), truncated, strict=True))
            if words_left_out:
                found["words_left_out"] = words_left_out
            return found
        case Text(text):
            return {"text": text}
        case Fallback(kind, reason):
            return {"kind": kind, "reason": reason}
        case Extracted():
            return {"answer": event.text or NOTHING, "sentences": [_sentence(each) for each in event.sentences]}
        case Done(kind, cited, model, finish):
            body: dict[str, Any] = {"kind": kind, "cited": cited}
            if finish is not None:
                prompt, completion = finish.prompt_tokens, finish.completion_tokens
                told = prompt is not None or completion is not None
                usage = {"prompt_tokens": prompt, "completion_tokens": completion} if told else None
                body |= {"model": model, "finish": finish.reason, "usage": usage}
            return body


def _source(source: Source) -> dict[str, Any]:
    return {
        "number": source.number,
        "id": source.document,
        "start": source.start,
        "end": source.end,
        "text": source.text,
        "score": source.score,
        "metadata": source.metadata,
    }


def _sentence(sentence: Sentence) -> dict[str, Any]:
    return {
        "source": sentence.source,
        "start": sentence.start,
        "end": sentence.end,
        "text": sentence.text,
        "score": sentence.score,
    }


def _line(event: str, fields: dict[str, Any]) -> bytes:
    """JSON has no line break, so that it is one `data` line."""
    return b"event: " + event.encode() + b"\ndata: " + orjson.dumps(fields) + b"\n\n"
