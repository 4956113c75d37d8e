"""Whole collections in and out: `POST …/import` and `GET …/export`, both streamed."""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.requests import ClientDisconnect

from app.api.body_limit import announced_bytes
from app.api.dependencies import Name, PartsOf, ReadyPipeline
from app.api.responses import ERRORS
from app.api.streaming import NdjsonStream
from app.errors import VectorSpaceError
from app.observability.timing import cut_short
from app.pipeline.formats.media_types import READERS, reader_for
from app.pipeline.importer import HungUp, Import

log = logging.getLogger(__name__)

DRAINED_BYTES = 64_000_000

router = APIRouter(prefix="/v1/collections/{name}", tags=["transfer"], responses=ERRORS)
_text: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_ndjson: dict[str, Any] = {"description": "Lines of JSON.", "content": {"application/x-ndjson": {}}}


@router.post(
    "/import",
    status_code=200,
    response_class=NdjsonStream,
    responses={200: _ndjson, 415: ERRORS[415] | {"description": "A content type or encoding that is not read."}},
    openapi_extra={"requestBody": {"required": True, "content": dict.fromkeys(READERS, _text)}},
)
async def import_documents(name: Name, request: Request, pipeline: ReadyPipeline, parts: PartsOf) -> NdjsonStream:
    """Keep every document of the body, of any length; progress comes back while it is still sent.

    Lines of the answer: `{"progress": {…}}` once a second, `{"refused": {"line", "reason"}}` for a record that cannot
    be kept (the first thousand), `{"error": {"code", "detail"}}` where the import ends early, and last
    `{"summary": {…}}`, whose `complete` is true when everything was read. What is kept already, unchanged, is not
    embedded again.
    """
    settings = parts.settings
    reader = reader_for(request.headers.get("content-type", ""), settings.max_record_bytes, settings.max_body_bytes)
    collection = await pipeline.run(pipeline.store.collection, name)
    chunks = _chunks(request)
    importing = pipeline.importing(collection, reader, chunks, announced_bytes(request.scope))
    pipeline.begin_stream()
    return NdjsonStream(_progress(importing, chunks, name), pipeline.end_stream)


@router.get("/export", status_code=200, response_class=NdjsonStream, responses={200: _ndjson})
async def export_documents(name: Name, request: Request, pipeline: ReadyPipeline, parts: PartsOf) -> NdjsonStream:
    """The whole collection with its vectors, as of now. Importing it elsewhere gives the same collection.

    A document whose line would be larger than MAX_BODY_BYTES (or MAX_RECORD_BYTES, where that is more) comes without
    its vectors where the model can make them again: an import embeds it anew.
    """
    settings = parts.settings
    collection = await pipeline.run(pipeline.store.collection, name)
    pipeline.begin_stream()
    blocks = pipeline.exporting(collection, max(settings.max_body_bytes, settings.max_record_bytes))
    return NdjsonStream(_while_connected(request, blocks), pipeline.end_stream)


async def _chunks(request: Request) -> AsyncGenerator[bytes, None]:
    try:
        async for chunk in request.stream():
            yield chunk
    except ClientDisconnect:
        raise HungUp from None


async def _progress(importing: Import, chunks: AsyncGenerator[bytes, None], name: str) -> AsyncGenerator[bytes, None]:
    try:
        async with aclosing(importing.events()) as events:
            async for event in events:
                yield _line(event)
    except VectorSpaceError as error:
        cut_short(error.code)
        yield _line({"error": {"code": error.code, "detail": str(error)}})
    except Exception as error:
        log.error("an import ended unexpectedly", exc_info=error)
        cut_short("internal_error")
        detail = "an unexpected error; the log has it under the request id"
        yield _line({"error": {"code": "internal_error", "detail": detail}})
    await _drain(chunks)
    summary = importing.progress.summary()
    if not summary["complete"]:
        cut_short("client_left")
    log.info("import into %s", name, extra=summary)
    yield _line({"summary": summary})


async def _drain(chunks: AsyncGenerator[bytes, None]) -> None:
    """Read on where an import has ended early: most clients send all before they read, and would see a broken pipe
    where the reason is. Up to a limit, since they may send for hours.
    """
    left = DRAINED_BYTES
    with suppress(HungUp):
        async for chunk in chunks:
            left -= len(chunk)
            if left < 0:
                return


async def _while_connected(request: Request, blocks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(blocks):
        async for block in blocks:
            yield block
            if await request.is_disconnected():
                cut_short("client_left")
                return


def _line(value: dict[str, Any]) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
