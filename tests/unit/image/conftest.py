"""A real shared library to slim, linked as the wheels that need it are: against glibc, with versioned symbols."""

import subprocess
import sys
from pathlib import Path

import pytest

# A table of 5,000 pointers into the library itself: 120 kB of relative relocations, as a vtable-heavy library has.
SOURCE = """
static const char text[20000] = "packed";
#define P(n) text + n,
#define TEN(n) P(n) P(n + 1) P(n + 2) P(n + 3) P(n + 4) P(n + 5) P(n + 6) P(n + 7) P(n + 8) P(n + 9)
#define HUNDRED(n) TEN(n) TEN(n + 10) TEN(n + 20) TEN(n + 30) TEN(n + 40) TEN(n + 50) TEN(n + 60) TEN(n + 70) \\
    TEN(n + 80) TEN(n + 90)
#define THOUSAND(n) HUNDRED(n) HUNDRED(n + 100) HUNDRED(n + 200) HUNDRED(n + 300) HUNDRED(n + 400) HUNDRED(n + 500) \\
    HUNDRED(n + 600) HUNDRED(n + 700) HUNDRED(n + 800) HUNDRED(n + 900)
const char *const table[] = { THOUSAND(0) THOUSAND(1000) THOUSAND(2000) THOUSAND(3000) THOUSAND(4000) };
extern int puts(const char *);
int say(int n) { return puts(table[n]); }
"""


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """libtable.so, with symbol tables, debug information and a note."""
    folder = tmp_path_factory.mktemp("library")
    (folder / "table.c").write_text(SOURCE)
    flags = [
        "-target",
        "x86_64-linux-gnu.2.17",
        "-shared",
        "-fPIC",
        "-O2",
        "-g",
        "-Wl,--build-id",
        "-Wl,-soname,libtable.so",
    ]
    subprocess.run(
        [sys.executable, "-m", "ziglang", "cc", *flags, "-o", "libtable.so", "table.c"], cwd=folder, check=True
    )
    return folder / "libtable.so"
