"""Which requests end with their clients: those that only compute. A write goes on, and so does a map that is drawn."""

import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send

from app.api.hanging_up import HangingUp


@pytest.fixture(autouse=True)
def watched_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.api.hanging_up.WATCH_AFTER_S", 0)


def cancelled(method: str, path: str) -> bool:
    """Whether a request is cancelled whose client leaves once its body is whole."""

    async def scenario() -> bool:
        messages = asyncio.Queue[Message]()
        working, ended = asyncio.Event(), asyncio.Event()

        async def app(_: Scope, receive: Receive, __: Send) -> None:
            await receive()
            working.set()
            await ended.wait()

        async def send(message: Message) -> None:
            raise AssertionError(message)

        scope = {"type": "http", "method": method, "path": path}
        task = asyncio.create_task(HangingUp(app)(scope, messages.get, send))
        messages.put_nowait({"type": "http.request", "body": b"{}"})
        await working.wait()
        messages.put_nowait({"type": "http.disconnect"})
        for _ in range(10):  # turns of the loop, for the news to go round
            await asyncio.sleep(0)
        left = task.done()
        ended.set()
        await task
        return left

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1/embeddings",
        "/embed",
        "/similarity",
        "/v1/collections/notes/search",
        "/v1/collections/notes/ask",
        "/v1/collections/notes/map/place",
    ],
)
def test_what_only_computes_ends(path: str) -> None:
    assert cancelled("POST", path)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/collections/notes/documents"),
        ("POST", "/v1/collections/notes/import"),
        ("PUT", "/v1/collections/notes"),
        ("GET", "/v1/collections/notes/map"),  # it is kept for when the client comes again
        ("POST", "/v1/collections/a/b/search"),
    ],
)
def test_what_changes_or_keeps_something_goes_on(method: str, path: str) -> None:
    assert not cancelled(method, path)
