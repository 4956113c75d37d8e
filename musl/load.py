"""Prove on musl that a repaired library loads: every import found, weak ones that were promised as well."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from musl.errors import LoadFailed, WrongLibc

LOADER = Path("/lib/ld-musl-x86_64.so.1")
# Run in a process of its own: a bad library can end the one that loads it.
PROGRAM = """
import ctypes, os, sys
library = ctypes.CDLL(sys.argv[1], mode=os.RTLD_NOW)
missing = [name for name in sys.argv[2:] if not hasattr(library, name)]
sys.exit("not there: " + ", ".join(missing) if missing else None)
"""


def prove(path: Path, names: Iterable[str]) -> None:
    """Load the library as Python would, and look up `names` from it.

    raises  WrongLibc where this machine does not run on musl; LoadFailed with what the loader said
    """
    if not LOADER.exists():
        raise WrongLibc(f"this system has no {LOADER}: repaired wheels can only be proved on musl, x86-64")
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(path), *names], capture_output=True, text=True)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"ended with {done.returncode}"]
        raise LoadFailed(f"{path.name}: {last[0]}")
