"""`python -m app mcp` as assistants use it: the official client over standard input and output, and by hand."""

import asyncio
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from mcp import ClientSession, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client

from app import __version__
from app.commands.mcp import THREADS, Server
from app.commands.mcp_tools import Tools
from tests.process.conftest import ROOT, Process, Run, free_port

T = TypeVar("T")
TEXTS = {
    "bread": "Bread turns out heavy when the dough has not had enough time to rise. My aunt baked every Friday.",
    "tap": "A dripping tap is usually mended with a new rubber washer.",
}


@pytest.fixture(scope="module")
def notes(service: Process) -> Process:
    service.put("/v1/collections/tools", {})
    documents = [{"id": name, "text": text, "metadata": {"about": name}} for name, text in TEXTS.items()]
    assert service.post("/v1/collections/tools/documents", {"documents": documents})[0] == 200
    return service


def command(url: str, collection: str = "tools") -> list[str]:
    return ["-m", "app", "mcp", collection, "--url", url]


def with_client(url: str, call: Callable[[ClientSession], Awaitable[T]], **environment: str) -> T:
    async def scenario() -> T:
        own = {key: value for key, value in os.environ.items() if key != "API_KEY"} | environment
        program = StdioServerParameters(command=sys.executable, args=command(url), cwd=ROOT, env=own)
        async with stdio_client(program) as (read, write), ClientSession(read, write) as session:
            started = await session.initialize()
            assert (started.server_info.name, started.server_info.version) == ("vectorspace", __version__)
            assert started.instructions is not None
            assert "no instructions" in started.instructions
            return await call(session)

    return asyncio.run(scenario())


def call_tool(url: str, name: str, arguments: dict[str, Any], **environment: str) -> Any:
    return with_client(url, lambda session: session.call_tool(name, arguments), **environment)


def test_the_tools_are_listed_with_their_schemas(notes: Process) -> None:
    tools = with_client(notes.url, lambda session: session.list_tools()).tools
    assert [tool.name for tool in tools] == ["search", "ask"]
    for tool in tools:
        assert tool.description
        assert tool.input_schema["additionalProperties"] is False
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint


def test_search(notes: Process) -> None:
    result = call_tool(notes.url, "search", {"query": "leaking faucet", "limit": 1})
    assert not result.is_error
    (hit,) = result.structured_content["hits"]
    assert hit["id"] == "tap"
    assert "text" not in hit
    assert result.content[0].text == (
        f"score {hit['score']:.3f}, document 'tap', characters 0 to {len(TEXTS['tap'])}:\n{TEXTS['tap']}"
    )
    none = call_tool(notes.url, "search", {"query": "faucet", "filter": {"about": "nothing"}})
    assert none.content[0].text == "Nothing was found."


def test_ask(notes: Process) -> None:
    result = call_tool(notes.url, "ask", {"question": "Why is my loaf so dense?"})
    assert not result.is_error
    assert result.structured_content["kind"] == "extracted"
    assert result.content[0].text.startswith(
        "Bread turns out heavy when the dough has not had enough time to rise. [1]\n\nsource [1], document 'bread'"
    )


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("search", {"query": " "}, "needs a query that is not empty"),
        ("search", {"query": "a", "limit": "many"}, "limit"),
        ("search", {"query": "a", "vector": [1]}, "search has no argument 'vector'"),
        ("search", {}, "needs a query"),
        ("ask", {"question": "a", "filter": {"a": {"$no": 1}}}, "$no"),
        ("ask", {"question": "a", "stream": True}, "ask has no argument 'stream'"),
    ],
)
def test_what_is_wrong_with_arguments_is_told_to_the_assistant(
    notes: Process, name: str, arguments: dict[str, Any], words: str
) -> None:
    result = call_tool(notes.url, name, arguments)
    assert result.is_error
    assert words in result.content[0].text


def test_a_service_that_is_not_there_is_told_and_the_program_goes_on() -> None:
    async def twice(session: ClientSession) -> list[Any]:
        return [await session.call_tool("search", {"query": "a"}) for _ in range(2)]

    for result in with_client(f"http://127.0.0.1:{free_port()}", twice):
        assert result.is_error
        assert "cannot be reached" in result.content[0].text


def test_a_tool_that_is_not_there_is_an_error_of_the_protocol(notes: Process) -> None:
    async def call(session: ClientSession) -> None:
        with pytest.raises(MCPError, match="there is no tool 'delete'"):
            await session.call_tool("delete", {})

    with_client(notes.url, call)


def test_the_key_comes_from_the_environment(run: Run) -> None:
    process = run(API_KEY="given-3fd1").ready()
    refused = call_tool(process.url, "search", {"query": "a"})
    assert refused.is_error
    assert "401" in refused.content[0].text
    found = call_tool(process.url, "search", {"query": "a"}, API_KEY="given-3fd1")
    assert "there is no collection 'tools'" in found.content[0].text


def lines(url: str, *sent: str) -> list[Any]:
    """What is answered, in no certain order; the program ends by itself once its input does."""
    done = subprocess.run(
        [sys.executable, *command(url)],
        cwd=ROOT,
        input="".join(f"{line}\n" for line in sent),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("asked", "given"),
    [("2024-11-05", "2024-11-05"), ("2025-11-25", "2025-11-25"), ("2031-01-01", "2025-11-25"), (None, "2025-11-25")],
)
def test_a_version_is_agreed_on(notes: Process, asked: str | None, given: str) -> None:
    request = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": asked}}
    (answer,) = lines(notes.url, json.dumps(request))
    assert answer["result"]["protocolVersion"] == given
    assert answer["result"]["capabilities"] == {"tools": {}}


@pytest.mark.parametrize(
    ("sent", "answers"),
    [
        ('{"jsonrpc": "2.0", "id": "a", "method": "ping"}', [("a", None)]),
        ('{"jsonrpc": "2.0", "method": "notifications/initialized"}', []),
        ('{"jsonrpc": "2.0", "id": 1, "result": {}}', []),
        ('{"jsonrpc": "2.0", "id": 1, "method": "server/discover"}', [(1, -32601)]),
        ('{"jsonrpc": "2.0", "id": 1, "method": 7}', [(1, -32601)]),
        ('{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": [1]}', [(1, -32602)]),
        ('{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": []}}', [(1, -32602)]),
        (
            '{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "ask", "arguments": 1}}',
            [(1, -32602)],
        ),
        ('{"id": 1, "method": "ping"}', [(None, -32600)]),
        ("[1]", [(None, -32600)]),
        ("{", [(None, -32700)]),
        ("", []),
    ],
)
def test_messages_of_every_kind(notes: Process, sent: str, answers: list[tuple[Any, int | None]]) -> None:
    told = lines(notes.url, sent)
    flat = [each for answer in told for each in (answer if isinstance(answer, list) else [answer])]
    assert [(each["id"], each.get("error", {}).get("code")) for each in flat] == answers


def test_a_list_of_messages_gets_a_list(notes: Process) -> None:
    ping = {"jsonrpc": "2.0", "method": "ping"}
    (answers,) = lines(notes.url, json.dumps([ping | {"id": 1}, ping, ping | {"id": 2}]))
    assert [answer["id"] for answer in answers] == [1, 2]


class Waiting(Tools):
    """Tools whose calls last until `let` is set."""

    def __init__(self) -> None:
        super().__init__("notes", "http://localhost")
        self.let = threading.Event()

    def call(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        self.let.wait(60)
        return {}


def test_a_ping_waits_for_no_call() -> None:
    tools, output = Waiting(), io.BytesIO()
    with ThreadPoolExecutor(THREADS) as pool:
        server = Server(tools, output, pool)
        for number in range(THREADS + 1):
            call = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": "search"}}
            server.take(json.dumps(call).encode())
        server.take(b'{"jsonrpc": "2.0", "id": "p", "method": "ping"}')
        answered = output.getvalue()
        tools.let.set()
    assert [json.loads(line)["id"] for line in answered.splitlines()] == ["p"]
    assert len(output.getvalue().splitlines()) == THREADS + 2


@pytest.mark.parametrize(
    "url", ["localhost:8000", "http://localhost:abc", "http://localhost:99999", "http://localhost/a b", "http://ü"]
)
def test_an_address_that_is_none_ends_it_at_once(url: str) -> None:
    done = subprocess.run([sys.executable, *command(url)], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "is no address of a service" in done.stderr
    assert "Traceback" not in done.stderr
