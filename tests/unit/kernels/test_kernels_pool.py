"""The memory that threads get again: whose it is, how much is kept, and that no two ever have the same."""

import ctypes
import gc
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import numpy as np
import onnxruntime as ort
import pytest

from app.embedding import kernels
from kernels import build as building
from tests.unit.kernels.operators import gelu

T = TypeVar("T")
LARGE = 1_000_000


class Pool:
    """The functions of pool.h."""

    def __init__(self, library: Path) -> None:
        functions = ctypes.CDLL(str(library))
        self._take, self._give_back, self._idle = (
            functions.pool_take,
            functions.pool_give_back,
            functions.pool_idle_bytes,
        )
        self._take.argtypes, self._take.restype = [ctypes.c_size_t], ctypes.c_void_p
        self._give_back.argtypes, self._give_back.restype = [ctypes.c_void_p], None
        self._idle.argtypes, self._idle.restype = [], ctypes.c_size_t

    def take(self, size: int) -> int:
        """An address, 0 where there is no memory."""
        return int(self._take(size) or 0)

    def give_back(self, *addresses: int) -> None:
        for address in addresses:
            self._give_back(address)

    def idle(self) -> int:
        return int(self._idle())


@pytest.fixture
def pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pool:
    """With nothing in it yet: a library of its own."""
    monkeypatch.setattr(building, "OBJECTS", (("pool.c", "-mcpu=x86_64", "-fvisibility=default"),))
    return Pool(building.build(tmp_path / "pool.so"))


def elsewhere(work: Callable[[], T]) -> T:
    """What `work` returns on a thread of its own."""
    results: list[T] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    thread.join()
    return results[0]


@pytest.mark.parametrize("size", [0, 1, 63, 64, 4095, 4096, 4097, LARGE])
def test_memory_starts_at_a_multiple_of_64_and_is_all_there(pool: Pool, size: int) -> None:
    for _ in range(3):
        address = pool.take(size)
        assert address
        assert address % 64 == 0
        ctypes.memset(address, 0xAA, size)
        pool.give_back(address)


@pytest.mark.parametrize("size", [2**64 - 1, 2**64 - 127, 2**62])
def test_what_cannot_be_had_is_said(pool: Pool, size: int) -> None:
    assert pool.take(size) == 0


def test_nothing_may_be_given_back(pool: Pool) -> None:
    pool.give_back(0)
    assert pool.idle() == 0


def test_a_thread_gets_again_what_it_gave_back_last(pool: Pool) -> None:
    first, second = pool.take(LARGE), pool.take(LARGE)
    pool.give_back(first, second)
    assert (pool.take(LARGE), pool.take(LARGE)) == (second, first)


def test_the_smallest_that_serves_is_taken_and_none_of_more_than_four_times_the_size(pool: Pool) -> None:
    larger, smaller = pool.take(LARGE), pool.take(LARGE // 2)
    pool.give_back(smaller, larger)
    assert pool.take(LARGE // 4) == smaller
    assert pool.take(LARGE // 4) == larger
    pool.give_back(larger)
    assert pool.take(LARGE // 4 - 1) != larger
    assert pool.take(LARGE + 1) != larger


def test_small_memory_is_left_to_malloc(pool: Pool) -> None:
    pool.give_back(pool.take(4095))
    assert pool.idle() == 0
    pool.give_back(pool.take(4096))
    assert pool.idle() == 4096


def test_another_thread_gets_other_memory(pool: Pool) -> None:
    """Taken while the first is idle, and still alive, so that its thread cannot be taken for the other."""
    mine = pool.take(LARGE)
    pool.give_back(mine)
    assert elsewhere(lambda: pool.take(LARGE)) != mine
    assert pool.take(LARGE) == mine


def test_what_another_thread_gives_back_returns_to_the_one_that_took_it(pool: Pool) -> None:
    mine = pool.take(LARGE)
    elsewhere(lambda: pool.give_back(mine))
    assert elsewhere(lambda: pool.take(LARGE)) != mine
    assert pool.take(LARGE) == mine


def test_of_a_thread_three_times_its_largest_is_kept_and_the_oldest_goes(pool: Pool) -> None:
    taken = [pool.take(LARGE) for _ in range(5)]
    pool.give_back(*taken)
    assert pool.idle() == 3 * LARGE
    assert [pool.take(LARGE) for _ in range(3)] == taken[:1:-1]
    assert pool.idle() == 0


def test_what_is_not_kept_goes_back_to_the_system(pool: Pool) -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    def use_five() -> None:
        taken = [pool.take(LARGE) for _ in range(5)]
        for address in taken:
            ctypes.memset(address, 1, LARGE)
        pool.give_back(*taken)

    use_five()
    before = resident()
    for _ in range(200):
        use_five()
    assert resident() < before + 20 * LARGE


def test_a_thread_does_not_lose_what_it_has_to_another(pool: Pool) -> None:
    mine = [pool.take(LARGE) for _ in range(3)]
    pool.give_back(*mine)
    elsewhere(lambda: pool.give_back(*[pool.take(LARGE) for _ in range(5)]))
    assert pool.idle() == 6 * LARGE
    assert sorted(pool.take(LARGE) for _ in range(3)) == sorted(mine)


def test_no_more_than_128_are_kept_whatever_their_threads(pool: Pool) -> None:
    large = pool.take(LARGE)
    many = [pool.take(4096) for _ in range(200)]
    pool.give_back(large, *many)
    assert pool.idle() == 128 * 4096


def test_no_two_threads_ever_have_the_same_memory(pool: Pool) -> None:
    """Six threads write their mark into what they hold and look for it again; some they let each other give back."""
    handed: list[int] = []
    wrong: list[str] = []

    def work(mark: int) -> None:
        chance = random.Random(mark)
        held: list[tuple[int, int]] = []
        for _ in range(3000):
            size = chance.choice([100, 4096, 5000, 20_000, 100_000])
            address = pool.take(size)
            ctypes.memset(address, mark, size)
            held.append((address, size))
            if len(held) > chance.randrange(12):
                address, size = held.pop(chance.randrange(len(held)))
                if ctypes.string_at(address, size) != bytes([mark]) * size:
                    wrong.append(f"{size} bytes of thread {mark}")
                ctypes.memset(address, 0, size)
                if chance.random() < 0.3:
                    handed.append(address)
                else:
                    pool.give_back(address)
            if chance.random() < 0.2:
                with suppress(IndexError):
                    pool.give_back(handed.pop())

    threads = [threading.Thread(target=work, args=(mark,)) for mark in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_sessions_take_their_tensors_from_it(widest: Path) -> None:
    """A call's outputs, which are as large as a batch, are where the ones before were."""
    call = gelu(256, 1536, 0)
    session = call.session(widest)
    addresses = set()
    for _ in range(20):
        quantised, apart = session.run(None, dict(call.inputs))
        addresses.add((np.asarray(quantised).ctypes.data, np.asarray(apart).ctypes.data))
        assert np.asarray(apart).ctypes.data % 64 == 0
        del quantised, apart
    assert len(addresses) == 1


def test_tensors_outlive_the_session_and_the_library(widest: Path, tmp_path: Path) -> None:
    """ONNX Runtime calls what it was given for as long as the process lives, whoever has closed the library."""
    program = f"""
import _ctypes, ctypes, gc
from pathlib import Path
from tests.unit.kernels.operators import gelu
library = Path({str(widest)!r})
call = gelu(64, 384, 0)
session = call.session(library)
outputs = session.run(None, dict(call.inputs))
del session
gc.collect()
handle = ctypes.CDLL(str(library))._handle
for _ in range(3):
    _ctypes.dlclose(handle)
assert str(library) in Path("/proc/self/maps").read_text()
total = sum(float(each.sum()) for each in outputs)
del outputs
gc.collect()
again = call.session(library).run(None, dict(call.inputs))
assert total == sum(float(each.sum()) for each in again)
print("ended")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("ended\n", 0), done.stderr


def test_registered_for_each_session_anew(widest: Path, avx2: Path) -> None:
    """As the tests do, and a process with two models: the one before stays good."""
    call = gelu(64, 384, 0)
    sessions = [call.session(library) for library in (widest, avx2, widest)]
    results = [session.run(None, dict(call.inputs)) for session in sessions]
    del sessions
    gc.collect()
    for result in results:
        assert all(np.array_equal(np.asarray(a), np.asarray(b)) for a, b in zip(result, results[0], strict=True))


def test_without_it_sessions_have_their_arena(tmp_path: Path) -> None:
    options = ort.SessionOptions()
    assert kernels.register(options, tmp_path / "library.so") == ""
    with pytest.raises(RuntimeError):
        options.get_session_config_entry("session.use_env_allocators")


def test_with_it_sessions_are_told_so(widest: Path) -> None:
    options = ort.SessionOptions()
    assert kernels.register(options, widest)
    assert options.get_session_config_entry("session.use_env_allocators") == "1"
