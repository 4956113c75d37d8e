"""memcpy and memmove of the image: every length, both ends at every place of a word, and every way to overlap."""

import ctypes
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from musl.allocator import COPIES_NAME, build_copies
from musl.elf import SharedLibrary

ROOM = 8192
# Around each change of how it copies, blocks that are whole and blocks that are not.
SIZES = [*range(300), *range(505, 520), 1000, 1023, 1024, 1025, 2047, 2048, 2049]
SHIFTS = [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 66, 127, 128, 129, 200]

Copy = Callable[[int, int, int], int]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("copies") / COPIES_NAME
    build_copies(path)
    return path


@pytest.fixture(params=["memcpy", "memmove"])
def copy(request: pytest.FixtureRequest, library: Path) -> Copy:
    function = getattr(ctypes.CDLL(str(library)), request.param)
    function.restype, function.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
    found: Copy = function
    return found


class Memory:
    """Room in which a copy is made, and what it should look like afterwards."""

    def __init__(self) -> None:
        self._before = random.Random(7).randbytes(ROOM)
        self._room = ctypes.create_string_buffer(ROOM)
        self._base = ctypes.addressof(self._room)

    def check(self, copy: Copy, to: int, start: int, size: int) -> None:
        self._room.raw = self._before
        assert copy(self._base + to, self._base + start, size) == self._base + to
        wanted = bytearray(self._before)
        wanted[to : to + size] = self._before[start : start + size]
        assert self._room.raw == bytes(wanted), f"{size} bytes from {start} to {to}"


def apart() -> Iterator[tuple[int, int]]:
    for place in range(17):
        yield 64 + place, 4096
        yield 4096, 64 + place
        yield 4096 + place, 64 + 16 - place


def test_it_defines_the_two_and_needs_nothing_of_musl(library: Path) -> None:
    made = SharedLibrary.read(library)
    assert made.exports == {"memcpy", "memmove"}
    assert not made.imports


@pytest.mark.parametrize("size", SIZES)
def test_what_lies_apart_is_copied_and_nothing_beside_it(copy: Copy, size: int) -> None:
    memory = Memory()
    for to, start in apart():
        memory.check(copy, to, start, size)


@pytest.mark.parametrize("shift", [0, *SHIFTS, *(-shift for shift in SHIFTS)])
def test_what_overlaps_is_moved(library: Path, shift: int) -> None:
    memory, move = Memory(), ctypes.CDLL(str(library)).memmove
    move.restype, move.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
    for size in SIZES:
        memory.check(move, 1000 + shift, 1000, size)
