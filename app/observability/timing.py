"""Where one request's time went, and how much it asked for: filled in by whoever does the work, read at its end."""

import time
from collections.abc import Sized
from contextvars import ContextVar
from typing import Protocol


class Embedded(Protocol):
    """What is looked at of an embedder's result."""

    @property
    def vectors(self) -> Sized: ...
    @property
    def tokens(self) -> int: ...
    @property
    def waited_s(self) -> float: ...
    @property
    def took_s(self) -> float: ...


class Timing:
    """One request's sums so far. An import runs several batches side by side: its sums may pass its duration.

    texts, tokens                texts embedded, or found in the cache, and the tokens that the model reads of them
    queue_s, encode_s, store_s   seconds that texts waited, that the model took, and that calls to the store took
    stages                       (name, Unix time in s of its beginning, seconds), for traces; None where nobody traces
    """

    __slots__ = ("encode_s", "queue_s", "stages", "store_s", "texts", "tokens")

    def __init__(self, *, traced: bool = False) -> None:
        self.texts = self.tokens = 0
        self.queue_s = self.encode_s = self.store_s = 0.0
        self.stages: list[tuple[str, float, float]] | None = [] if traced else None


current: ContextVar[Timing | None] = ContextVar("timing", default=None)


def embedded(result: Embedded) -> None:
    """Texts were embedded for the request that runs here; the embedder's observer."""
    timing = current.get()
    if timing is None:
        return
    timing.texts += len(result.vectors)
    timing.tokens += result.tokens
    timing.queue_s += result.waited_s
    timing.encode_s += result.took_s
    if timing.stages is not None:
        now_s = time.time()
        timing.stages.append(("queue", now_s - result.took_s - result.waited_s, result.waited_s))
        timing.stages.append(("encode", now_s - result.took_s, result.took_s))


def stored(call: str, took_s: float) -> None:
    """The store did `call` for the request that runs here; the pipeline's observer."""
    timing = current.get()
    if timing is None:
        return
    timing.store_s += took_s
    if timing.stages is not None:
        timing.stages.append((f"store {call}", time.time() - took_s, took_s))
