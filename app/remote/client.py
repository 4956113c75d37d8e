"""The connections to an OpenAI-compatible service: requests, streams, and what every failure of them is called."""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import httpx
import orjson

from app.errors import RemoteFailed
from app.remote.events import EventParser
from app.remote.refusals import refusal
from app.remote.retries import Retries

Endpoint = Literal["chat", "embeddings"]
PATHS: dict[Endpoint, str] = {"chat": "chat/completions", "embeddings": "embeddings"}
# Of an answer that is an error, so much is read; of one that holds vectors, so much may come.
MAX_ERROR_BYTES = 16_384
MAX_BODY_BYTES = 100_000_000


class RemoteObserver(Protocol):
    """Is told of every call. outcome: `ok`, `left` where the caller did not wait, or a failure's kind."""

    def called(self, endpoint: str, outcome: str, took_s: float) -> None: ...

    def used(self, endpoint: str, prompt_tokens: int, completion_tokens: int) -> None: ...


@dataclass(frozen=True)
class Timeouts:
    """Seconds. connect: for a connection; first: from a request to the first text of its answer; between: from one text
    to the next; whole: for everything, retries included."""

    connect_s: float
    first_s: float
    between_s: float
    whole_s: float


class RemoteClient:
    """One service and one key. Lives as long as the service does; used on the event loop's thread alone.

    The key goes into a header of each request and nowhere else: no redirect is followed, and what the service says of
    a request is not passed on.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        timeouts: Timeouts,
        max_connections: int,
        observer: RemoteObserver,
    ) -> None:
        self.timeouts = timeouts
        self._observer = observer
        self._key = key
        self._http = httpx.AsyncClient(
            base_url=base_url.rstrip("/") + "/",
            headers={
                "Authorization": f"Bearer {key}",
                "Content-Type": "application/json",
                "Accept-Encoding": "identity",
            },
            timeout=httpx.Timeout(None, connect=timeouts.connect_s),  # the others are asyncio's, see `answered_by`
            limits=httpx.Limits(max_connections=max_connections, max_keepalive_connections=4),
        )

    def deadline_s(self) -> float:
        """When what is asked for from now on, in one call or several, has to be there: on the event loop's clock."""
        return asyncio.get_running_loop().time() + self.timeouts.whole_s

    async def post(self, endpoint: Endpoint, body: dict[str, Any], retries: Retries, deadline_s: float) -> Any:
        """The JSON of the answer, retried where that may help, until `deadline_s` on the event loop's clock.

        raises  RemoteFailed
        """
        made = 0
        while True:
            try:
                with self.observed(endpoint):
                    async with answered_by(deadline_s, "a whole answer"):
                        return await self._post(endpoint, body)
            except RemoteFailed as failure:
                await retries.pause(made, failure, deadline_s)
                made += 1

    async def _post(self, endpoint: Endpoint, body: dict[str, Any]) -> Any:
        async with self._sent(endpoint, body) as response:
            raw = await _read(response, MAX_BODY_BYTES)
            return parsed(raw)

    async def events(self, endpoint: Endpoint, body: dict[str, Any]) -> AsyncGenerator[Any, None]:
        """The JSON of each event of one answer, until the service says that it is done; with no retry, and no time-out
        but that of the connection.

        raises  RemoteFailed, also where the answer ends without being done
        """
        async with self._sent(endpoint, body) as response:
            kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != "text/event-stream":
                raise RemoteFailed("malformed", f"it answered with {kind[:40] or 'no content type'} and not a stream")
            parser = EventParser()
            async for chunk in response.aiter_bytes():
                for data in parser.feed(chunk):
                    if data.strip() == "[DONE]":
                        return
                    yield parsed(data.encode())
            raise RemoteFailed("cut_off", "its answer broke off", passing=True)

    @asynccontextmanager
    async def _sent(self, endpoint: Endpoint, body: dict[str, Any]) -> AsyncGenerator[httpx.Response, None]:
        """The head of an answer whose status is 200."""
        try:
            async with self._http.stream("POST", PATHS[endpoint], content=orjson.dumps(body)) as response:
                if response.status_code != 200:
                    words = await _read(response, MAX_ERROR_BYTES, cut=True)
                    raise refusal(response.status_code, response.headers, words, self._key, body)
                yield response
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            what = "in time" if isinstance(error, httpx.ConnectTimeout) else "at all"
            raise RemoteFailed("unreachable", f"it cannot be reached {what}", passing=True) from error
        except httpx.DecodingError as error:
            raise RemoteFailed("malformed", "its answer is encoded in another way than it says") from error
        except httpx.TransportError as error:
            raise RemoteFailed("cut_off", "the connection broke off", passing=True) from error

    @contextmanager
    def observed(self, endpoint: Endpoint) -> Iterator[None]:
        """Tell the observer how the call inside ended."""
        started_s, outcome = time.monotonic(), "left"
        try:
            yield
            outcome = "ok"
        except RemoteFailed as failure:
            outcome = failure.kind
            raise
        finally:
            self._observer.called(endpoint, outcome, time.monotonic() - started_s)

    def used(self, endpoint: Endpoint, usage: object) -> tuple[int | None, int | None]:
        """Prompt and completion tokens as an answer's `usage` tells them, counted; None where it does not."""
        fields = usage if isinstance(usage, dict) else {}
        prompt, completion = (_count(fields.get(name)) for name in ("prompt_tokens", "completion_tokens"))
        self._observer.used(endpoint, prompt or 0, completion or 0)
        return prompt, completion

    async def close(self) -> None:
        await self._http.aclose()


@asynccontextmanager
async def answered_by(deadline_s: float, what: str) -> AsyncGenerator[None, None]:
    """raises  RemoteFailed, where the event loop's clock has reached `deadline_s` before the end"""
    try:
        async with asyncio.timeout_at(deadline_s):
            yield
    except TimeoutError as error:
        raise RemoteFailed("timed_out", f"it did not send {what} in time", passing=True) from error


def parsed(raw: bytes) -> Any:
    """raises  RemoteFailed"""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise RemoteFailed("malformed", "it sent what is no JSON") from None


async def _read(response: httpx.Response, most: int, *, cut: bool = False) -> bytes:
    """raises  RemoteFailed, where more comes and is not to be `cut`"""
    raw = b""
    async for chunk in response.aiter_bytes():
        raw += chunk
        if len(raw) > most:
            if cut:
                return raw[:most]
            raise RemoteFailed("malformed", f"it sent more than {most} bytes")
    return raw


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
