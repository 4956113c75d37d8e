"""An OpenAI-compatible service on loopback that answers each call as its script says: well, badly, slowly, by halves.

A real server on a real socket. It is no model: what it says is what a test put into the script.
"""

import hashlib
import json
import socket
import threading
from base64 import b64encode
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

KEY = "sk-test-4f1b77aa09"


@dataclass
class Call:
    """One call as it came, and the connection to answer it on. gone: set once the caller has hung up."""

    path: str
    headers: dict[str, str]
    body: Any
    handler: BaseHTTPRequestHandler
    service: "Service"
    gone: threading.Event = field(default_factory=threading.Event)

    def head(self, status: int, headers: dict[str, str]) -> None:
        self.handler.send_response(status)
        for name, value in headers.items():
            self.handler.send_header(name, value)
        self.handler.end_headers()

    def send(self, raw: bytes) -> None:
        self.handler.wfile.write(raw)
        self.handler.wfile.flush()

    def chunk(self, raw: bytes) -> None:
        """A part of a body in chunks; b"" ends it."""
        self.send(f"{len(raw):x}\r\n".encode() + raw + b"\r\n")

    def wait_until_gone(self) -> None:
        """Until the caller hangs up, or the test is over."""
        self.handler.connection.settimeout(0.05)
        while not self.service.closing.is_set():
            try:
                if not self.handler.connection.recv(1):
                    self.gone.set()
                    return
            except TimeoutError:
                continue
            except OSError:
                self.gone.set()
                return


Reply = Callable[[Call], None]


class Service:
    """Gives the calls one reply of the script each, and the last one to all that follow. calls: those that came."""

    def __init__(self, *script: Reply) -> None:
        self.script: Sequence[Reply] = script
        self.calls: list[Call] = []
        self.closing = threading.Event()
        self._connections: list[socket.socket] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                service._connections.append(self.connection)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                call = Call(self.path, dict(self.headers), json.loads(body), self, service)
                service.calls.append(call)
                service.script[min(len(service.calls), len(service.script)) - 1](call)

            def log_message(self, format: str, *args: object) -> None:
                """Nothing."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: object, client_address: object) -> None:
                """A caller that hangs up while it is answered is what some tests want."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def __enter__(self) -> "Service":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        for connection in self._connections:  # those that callers keep for a next call
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()


def event(data: object) -> bytes:
    text = data if isinstance(data, str) else json.dumps(data)
    return f"data: {text}\n\n".encode()


def delta(content: object = None, finish: str | None = None, **more: object) -> bytes:
    """A chunk of a chat completion."""
    fields = ({} if content is None else {"content": content}) | more
    return event(
        {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}
    )


def usage(prompt: int, completion: int) -> bytes:
    return event({"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": completion}})


DONE = event("[DONE]")


def streaming(*parts: bytes, then: Reply | None = None, content_type: str = "text/event-stream") -> Reply:
    """Each part as a chunk of its own; `then` in place of the end of the body."""

    def reply(call: Call) -> None:
        call.head(200, {"Content-Type": content_type, "Transfer-Encoding": "chunked"})
        for part in parts:
            call.chunk(part)
        if then is None:
            call.chunk(b"")
        else:
            call.handler.close_connection = True
            then(call)

    return reply


def saying(*pieces: str, finish: str = "stop", cost: tuple[int, int] | None = (100, 20)) -> Reply:
    """An answer as it should be."""
    told = () if cost is None else (usage(*cost),)
    return streaming(delta("", role="assistant"), *map(delta, pieces), delta(finish=finish), *told, DONE)


def refusing(status: int, body: object = None, **headers: str) -> Reply:
    def reply(call: Call) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        call.head(status, {"Content-Type": "application/json", "Content-Length": str(len(raw)), **names})
        call.send(raw)

    return reply


def vectors(dimension: int = 8, *, packed: bool = True, shortens: bool = True, cost: bool = True) -> Reply:
    """Vectors that depend on the text alone, not of length 1, in an order of their own; shorter where asked for."""

    def reply(call: Call) -> None:
        length = call.body.get("dimensions", dimension) if shortens else dimension
        rows = [unit(text, length) * np.float32(3) for text in call.body["input"]]
        data = [
            {
                "object": "embedding",
                "index": index,
                "embedding": b64encode(row.astype("<f4").tobytes()).decode() if packed else row.tolist(),
            }
            for index, row in enumerate(rows)
        ]
        answer: dict[str, object] = {"object": "list", "data": data[::-1], "model": call.body["model"]}
        if cost:
            tokens = sum(len(text.split()) for text in call.body["input"])
            answer["usage"] = {"prompt_tokens": tokens, "total_tokens": tokens}
        refusing(200, answer)(call)

    return reply


def unit(text: str, dimension: int) -> npt.NDArray[np.float32]:
    """(dimension,) float32 of length 1."""
    digest = hashlib.shake_128(text.encode()).digest(dimension)
    vector = np.frombuffer(digest, np.uint8).astype(np.float32) - np.float32(127.5)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def error(code: str = "", message: str = "", param: str | None = None) -> dict[str, object]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}


def silent(call: Call) -> None:
    """No head at all."""
    call.handler.close_connection = True
    call.wait_until_gone()


def broken(call: Call) -> None:
    """Closes the connection where a head, or the rest of a body, should be."""
    call.handler.close_connection = True


def waiting(call: Call) -> None:
    """Sends nothing more."""
    call.wait_until_gone()


def trickling(raw: bytes) -> Reply:
    """The same bytes again and again, until the caller has enough of it."""

    def reply(call: Call) -> None:
        while not call.service.closing.wait(0.02):
            call.chunk(raw)

    return reply
