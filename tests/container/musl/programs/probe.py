"""probe LIBRARY: ask the probe about everything that the compatibility library adapts; print the answers as JSON.

Runs unchanged on glibc, where glibc answers, and in the image, where ours does.
"""

import ctypes
import json
import os
import random
import struct
import sys
import tempfile
from pathlib import Path

ROOM = 30_000


def ask(function: str, *arguments: object) -> str:
    """Call a function that writes its answer into a buffer."""
    buffer = ctypes.create_string_buffer(ROOM)
    getattr(probe, function)(*arguments, buffer, ctypes.c_size_t(ROOM))
    return buffer.value.decode()


def binary128(high: int, low: int, form: str, limit: int = ROOM) -> str:
    buffer = ctypes.create_string_buffer(ROOM)
    arguments = ctypes.c_uint64(high), ctypes.c_uint64(low), form.encode(), ctypes.c_size_t(limit), buffer
    probe.binary128(*arguments)
    return buffer.value.decode()


def values() -> list[tuple[int, int]]:
    """Bits of binary128 numbers: the edges, powers of ten and two, halves that tie, and random ones of every size."""
    sign, one, infinity = 1 << 63, 0x3FFF << 48, 0x7FFF << 48
    top, full = 0xFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF
    found = [(0, 0), (sign, 0), (one, 0), (sign | one, 0), (infinity, 0), (sign | infinity, 0), (infinity | 1 << 47, 0)]
    found += [(0, 1), (top, full), (1 << 48, 0), (0x7FFE << 48 | top, full), (0x3FFE << 48 | top, full)]
    for number in (0.5, 1.5, 2.5, 0.125, 9.5, 99.5, 999999.5, 9999995.0, 1e-4, 1e-5, 123456.0, 1e15, 1e22, 0.1):
        found.append(widened(number))
    numbers = random.Random(128)
    for _ in range(300):
        found.append((numbers.randrange(1 << 64), numbers.randrange(1 << 64)))
    for _ in range(200):
        exponent = 0x3FFF + numbers.randint(-60, 60)
        found.append(
            (exponent << 48 | numbers.randrange(1 << 48), numbers.randrange(1 << 64) & numbers.choice((0, full)))
        )
    return found


def widened(number: float) -> tuple[int, int]:
    """A float as the same number in binary128."""
    (bits,) = struct.unpack("<Q", struct.pack("<d", number))
    exponent, fraction = (bits >> 52 & 0x7FF) - 1023 + 16383, bits & (1 << 52) - 1
    return exponent << 48 | fraction >> 4, (fraction & 15) << 60


def walked(*with_flags: int) -> list[list[str]]:
    """What a walk tells with each of the flags: its result, and what was visited."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "root"
        (root / "inner").mkdir(parents=True)
        (root / "inner" / "leaf").write_text("text")
        (root / "broken").symlink_to("nowhere")
        return [sorted(ask("walk", str(root).encode(), flags).splitlines()) for flags in with_flags]


def ended(which: int) -> list[object]:
    """What becomes of a process that writes past its buffer: how it ended, and what it said."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(write, 2)
        probe.overflow(which)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as said:
        text = said.read().decode()
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text]


probe = ctypes.CDLL(sys.argv[1])
probe.meet.restype = ctypes.c_long
integers = ["42", "-7xyz", "0x7f", "077", " +9", "", "99999999999999999999", "-9223372036854775809", "zz", "0b11"]
decimals = ["1.5", "-0x1p-3xyz", "", "zz", "  ", "inf", "nan", "1e400", "-1e400", "1e", "+.5e1", ".", "3.4e39", "0"]
PHYS, CHDIR, DEPTH, ACTIONRETVAL = 1, 4, 8, 16
forms = [
    "%a",
    "%A",
    "%.0a",
    "%.3a",
    "%.27a",
    "%.40a",
    "%e",
    "%.0e",
    "%.40E",
    "%f",
    "%.0f",
    "%.60f",
    "%g",
    "%.0g",
    "%.25G",
]
print(
    json.dumps(
        {
            "threads are believed in": probe.has_threads(),
            "recursive locks": ask("locks"),
            "recursive locks, met by eight threads": probe.meet(),
            "five megabytes of stack": probe.deep(5000),
            "errors": [ask("errors", number) for number in (*range(-1, 140), 100_000)],
            "integers": {
                f"{text} in base {base}": ask("integers", text.encode(), base)
                for text in integers
                for base in (0, 10, 16)
            },
            "binary128": {
                f"{high:016x}{low:016x} {form}": binary128(high, low, form) for high, low in values() for form in forms
            },
            "binary128, cut": [binary128(0x3FFF << 48, 0, "%.9f", limit) for limit in (1, 2, 5, 12)],
            "character classes": ask("classes"),
            "decimals": {text: ask("decimals", text.encode()) for text in decimals},
            "nftw": walked(0, PHYS, PHYS | DEPTH),
            "not on musl: nftw": walked(PHYS | CHDIR, PHYS | ACTIONRETVAL),
            "fortified text": ask("formatted"),
            "overflows": [ended(which) for which in range(3)],
            "version and resolver": ask("library"),
        }
    )
)
