"""The cache: what stays, what goes, and that it takes the room that it says."""

import gc
import tracemalloc

import numpy as np
import pytest

from app.embedding.cache import ENTRY_BYTES, SEEN, VectorCache, key_of, vector_of
from tests.fakes import DIMENSION, unit

ONE = 4 * DIMENSION + ENTRY_BYTES


def test_the_least_recently_used_goes_first() -> None:
    cache = VectorCache(2 * ONE)
    for key in (b"a", b"b"):
        cache.put(key, unit("v"), 3)
    assert cache.get(b"a") is not None
    cache.put(b"c", unit("w"), 4)
    assert [key for key in (b"a", b"b", b"c") if cache.get(key)] == [b"a", b"c"]
    assert len(cache) == 2
    assert cache.bytes == 2 * ONE
    assert (cache.hits, cache.misses) == (3, 1)


def test_what_comes_out_is_what_went_in_and_cannot_be_altered() -> None:
    cache, vector = VectorCache(ONE), unit("v")
    cache.put(b"a", vector, 3)
    expected = vector.copy()
    vector[:] = 0
    known = cache.get(b"a")
    assert known is not None
    assert known.tokens == 3
    np.testing.assert_array_equal(vector_of(known), expected)
    with pytest.raises(ValueError, match="read-only"):
        vector_of(known)[0] = 1


@pytest.mark.parametrize("room", [0, ONE - 1])
def test_without_room_nothing_is_kept(room: int) -> None:
    cache = VectorCache(room)
    cache.put(b"a", unit("v"), 3)
    assert (cache.get(b"a"), len(cache), cache.bytes) == (None, 0, 0)


def test_a_vector_kept_twice_counts_once() -> None:
    cache = VectorCache(9 * ONE)
    for _ in range(2):
        cache.put(b"a", unit("v"), 3)
    assert cache.bytes == ONE


def test_keys_differ_by_text() -> None:
    texts = ["a", "A", "a ", "", "query: a", "\u00e9", "e\u0301"]
    assert len({key_of(text) for text in texts}) == len(texts)


@pytest.mark.parametrize("dimension", [384, 768])
def test_it_counts_the_bytes_that_it_takes(dimension: int) -> None:
    cache, vector = VectorCache(50_000_000), np.ones(dimension, np.float32)
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(12_000):
            cache.put(key_of(str(number)), vector, number)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken == pytest.approx(cache.bytes, rel=0.05)


def test_what_was_seen_of_late_is_seen_again_and_nothing_else() -> None:
    cache = VectorCache(ONE)
    assert [cache.seen(key) for key in (b"a", b"a", b"b", b"a")] == [False, True, False, True]
    assert (len(cache), cache.hits, cache.misses) == (0, 0, 0)
    for number in range(20 * SEEN):
        assert not cache.seen(key_of(str(number)))
    assert not cache.seen(b"a")  # one in 20 places is left as it was, with a chance of 2e-9


def test_what_was_seen_takes_half_a_megabyte_at_the_most() -> None:
    gc.collect()
    tracemalloc.start()
    try:
        cache = VectorCache(ONE)
        for number in range(10 * SEEN):
            cache.seen(key_of(str(number)))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 550_000
