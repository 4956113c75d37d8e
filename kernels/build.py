"""Compile the library with zig, the C compiler that comes as a wheel.

It needs neither the headers of a C library nor, at run time, one of its own: malloc and the like are those of the
process that loads it. So one file serves musl and glibc.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

SOURCES = Path(__file__).with_name("source")
LIBRARY = Path(__file__).with_name("library.so")
# -ffp-contract: what is fused says so, so that all instruction sets round alike
FLAGS = (
    "-target", "x86_64-linux-musl", "-std=c11", "-O3", "-fPIC", "-fvisibility=hidden", "-ffp-contract=off",
    "-fno-math-errno", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
)  # fmt: skip
# nodelete: ONNX Runtime calls what it was given for as long as the process lives
LINKING = ("-shared", "-nostdlib", "-s", "-Wl,-soname,library.so", "-Wl,-z,nodelete")
# What is compiled for which processor: a source, and more flags, of what cpu.c asks for and nothing more.
OBJECTS = (
    ("variant.c", "-mcpu=x86_64+fma+avx512f+avx512bw+avx512dq+avx512vl+avx512vnni", '-DLANES_HEADER="lanes_avx512.h"'),
    ("variant.c", "-mcpu=x86_64+fma+avx2", '-DLANES_HEADER="lanes_avx2.h"'),
    ("cpu.c", "-mcpu=x86_64"),
    ("pool.c", "-mcpu=x86_64"),
    ("library.c", "-mcpu=x86_64"),
)


class CompilerFailed(Exception):
    """What the compiler said."""


def build(output: Path = LIBRARY, *more: str) -> Path:
    """Compile the library to `output`, which is replaced when all has gone well.

    more    flags for every source
    raises  CompilerFailed
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent) as folder:
        work = Path(folder)
        objects = [str(work / f"{index}.o") for index in range(len(OBJECTS))]
        for (source, *flags), made in zip(OBJECTS, objects, strict=True):
            _run(*FLAGS, *flags, *more, "-c", str(SOURCES / source), "-o", made)
        _run(*FLAGS[:2], *LINKING, "-o", str(work / "made.so"), *objects)
        (work / "made.so").chmod(0o755)
        return (work / "made.so").replace(output)


def _run(*words: str) -> None:
    command: Sequence[str] = [sys.executable, "-m", "ziglang", "cc", *words]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise CompilerFailed(done.stderr.strip() or done.stdout.strip())
