"""A proxy before a real Chroma server: it wants a token, and breaks connections where a test tells it to."""

import http.client
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WRITES = ("/add", "/upsert", "/delete")


class Gate:
    """Forwards to `port` of this machine.

    token     requests without it are refused, as a proxy does that knows the users
    break_at  by the number of the write, from 0: whether the connection ends before the server has it, or after
    """

    def __init__(self, port: int, *, token: str | None = None) -> None:
        self._target = port
        self._token = token
        self._lock = threading.Lock()
        self.writes = 0
        self.seen: list[dict[str, str]] = []
        self.break_at: Callable[[int], str | None] = lambda _: None
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _forward(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                gate.forward(self, body)

            do_GET = do_POST = do_PUT = do_DELETE = _forward  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def forward(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        self.seen.append(dict(handler.headers.items()))
        if self._token is not None and handler.headers.get("Authorization") != f"Bearer {self._token}":
            self._answer(handler, 401, b"no such token: " + handler.headers.get("Authorization", "").encode())
            return
        how = None
        if handler.path.endswith(WRITES):
            with self._lock:
                how = self.break_at(self.writes)
                self.writes += 1
        if how == "before":
            handler.close_connection = True
            return
        connection = http.client.HTTPConnection("127.0.0.1", self._target, timeout=60)
        try:
            headers = {"Content-Type": "application/json"}
            connection.request(handler.command, handler.path, body or None, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if how == "after":
            handler.close_connection = True
            return
        self._answer(handler, answer.status, content)

    def _answer(self, handler: BaseHTTPRequestHandler, status: int, content: bytes) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
