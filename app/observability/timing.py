"""Where one request's time went, and how much it asked for: filled in by whoever does the work, read at its end."""

import time
from collections.abc import Mapping, Sized
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol

# An import of a million documents has some thousand calls: a trace of it shows how it begins.
MAX_STAGES = 500


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


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of a request: when it began (seconds since 1970), how long it took, and what it consists of itself.

    remote: another service did it
    """

    name: str
    began_unix_s: float
    took_s: float
    attributes: Mapping[str, int] = field(default_factory=dict)
    parts: tuple["Stage", ...] = ()
    remote: bool = False


class Timing:
    """One request's sums so far. An import runs several batches side by side: its sums may pass its duration.

    texts, tokens               texts embedded, or found in the cache, and the tokens that the model reads of them
    queue_s, encode_s, store_s  seconds that texts waited, that the model took, and that calls to the store took
    remote_s                    seconds in calls to an OpenAI-compatible service
    map_s                       seconds that drawing a map took, waiting for its turn included
    cut_short                   why an answer that had begun ended before its end, in a word; "" where it did not
    stages                      the first MAX_STAGES, in the order of their ends; None where nobody traces
    """

    __slots__ = ("cut_short", "encode_s", "map_s", "queue_s", "remote_s", "stages", "store_s", "texts", "tokens")

    def __init__(self, *, traced: bool = False) -> None:
        self.texts = self.tokens = 0
        self.queue_s = self.encode_s = self.store_s = self.remote_s = self.map_s = 0.0
        self.cut_short = ""
        self.stages: list[Stage] | None = [] if traced else None


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
    if timing.stages is not None and len(timing.stages) < MAX_STAGES:
        encoded_s = time.time() - result.took_s
        queued_s = encoded_s - result.waited_s
        parts = (Stage("queue", queued_s, result.waited_s), Stage("encode", encoded_s, result.took_s))
        sizes = {"vectorspace.texts": len(result.vectors), "vectorspace.tokens": result.tokens}
        timing.stages.append(Stage("embed", queued_s, result.waited_s + result.took_s, sizes, parts))


def stored(call: str, took_s: float) -> None:
    """The store did `call` for the request that runs here; the pipeline's observer."""
    timing = current.get()
    if timing is None:
        return
    timing.store_s += took_s
    _stage(timing, f"store {call}", took_s)


def called(endpoint: str, took_s: float) -> None:
    """An OpenAI-compatible service was called for the request that runs here; its client's observer."""
    timing = current.get()
    if timing is None:
        return
    timing.remote_s += took_s
    _stage(timing, f"remote {endpoint}", took_s, remote=True)


def drawn(took_s: float) -> None:
    """A map was drawn for the request that runs here; the pipeline's observer."""
    timing = current.get()
    if timing is None:
        return
    timing.map_s += took_s
    _stage(timing, "map", took_s)


def cut_short(reason: str) -> None:
    """The answer that is sent here ends early; of several reasons the first counts."""
    timing = current.get()
    if timing is not None:
        timing.cut_short = timing.cut_short or reason


def _stage(timing: Timing, name: str, took_s: float, *, remote: bool = False) -> None:
    """What has just ended, where the request is traced."""
    if timing.stages is not None and len(timing.stages) < MAX_STAGES:
        timing.stages.append(Stage(name, time.time() - took_s, took_s, remote=remote))
