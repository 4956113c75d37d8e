"""What is told to the sockets of a port, and to no other, and that nothing is left open by it."""

import os
import socket
from collections.abc import Iterator

import pytest

from app.unread import limit_unread


@pytest.fixture(params=[("127.0.0.1", socket.AF_INET), ("::", socket.AF_INET6)])
def listening(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    host, family = request.param
    with socket.create_server((host, 0), family=family) as made:
        yield made


def told_ms(found: socket.socket) -> int:
    return found.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)


def test_it_is_told_to_who_listens_and_to_connections_from_then_on(listening: socket.socket) -> None:
    port = listening.getsockname()[1]
    with socket.create_server(("127.0.0.1", 0)) as another:
        assert limit_unread(port, 75)
        assert (told_ms(listening), told_ms(another)) == (75_000, 0)
    with socket.create_connection(("::1" if listening.family == socket.AF_INET6 else "127.0.0.1", port)):
        accepted, _ = listening.accept()
        with accepted:
            assert told_ms(accepted) == 75_000


def test_where_nobody_listens_it_says_so_and_leaves_nothing_open(listening: socket.socket) -> None:
    port = listening.getsockname()[1]
    listening.close()
    before = len(os.listdir("/proc/self/fd"))
    assert not limit_unread(port, 75)
    assert len(os.listdir("/proc/self/fd")) == before
