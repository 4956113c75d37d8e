"""The load generator against a server of this process, which answers whole, in pieces, or not as it should."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from benchmarks.peers.client import BadResponse, Job, content_length, request_bytes, send

LONG = b"x" * 100_000
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n" + LONG


class Listener:
    """Answers each request on each connection with the same pieces; keeps the bodies that it was sent."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.bodies: list[bytes] = []
        self._pieces = pieces
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:  # closed
                return
            self._threads.append(threading.Thread(target=self._answer, args=(connection,)))
            self._threads[-1].start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            while lines.readline():
                length = 0
                while (line := lines.readline()) != b"\r\n":
                    if line.lower().startswith(b"content-length"):
                        length = int(line.split(b":")[1])
                self.bodies.append(lines.read(length))
                try:
                    for piece in self._pieces:
                        connection.sendall(piece)
                except OSError:  # the client had enough
                    return

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in self._threads:
            thread.join(10)


@pytest.fixture
def listen() -> Iterator[Callable[..., Listener]]:
    started: list[Listener] = []

    def listen(*pieces: bytes) -> Listener:
        started.append(Listener(list(pieces)))
        return started[-1]

    yield listen
    for each in started:
        each.close()


def job(port: int, count: int, clients: int, least: int, least_s: float = 0.0) -> Job:
    return Job(port, "/embed", [f'{{"n": {number}}}' for number in range(count)], clients, least, least_s)


@pytest.mark.parametrize("pieces", [[OK], [OK[:10], OK[10:60], OK[60:]], [OK[:-1], OK[-1:]]])
def test_every_request_is_sent_once_and_answered(listen: Callable[..., Listener], pieces: list[bytes]) -> None:
    server = listen(*pieces)
    load = send(job(server.port, count=20, clients=3, least=20))
    assert load.requests == len(load.taken_ms) == 20
    assert sorted(server.bodies) == sorted(f'{{"n": {number}}}'.encode() for number in range(20))
    assert load.elapsed_s > 0


def test_after_the_least_and_the_time_no_more_is_sent(listen: Callable[..., Listener]) -> None:
    server = listen(OK)
    assert send(job(server.port, count=20, clients=2, least=5)).requests == 5


def test_until_the_time_is_over_more_is_sent(listen: Callable[..., Listener]) -> None:
    server = listen(OK)
    assert send(job(server.port, count=20, clients=2, least=5, least_s=60)).requests == 20


@contextmanager
def served(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """The port of a socket that `serve` is given, on a thread of its own, to accept from."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        yield listening.getsockname()[1]
        thread.join(10)


def test_a_server_may_end_what_is_idle_while_others_wait() -> None:
    def serve(listening: socket.socket) -> None:
        with listening.accept()[0] as first, listening.accept()[0] as second:
            for connection in (first, second):
                connection.recv(1000)
            first.sendall(OK)
            first.shutdown(socket.SHUT_RDWR)
            time.sleep(0.3)  # for the client to see that end before the other's answer
            second.sendall(OK)

    with served(serve) as port:
        assert send(job(port, count=2, clients=2, least=2)).requests == 2


def test_an_end_before_the_whole_answer_ends_the_load() -> None:
    def serve(listening: socket.socket) -> None:
        with listening.accept()[0] as connection:
            connection.recv(1000)
            connection.sendall(OK[:-1])

    with served(serve) as port, pytest.raises(BadResponse, match="the server hung up"):
        send(job(port, count=1, clients=1, least=1))


def test_another_status_ends_the_load_with_what_was_said(listen: Callable[..., Listener]) -> None:
    server = listen(b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 4\r\n\r\nfull")
    with pytest.raises(BadResponse, match="429 Too Many Requests: full"):
        send(job(server.port, count=1, clients=1, least=1))


def test_a_response_must_say_its_length() -> None:
    assert content_length(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nx: y") == 12
    with pytest.raises(BadResponse, match="no content-length"):
        content_length(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked")


def test_the_length_of_a_request_is_in_bytes() -> None:
    head, _, body = request_bytes("/embed", '"é"').partition(b"\r\n\r\n")
    assert head.endswith(b"Content-Length: 4")
    assert body == '"é"'.encode()
