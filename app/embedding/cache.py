"""Finished vectors by their text, so that a question asked again costs nothing: the last ones, in a set room."""

import hashlib
from collections import OrderedDict
from typing import NamedTuple

import numpy as np

from app.embedding.encoder import F32
from app.embedding.tokenizer import Side

# What an entry takes beside its vector's numbers: measured with tracemalloc as 245 to 273 (key, tuple, number, place in
# the dictionary), and the allocator's own header. A test measures it again.
ENTRY_BYTES = 272
# Places for digests of texts that were not kept, each in the one that its hash names: half a megabyte at the most.
SEEN = 8192


class Known(NamedTuple):
    """vector: the bytes of its float32, which nobody can alter; tokens: how many the text has, before any cut."""

    vector: bytes
    tokens: int


class VectorCache:
    """The least recently used go when `max_bytes` are passed; with 0 it keeps nothing. One thread's.

    The key is a digest of the text as the model gets it, prompt included. By text and not by token ids, so that a hit
    saves tokenising as well (30 µs against 0.4 for the digest), and by digest, so that a long text takes no more room
    than a short one.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._known: OrderedDict[bytes, Known] = OrderedDict()
        self._seen: list[bytes | None] = [None] * (SEEN if max_bytes else 1)
        self.hits = 0
        self.misses = 0
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._known)

    def get(self, key: bytes) -> Known | None:
        """What is kept under `key`, now the most recently used; counted as a hit or a miss."""
        known = self._known.get(key)
        if known is None:
            self.misses += 1
        else:
            self.hits += 1
            self._known.move_to_end(key)
        return known

    def seen(self, key: bytes) -> bool:
        """Whether this was asked of `key` before, of late; it has been now.

        For texts that come by the hundred: most are seen once, as those of an import, and would push out all that is
        asked again and again. Those are kept that come a second time.
        """
        place = hash(key) % len(self._seen)
        before, self._seen[place] = self._seen[place], key
        return before == key

    def put(self, key: bytes, vector: F32, tokens: int) -> None:
        """Keep a copy of `vector`, (dimension,) float32, and let the oldest go until there is room."""
        if key in self._known or vector.nbytes + ENTRY_BYTES > self._max_bytes:
            return
        self._known[key] = Known(vector.tobytes(), tokens)
        self.bytes += vector.nbytes + ENTRY_BYTES
        while self.bytes > self._max_bytes:
            _, old = self._known.popitem(last=False)
            self.bytes -= len(old.vector) + ENTRY_BYTES


def key_of(text: str, side: Side = "right", salt: bytes = b"") -> bytes:
    """16 bytes that no two texts share, by chance or by intent short of 2^64 tries; nor one text cut on two sides.

    salt: another model's, from `salt_of`; the local one has none
    """
    read = text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(read, digest_size=16, person=side.encode(), salt=salt).digest()


def salt_of(revision: str) -> bytes:
    """What tells one model's texts from those of another."""
    return hashlib.blake2b(revision.encode(), digest_size=hashlib.blake2b.SALT_SIZE).digest()


def vector_of(known: Known) -> F32:
    """(dimension,) float32, read-only."""
    return np.frombuffer(known.vector, np.float32)
