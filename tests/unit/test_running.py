"""Requests that run on at shutdown: cut off with an answer, or by a closed connection once one has begun."""

import asyncio
import json
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from app.api.running import RunningRequests, TrackRunning

SCOPE: dict[str, Any] = {"type": "http", "path": "/v1/embeddings", "headers": []}


async def nothing() -> Message:
    raise AssertionError("nobody reads")


def test_the_count_follows_the_requests() -> None:
    running = RunningRequests()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert len(running) == 1

    async def scenario() -> None:
        await TrackRunning(app, running)(SCOPE, nothing, lambda message: asyncio.sleep(0))
        assert len(running) == 0

    asyncio.run(scenario())


@pytest.mark.parametrize("begun", [False, True])
def test_a_cut_answers_where_no_answer_has_begun(begun: bool) -> None:
    running, sent = RunningRequests(), list[Message]()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.Event().wait()

    async def send(message: Message) -> None:
        sent.append(message)

    async def scenario() -> None:
        task = asyncio.ensure_future(TrackRunning(app, running)(SCOPE, nothing, send))
        await asyncio.sleep(0)
        running.cut("the time is over")
        if begun:
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            await task
        assert len(running) == 0

    asyncio.run(scenario())
    assert sent[0]["status"] == (200 if begun else 503)
    if not begun:
        assert json.loads(sent[1]["body"])["error"]["message"] == "the time is over"


def test_a_cancellation_that_is_no_cut_goes_on() -> None:
    running = RunningRequests()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.Event().wait()

    async def scenario() -> None:
        task = asyncio.ensure_future(TrackRunning(app, running)(SCOPE, nothing, lambda message: asyncio.sleep(0)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())
