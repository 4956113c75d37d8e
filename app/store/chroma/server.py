"""The server: a client for it with a time limit on every request, and what goes wrong by its name."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from app.errors import DatabaseUnusable, NotReady
from app.store.chroma.address import Address
from app.store.chroma.failures import named
from app.store.chroma.timed import client

T = TypeVar("T")

# The versions 0 have other paths and another client.
KNOWN_VERSION = "1"
# By the server's clock: after so long no request of a write can be under way. DATABASE_TIMEOUT_S is an hour at most.
LEFT_AFTER_S = 7200.0
# What Chroma Cloud writes and returns at once: https://docs.trychroma.com/cloud/quotas-limits
CLOUD_RECORDS = 300


class Server:
    """One Chroma server, asked by up to `connections` threads at once.

    timeout_s   a request is given up when the server is silent for so long
    most        records that are written or read in one request; None: what the server says, or Chroma Cloud's quota
    raises      DatabaseAway; DatabaseUnusable, where it refuses the token, or is of another major version
    """

    def __init__(self, address: Address, *, connections: int, timeout_s: int, most: int | None = None) -> None:
        self.address = address
        self._closed = False
        # Passages' collections by their names, which are given once.
        self._opened: dict[str, Any] = {}
        with self.calling(opening=True):
            self.client = client(
                address.url,
                tenant=address.tenant,
                database=address.database,
                headers=address.headers,
                connections=connections,
                timeout_s=timeout_s,
            )
        try:
            with self.calling():
                self._refuse_other_versions(self.client.get_version())
                self.most = most or (CLOUD_RECORDS if address.cloud else int(self.client.get_max_batch_size()))
        except BaseException:
            self.close()
            raise

    @contextmanager
    def calling(self, opening: bool = False) -> Iterator[None]:
        """The client's errors come out by our names. raises NotReady, once it is closed"""
        if self._closed:
            raise NotReady("the store is closed")
        try:
            yield
        except Exception as error:
            found = named(error, self.address)
            if found is None and opening:
                reason = self.address.without_secrets(str(error))[:200]
                found = DatabaseUnusable(self.address.place, f"it does not answer as a Chroma server does: {reason}")
            if found is None:
                raise
            # What the client raised may hold the token: its own words end here.
            raise found from None

    def passages(self, name: str) -> Any:
        """A collection of passages in Chroma."""
        if name not in self._opened:
            self._opened[name] = self.client.get_collection(name, embedding_function=None)
        return self._opened[name]

    def forget(self, name: str) -> None:
        """Let go of a collection of passages that was deleted."""
        self._opened.pop(name, None)

    def parts(self, items: Sequence[T]) -> Iterator[list[T]]:
        """As many at once as one request may hold."""
        for start in range(0, len(items), self.most):
            yield list(items[start : start + self.most])

    def now_ns(self) -> int:
        """By the server's clock, which all replicas of the service share."""
        with self.calling():
            return int(self.client.heartbeat())

    def close(self) -> None:
        """Calling it twice is fine."""
        if not self._closed:
            self._closed = True
            self.client.close()

    def _refuse_other_versions(self, version: str) -> None:
        if version.partition(".")[0] != KNOWN_VERSION:
            reason = f"it is Chroma {version[:40]}, and a server of version {KNOWN_VERSION} is needed"
            raise DatabaseUnusable(self.address.place, reason)
