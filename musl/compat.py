"""Compile the compatibility library for musl with zig, which brings musl's headers and needs nothing of the system."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from musl.elf import SharedLibrary
from musl.errors import CompilerFailed, MissingFunction

SOURCES = Path(__file__).with_name("compat")
TARGET = "x86_64-linux-musl"
GLIBC = "libglibc.so"  # what glibc has and musl lacks
CTYPE = "libglibc_ctype.so"  # the table of std::ctype<char>; needs libstdc++
CTYPE_SOURCE = "ctype.c"
FLAGS = (
    "-target", TARGET, "-std=c11", "-O2", "-fPIC", "-shared", "-s", "-fvisibility=hidden",
    "-Wall", "-Wextra", "-Wpedantic", "-Werror",
)  # fmt: skip


def sources(folder: Path = SOURCES) -> list[Path]:
    """The sources of `GLIBC`."""
    return [path for path in sorted(folder.glob("*.c")) if path.name != CTYPE_SOURCE]


def build_glibc(output: Path, files: Iterable[Path] | None = None) -> SharedLibrary:
    """Compile what glibc has and musl lacks.

    files   other sources than those of the product
    raises  CompilerFailed
    """
    compile_library(output, sources() if files is None else files)
    return SharedLibrary.read(output)


def build_ctype(output: Path, libstdcpp: Path) -> None:
    """Compile the character table for one copy of libstdc++, which is to lie in a folder beside the output's.

    raises  CompilerFailed
    """
    rpath = f"-Wl,-rpath,$ORIGIN/../{libstdcpp.parent.name}"
    compile_library(output, [SOURCES / CTYPE_SOURCE], str(libstdcpp), rpath)


def compile_library(output: Path, files: Iterable[Path], *more: str) -> None:
    """raises CompilerFailed, with what the compiler said"""
    output.parent.mkdir(parents=True, exist_ok=True)
    names = [str(path) for path in files]
    command = [sys.executable, "-m", "ziglang", "cc", *FLAGS, f"-Wl,-soname,{output.name}", "-o", str(output), *names]
    done = subprocess.run([*command, *more], capture_output=True, text=True)
    if done.returncode:
        raise CompilerFailed(f"{output.name}: {done.stderr.strip() or done.stdout.strip()}")


def require(library: SharedLibrary, functions: Iterable[str]) -> None:
    """Stop unless the library defines every function that the table counts on.

    raises  MissingFunction
    """
    missing = sorted(set(functions) - library.exports)
    if missing:
        raise MissingFunction(
            f"{library.name} does not define {', '.join(missing)}, which symbols.toml says is adapted"
        )
