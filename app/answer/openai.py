"""A language model behind OpenAI's chat completions: the answer as it is written, its citations checked."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from app.answer import prompt
from app.answer.answer import Finish, Source, Text
from app.answer.citations import Citations
from app.errors import RemoteFailed
from app.remote.client import RemoteClient, answered_by
from app.remote.retries import Retries

# Somebody waits for the answer, and sentences can take its place.
RETRIES = Retries(most=2, backoff_s=0.5, longest_s=20.0)
# A token is seldom longer. A service that knows no limit is cut off here.
BYTES_PER_TOKEN = 8


class OpenAIWriter:
    """Answers through one model of one service.

    context_tokens, answer_tokens  the most that a prompt and an answer may have; a prompt's are estimated
    """

    def __init__(self, client: RemoteClient, model: str, *, context_tokens: int, answer_tokens: int) -> None:
        self.model = model
        self._client = client
        self._context_tokens = context_tokens
        self._answer_tokens = answer_tokens
        # OpenAI's newer models refuse the one name, other services do not know the other.
        self._limit = "max_tokens"
        self._options: dict[str, Any] = {"stream_options": {"include_usage": True}}

    def fitting(self, question: str, sources: Sequence[Source]) -> list[Source]:
        return prompt.fitting(question, sources, self._context_tokens)

    async def write(self, question: str, sources: Sequence[Source]) -> AsyncGenerator[Text | Finish, None]:
        """Calls that fail before their first word are made again where that may help; all of it within the whole
        time-out. raises RemoteFailed
        """
        messages = prompt.messages(question, sources)
        deadline_s = self._client.deadline_s()
        made, began = 0, False
        while True:
            sent = {self._limit: self._answer_tokens} | self._options
            try:
                with self._client.observed("chat"):
                    async with aclosing(self._once(messages, sent, sources, deadline_s)) as parts:
                        async for part in parts:
                            began = True
                            yield part
                return
            except RemoteFailed as failure:
                if began:
                    raise
                if not self._without(failure.param, sent):
                    await RETRIES.pause(made, failure, deadline_s)
                    made += 1

    def _without(self, param: str, sent: Mapping[str, Any]) -> bool:
        """Whether a call that was refused for `param`, and was `sent` with it, can be made without it from now on.

        Another call may have been refused for it first, while this one was under way.
        """
        name = param.partition(".")[0]
        if name == "max_tokens":
            self._limit = "max_completion_tokens"
        self._options.pop(name, None)
        return name in sent and name != self._limit

    async def _once(
        self, messages: list[prompt.Message], sent: Mapping[str, Any], sources: Sequence[Source], deadline_s: float
    ) -> AsyncGenerator[Text | Finish, None]:
        """One call, with what is `sent` along. What counts in time is text, whatever else comes. raises RemoteFailed"""
        clock, limits = asyncio.get_running_loop().time, self._client.timeouts
        body = {"model": self.model, "messages": messages, "stream": True, **sent}
        citations = Citations([source.number for source in sources])
        pieces, size, reason, said, usage = 0, 0, "", False, None
        quiet_until_s = clock() + limits.first_s
        async with aclosing(self._client.events("chat", body)) as events:
            while True:
                try:
                    async with answered_by(min(quiet_until_s, deadline_s), "its next word" if pieces else "a word"):
                        event = await anext(events, None)
                    if event is None:
                        break
                    piece, ended = _read(event)
                except RemoteFailed:
                    if reason:  # the answer is whole, and only what it cost is not known
                        break
                    raise
                usage = event.get("usage") or usage
                reason = ended or reason
                if piece:
                    pieces, size = pieces + 1, size + len(piece.encode())
                    if text := citations.feed(piece):
                        said = said or not text.isspace()
                        yield Text(text)
                if piece or ended:  # once the caller has read it: a slow reader is not the service's fault
                    quiet_until_s = clock() + limits.between_s
                if not reason and (pieces > self._answer_tokens or size > self._answer_tokens * BYTES_PER_TOKEN):
                    reason = "length"
                    break
        if text := citations.end():
            said = said or not text.isspace()
            yield Text(text)
        tokens = self._client.used("chat", usage)
        if not said:
            raise RemoteFailed("declined" if reason == "content_filter" else "empty", "its answer has no word")
        yield Finish(reason or "stop", tuple(citations.cited), *tokens)


def _read(event: object) -> tuple[str, str]:
    """Text and the reason for the end, "" each where there is none. raises RemoteFailed"""
    if not isinstance(event, dict):
        raise RemoteFailed("malformed", "it sent an event that is no object")
    if event.get("error"):
        raise RemoteFailed("server_error", "it reported an error in the middle of its answer", passing=True)
    try:
        choices = event.get("choices") or [{}]
        delta = choices[0].get("delta") or {}
        piece, refusal, reason = delta.get("content") or "", delta.get("refusal"), choices[0].get("finish_reason") or ""
    except (AttributeError, KeyError, TypeError):
        raise RemoteFailed("malformed", "it sent an event of another shape") from None
    if not isinstance(piece, str) or not isinstance(reason, str):
        raise RemoteFailed("malformed", "it sent an event of another shape")
    if refusal:
        raise RemoteFailed("declined", "the model declined to answer")
    return piece, reason
