"""The writer against a real server on loopback that speaks the protocol, and breaks it in every way."""

import asyncio
import socket
import threading
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest

from app.answer import openai
from app.answer.answer import Finish, Source, Text
from app.answer.openai import OpenAIWriter
from app.errors import RemoteFailed
from app.remote.client import RemoteClient, Timeouts
from app.remote.retries import Retries
from tests.remote.seen import Seen
from tests.remote.service import (
    DONE,
    KEY,
    Call,
    Reply,
    Service,
    broken,
    delta,
    error,
    event,
    refusing,
    saying,
    silent,
    streaming,
    trickling,
    usage,
    waiting,
)

SOURCES = [Source(1, "bread", 0, 10, "Dough rises.", 1.0), Source(2, "tap", 0, 10, "Taps drip.", 0.5)]
PATIENT = Timeouts(connect_s=10, first_s=60, between_s=60, whole_s=60)


@dataclass
class Told:
    """What the writer gave: texts as they came, how it ended, or how it failed."""

    texts: list[str] = field(default_factory=list)
    finish: Finish | None = None
    failure: RemoteFailed | None = None
    seen: Seen = field(default_factory=Seen)

    @property
    def text(self) -> str:
        return "".join(self.texts)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai, "RETRIES", Retries(2, 0.001, 20))


async def told(url: str, timeouts: Timeouts, answer_tokens: int, sources: Sequence[Source]) -> Told:
    found = Told()
    client = RemoteClient(url, KEY, timeouts=timeouts, max_connections=4, observer=found.seen)
    writer = OpenAIWriter(client, "some-model", context_tokens=4000, answer_tokens=answer_tokens)
    try:
        async with aclosing(writer.write("Why?", sources)) as parts:
            async for part in parts:
                if isinstance(part, Text):
                    found.texts.append(part.text)
                else:
                    found.finish = part
    except RemoteFailed as failure:
        found.failure = failure
    finally:
        await client.close()
    return found


def write(
    url: str,
    *,
    timeouts: Timeouts = PATIENT,
    answer_tokens: int = 500,
    sources: Sequence[Source] = SOURCES,
) -> Told:
    found = asyncio.run(told(url, timeouts, answer_tokens, sources))
    if found.failure is not None:
        assert KEY not in str(found.failure) + found.failure.reason
    return found


def test_an_answer_comes_in_pieces_with_what_it_cited_and_cost() -> None:
    with Service(saying("Dough ", "rises [1]", ", taps drip [2].", cost=(120, 9))) as service:
        found = write(service.url)
    assert found.text == "Dough rises [1], taps drip [2]."
    assert len(found.texts) >= 3
    assert found.finish == Finish("stop", (1, 2), 120, 9)
    assert found.seen.calls == ["chat ok"]
    assert found.seen.tokens == [(120, 9)]


def test_what_is_asked() -> None:
    with Service(saying("Yes.")) as service:
        write(service.url, answer_tokens=77)
        (call,) = service.calls
    assert call.path == "/v1/chat/completions"
    assert call.headers["Authorization"] == f"Bearer {KEY}"
    assert call.body["model"] == "some-model"
    assert call.body["stream"] is True
    assert call.body["stream_options"] == {"include_usage": True}
    assert call.body["max_tokens"] == 77
    system, user = call.body["messages"]
    assert (system["role"], user["role"]) == ("system", "user")
    assert "Dough rises." in user["content"]
    assert "bread" not in user["content"]


@pytest.mark.parametrize(
    ("pieces", "text", "cited"),
    [
        (["It rises [9]."], "It rises.", ()),
        (["It rises [9] [1]."], "It rises [1].", (1,)),
        (["It rises [1", "][2", "]."], "It rises [1][2].", (1, 2)),
        (["It rises ", "[", "9", "]", "."], "It rises.", ()),
        (["It rises [2, 9, 1]."], "It rises [2][1].", (2, 1)),
        (["It rises [1]. It drips [2] and rises [1]."], "It rises [1]. It drips [2] and rises [1].", (1, 2)),
    ],
)
def test_citations_are_of_sources_that_were_given(pieces: list[str], text: str, cited: tuple[int, ...]) -> None:
    with Service(saying(*pieces)) as service:
        found = write(service.url)
    assert found.text == text
    assert found.finish is not None
    assert found.finish.cited == cited


@pytest.mark.parametrize(
    ("reply", "finish"),
    [
        (saying("Yes.", cost=None), Finish("stop")),
        (saying("Yes.", finish="length"), Finish("length", (), 100, 20)),
        (saying("Yes.", finish="content_filter"), Finish("content_filter", (), 100, 20)),
        (streaming(delta("Yes."), DONE), Finish("stop")),
        (streaming(event({"error": None, "choices": [{"delta": {"content": "Yes."}}]}), DONE), Finish("stop")),
        (streaming(delta("Yes."), delta(finish="stop")), Finish("stop")),
        (streaming(delta("Yes."), delta(finish="stop"), then=broken), Finish("stop")),
        (
            streaming(b": hello\r\n\r\n", delta("Yes.").replace(b"\n", b"\r\n"), delta(finish="stop"), DONE),
            Finish("stop"),
        ),
        (streaming(delta(None, tool_calls=[{}]), event({"choices": []}), delta("Yes."), DONE), Finish("stop")),
        (streaming(delta("Yes.")[:9], delta("Yes.")[9:], usage(7, 1), DONE), Finish("stop", (), 7, 1)),
        (streaming(delta("Yes."), event({"choices": [], "usage": {"prompt_tokens": "7"}}), DONE), Finish("stop")),
    ],
    ids=[
        "no usage",
        "cut by the service",
        "filtered",
        "no reason for the end",
        "an error that is none",
        "no [DONE]",
        "broken off after its end",
        "comments and CRLF",
        "deltas without text",
        "events cut in two",
        "usage of another type",
    ],
)
def test_answers_that_are_good_enough(reply: Reply, finish: Finish) -> None:
    with Service(reply) as service:
        found = write(service.url)
        assert len(service.calls) == 1
    assert found.failure is None
    assert found.text == "Yes."
    assert found.finish == finish


def test_an_answer_with_no_end_is_cut_at_its_budget() -> None:
    with Service(streaming(*[delta("word ")] * 5, then=trickling(delta("word ")))) as service:
        found = write(service.url, answer_tokens=50)
    assert found.finish is not None
    assert found.finish.reason == "length"
    assert found.text.split() == ["word"] * 51


FAILURES: list[tuple[str, Reply, str, int]] = [
    ("401", refusing(401, error(message=f"Incorrect API key provided: {KEY}")), "unauthorized", 1),
    ("403", refusing(403, b"no"), "unauthorized", 1),
    ("404", refusing(404, error("model_not_found", "no such model")), "refused", 1),
    ("redirect", refusing(307, b"", Location="http://127.0.0.1:9/"), "refused", 1),
    ("429", refusing(429, error("rate_limit_exceeded")), "rate_limited", 3),
    ("429 unpaid", refusing(429, error("insufficient_quota")), "rate_limited", 1),
    ("429 for an hour", refusing(429, error(), Retry_After="3600"), "rate_limited", 1),
    ("500", refusing(500, b"<html>oh no</html>"), "server_error", 3),
    ("503", refusing(503, error()), "server_error", 3),
    ("closed without a head", broken, "cut_off", 3),
    ("broken off before a word", streaming(delta("", role="assistant"), then=broken), "cut_off", 3),
    ("ended before a word", streaming(delta("", role="assistant")), "cut_off", 3),
    ("no JSON", streaming(event("{oops")), "malformed", 1),
    ("no object", streaming(event([1])), "malformed", 1),
    ("another shape", streaming(event({"choices": [{"delta": 3}]})), "malformed", 1),
    ("content that is no text", streaming(delta(["a"])), "malformed", 1),
    ("no UTF-8", streaming(b"data: \xff\n\n"), "malformed", 1),
    ("another content type", streaming(b"<html>", content_type="text/html"), "malformed", 1),
    ("an event with no end", streaming(b"data: " + b"x" * 1_000_001), "malformed", 1),
    ("an error in the stream", streaming(event(error("server_error"))), "server_error", 3),
    ("no word", saying("", " "), "empty", 1),
    ("nothing but a foreign citation", saying("[9]"), "empty", 1),
    ("a tool call", streaming(delta(tool_calls=[{"id": "a"}]), delta(finish="tool_calls"), DONE), "empty", 1),
    ("a refusal", streaming(delta(refusal="I can't."), delta(finish="stop"), DONE), "declined", 1),
    ("all filtered", streaming(delta(finish="content_filter"), DONE), "declined", 1),
]


@pytest.mark.parametrize(("reply", "kind", "calls"), [row[1:] for row in FAILURES], ids=[row[0] for row in FAILURES])
def test_failures_are_named_and_the_passing_ones_tried_again(reply: Reply, kind: str, calls: int) -> None:
    with Service(reply) as service:
        found = write(service.url)
        assert len(service.calls) == calls
    assert found.failure is not None
    assert found.failure.kind == kind
    assert found.text.strip() == ""
    assert found.seen.calls == [f"chat {kind}"] * calls


def test_a_call_that_works_the_second_time() -> None:
    with Service(refusing(429, error(), Retry_After="0"), saying("Yes.")) as service:
        found = write(service.url)
    assert found.text == "Yes."
    assert found.seen.calls == ["chat rate_limited", "chat ok"]


@pytest.mark.parametrize("break_off", [broken, lambda call: call.chunk(b"")], ids=["cut", "ended"])
def test_what_was_said_before_a_break_stays_and_is_not_said_again(break_off: Reply) -> None:
    with Service(streaming(delta("Dough "), delta("rises [1"), then=break_off)) as service:
        found = write(service.url)
        assert len(service.calls) == 1
    assert found.text == "Dough rises"
    assert found.failure is not None
    assert found.failure.kind == "cut_off"


def test_nobody_listens() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    found = write(f"http://127.0.0.1:{port}/v1")
    assert found.failure is not None
    assert found.failure.kind == "unreachable"
    assert found.seen.calls == ["chat unreachable"] * 3


SHORT = 0.15


@pytest.mark.parametrize(
    ("reply", "timeouts", "words"),
    [
        (silent, Timeouts(10, SHORT, 60, 60), "a word"),
        (streaming(then=trickling(b": still here\n\n")), Timeouts(10, SHORT, 60, 60), "a word"),
        (streaming(then=trickling(delta(reasoning="hm"))), Timeouts(10, SHORT, 60, 60), "a word"),
        (streaming(delta("Yes"), then=waiting), Timeouts(10, 60, SHORT, 60), "its next word"),
        (streaming(delta("Yes"), then=trickling(b": still here\n\n")), Timeouts(10, 60, SHORT, 60), "its next word"),
        (streaming(delta("Yes"), then=trickling(b"d")), Timeouts(10, 60, SHORT, 60), "its next word"),
        (streaming(then=trickling(delta("Yes "))), Timeouts(10, 60, 60, SHORT), "its next word"),
    ],
    ids=["silent", "comments", "thoughts", "stops", "stops with comments", "a byte at a time", "goes on and on"],
)
def test_each_time_out(reply: Reply, timeouts: Timeouts, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai, "RETRIES", Retries(0, 0.001, 20))
    with Service(reply) as service:
        found = write(service.url, timeouts=timeouts, answer_tokens=100_000)
    assert found.failure is not None
    assert found.failure.kind == "timed_out"
    assert words in found.failure.reason


def test_silence_after_the_end_is_no_failure() -> None:
    with Service(streaming(delta("Yes."), delta(finish="stop"), then=waiting)) as service:
        found = write(service.url, timeouts=Timeouts(10, 60, SHORT, 60))
    assert found.failure is None
    assert found.finish == Finish("stop")


def test_a_caller_that_reads_slowly_is_not_the_fault_of_the_service() -> None:
    async def read_slowly(url: str) -> list[Text | Finish]:
        timeouts = Timeouts(10, 60, SHORT, 60)
        client = RemoteClient(url, KEY, timeouts=timeouts, max_connections=4, observer=Seen())
        writer = OpenAIWriter(client, "some-model", context_tokens=4000, answer_tokens=500)
        told = []
        async with aclosing(writer.write("Why?", SOURCES)) as parts:
            async for part in parts:
                told.append(part)
                await asyncio.sleep(2 * SHORT)
        await client.close()
        return told

    with Service(saying("Yes", " it", " is.")) as service:
        assert asyncio.run(read_slowly(service.url))[-1] == Finish("stop", (), 100, 20)


def test_a_caller_that_leaves_takes_the_call_along() -> None:
    async def leave(url: str) -> Seen:
        seen = Seen()
        client = RemoteClient(url, KEY, timeouts=PATIENT, max_connections=4, observer=seen)
        writer = OpenAIWriter(client, "some-model", context_tokens=4000, answer_tokens=500)
        async with aclosing(writer.write("Why?", SOURCES)) as parts:
            assert await anext(parts) == Text("Yes")
        await client.close()
        return seen

    with Service(streaming(delta("Yes"), then=waiting)) as service:
        seen = asyncio.run(leave(service.url))
        assert service.calls[0].gone.wait(30)
    assert seen.calls == ["chat left"]


def test_parameters_that_a_service_does_not_know_are_left_out_from_then_on() -> None:
    with Service(
        refusing(400, error("unsupported_parameter", param="max_tokens")),
        refusing(400, error("unknown_parameter", param="stream_options.include_usage")),
        saying("Yes.", cost=None),
    ) as service:
        found = write(service.url, answer_tokens=33)
        bodies = [call.body for call in service.calls]
    assert found.text == "Yes."
    assert [set(body) & {"max_tokens", "max_completion_tokens", "stream_options"} for body in bodies] == [
        {"max_tokens", "stream_options"},
        {"max_completion_tokens", "stream_options"},
        {"max_completion_tokens"},
    ]
    assert bodies[-1]["max_completion_tokens"] == 33
    with Service(refusing(400, error(param="max_completion_tokens"))) as service:
        found = write(service.url)
        assert len(service.calls) == 1
    assert found.failure is not None
    assert found.failure.kind == "refused"


def test_calls_that_are_refused_at_the_same_time_all_go_on_without_the_parameter() -> None:
    together = threading.Barrier(3)

    def strict(call: Call) -> None:
        for name in ("max_tokens", "stream_options"):
            if name in call.body:
                together.wait(10)  # no call is refused before all are sent
                refusing(400, error("unsupported_parameter", param=name))(call)
                return
        saying("Yes.")(call)

    async def ask_all(url: str) -> list[list[Text | Finish]]:
        client = RemoteClient(url, KEY, timeouts=PATIENT, max_connections=4, observer=Seen())
        writer = OpenAIWriter(client, "some-model", context_tokens=4000, answer_tokens=500)

        async def one() -> list[Text | Finish]:
            async with aclosing(writer.write("Why?", SOURCES)) as parts:
                return [part async for part in parts]

        told = await asyncio.gather(*[one() for _ in range(3)], return_exceptions=True)
        await client.close()
        for each in told:
            assert not isinstance(each, BaseException), each
        return told  # type: ignore[return-value]

    with Service(strict) as service:
        assert asyncio.run(ask_all(service.url)) == [[Text("Yes."), Finish("stop", (), 100, 20)]] * 3
        assert len(service.calls) == 9
