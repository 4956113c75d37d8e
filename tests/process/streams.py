"""Imports and exports by hand, so that they can be left hanging at any point."""

import json
import socket
from collections.abc import Iterable
from typing import Any

from tests.process.conftest import Process

TEXT = "x" * 10_000


def raw(process: Process, sent: bytes, *, receive_bytes: int | None = None) -> socket.socket:
    """A connection on which so much was sent."""
    connection = socket.socket()
    if receive_bytes is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.settimeout(60)
    connection.connect(("127.0.0.1", process.port))
    connection.sendall(sent)
    return connection


def kept(process: Process, name: str, documents: int) -> None:
    """A collection with so many documents of 10 kB, whose vectors are given and cost nothing."""
    process.put(f"/v1/collections/{name}", {"model": "given", "dimension": 2} if documents else {})
    for first in range(0, documents, 500):
        some = [{"id": f"d{i}", "text": TEXT, "vector": [1, i]} for i in range(first, min(first + 500, documents))]
        status, body = process.post(f"/v1/collections/{name}/documents", {"documents": some})
        assert status in (200, 201), body


def ndjson(numbers: Iterable[int]) -> bytes:
    return b"".join(b'{"id": "d%d", "text": "sentence number %d"}\n' % (number, number) for number in numbers)


def hung_export(process: Process, name: str) -> socket.socket:
    """An export that has begun, and of which nothing more is read."""
    request = f"GET /v1/collections/{name}/export HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    connection = raw(process, request, receive_bytes=4096)
    assert connection.recv(12) == b"HTTP/1.1 200"
    return connection


class ImportStream:
    """An import in chunks, as they are sent."""

    def __init__(self, process: Process, name: str) -> None:
        head = f"POST /v1/collections/{name}/import HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
        self.connection = raw(process, f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        self._seen = b""

    def __enter__(self) -> "ImportStream":
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def send(self, data: bytes) -> None:
        self.connection.sendall(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def finish(self) -> None:
        self.connection.sendall(b"0\r\n\r\n")

    def lines_until(self, kind: str, times: int = 1) -> list[dict[str, Any]]:
        """Every line of the answer until there are so many of this kind."""
        while self._seen.count(f'{{"{kind}"'.encode()) < times or not self._seen.endswith(b"\n"):
            part = self.connection.recv(65536)
            assert part, self._seen
            self._seen += part
        return [json.loads(line) for line in self._seen.splitlines() if line.startswith(b"{")]
