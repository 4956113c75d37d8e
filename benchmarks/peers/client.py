"""The load: clients on keep-alive connections, in one thread and a process of its own, so cheap that it hardly counts.

    python -m benchmarks.peers.client < JOB

JOB is JSON (`Job`); the answer is JSON on standard output (`Load`). Every request's bytes are there before the clock
starts. Of a response, the client reads the status and the length, and counts bytes: parsing vectors would take from
the server the processors that both share.
"""

import json
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
RECEIVE_BYTES = 1 << 18
TIMEOUT_S = 300


@dataclass(frozen=True)
class Job:
    """What to send.

    bodies    JSON bodies, each sent once, in order
    clients   requests under way at once
    least     requests to send at the least; after those, the clients stop once `least_s` seconds are over
    """

    port: int
    path: str
    bodies: Sequence[str]
    clients: int
    least: int
    least_s: float


@dataclass(frozen=True)
class Load:
    """What came of it.

    requests   that were answered
    taken_ms   of each, from its first byte sent to its last byte received, in the order of their ends
    elapsed_s  from the first request to the end of the last response
    cpu_s      of this client
    """

    requests: int
    taken_ms: list[float]
    elapsed_s: float
    cpu_s: float


class BadResponse(Exception):
    """A response that is not a 200 with a length. Its text is what the server said."""


def run(job: Job) -> Load:
    """Send `job` from a process of its own. raises BadResponse"""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.peers.client"],
        input=json.dumps(asdict(job)),
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        timeout=2 * TIMEOUT_S,
    )
    if done.returncode:
        raise BadResponse((done.stderr.strip().splitlines() or ["the client said nothing"])[-1])
    return Load(**json.loads(done.stdout))


class Connection:
    """One client: sends a request, collects its response, and says when that is whole."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray(RECEIVE_BYTES)
        self._head = b""
        self._missing = -1  # bytes of the response's body; -1 until its head is whole
        self.sent_at_s = 0.0

    def send(self, request: bytes) -> None:
        self._head, self._missing = b"", -1
        self.sent_at_s = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Read what has come; True once the response is whole. raises BadResponse"""
        count = self.socket.recv_into(self._buffer)
        if not count:
            raise BadResponse(f"the server hung up: {self._head[:200]!r}")
        if self._missing >= 0:
            self._missing -= count
            return self._missing == 0
        self._head += self._buffer[:count]
        head, end, body = self._head.partition(b"\r\n\r\n")
        if not end:
            return False
        if not head.startswith(b"HTTP/1.1 200 "):
            raise BadResponse((head.splitlines()[0] + b": " + body[:300]).decode(errors="replace"))
        self._missing = content_length(head) - len(body)
        return self._missing == 0


def content_length(head: bytes) -> int:
    """raises  BadResponse, where a response does not say how long it is"""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    raise BadResponse(f"no content-length: {head[:300]!r}")


def request_bytes(path: str, body: str) -> bytes:
    data = body.encode()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(data)}"
    return head.encode() + b"\r\n\r\n" + data


def send(job: Job) -> Load:
    """Send `job` from here. raises BadResponse; TimeoutError, when nothing comes for TIMEOUT_S seconds"""
    requests = [request_bytes(job.path, body) for body in job.bodies]
    taken_ms: list[float] = []
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        connections = [Connection(job.port) for _ in range(min(job.clients, len(requests)))]
        for connection in connections:
            stack.callback(connection.socket.close)
        cpu_s, started_s = time.process_time(), time.perf_counter()
        for number, connection in enumerate(connections):
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send(requests[number])
        sent = len(connections)
        while len(taken_ms) < sent:
            ready = selector.select(TIMEOUT_S)
            if not ready:
                raise TimeoutError(f"no response within {TIMEOUT_S} s")
            for key, _ in ready:
                connection = key.data
                if not connection.receive():
                    continue
                now_s = time.perf_counter()
                taken_ms.append(1000 * (now_s - connection.sent_at_s))
                if sent < len(requests) and (sent < job.least or now_s - started_s < job.least_s):
                    connection.send(requests[sent])
                    sent += 1
                else:  # idle from now on, and the server may end it while others still wait
                    selector.unregister(connection.socket)
        elapsed_s, cpu_s = time.perf_counter() - started_s, time.process_time() - cpu_s
    return Load(len(taken_ms), taken_ms, elapsed_s, cpu_s)


if __name__ == "__main__":
    print(json.dumps(asdict(send(Job(**json.load(sys.stdin))))))
