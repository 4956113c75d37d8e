"""Prove on musl that a repaired library loads: every import found, weak ones that were promised as well, no other."""

import re
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
names, absent = (text.split() for text in sys.argv[2:])
missing = [name for name in names if not hasattr(library, name)]
found = [name for name in absent if hasattr(library, name)]
wrong = [("not there", missing), ("there, and judged as absent", found)]
sys.exit("; ".join(f"{what}: {', '.join(names)}" for what, names in wrong if names) or None)
"""


def check_version(reviewed: str) -> None:
    """Whether this machine's musl is the one that the verdicts are on. raises WrongLibc"""
    _check_loader()
    said = subprocess.run([str(LOADER)], capture_output=True, text=True).stderr
    found = re.search(r"^Version (\S+)$", said, re.MULTILINE)
    version = found[1] if found else "of no version that it says"
    if version != reviewed:
        raise WrongLibc(f"this is musl {version}, and {reviewed} was reviewed: musl/README.md says how to go on")


def prove(path: Path, names: Iterable[str], absent: Iterable[str] = ()) -> None:
    """Load the library as Python would, and look up from it `names`, and those that must be `absent`.

    raises  WrongLibc where this machine does not run on musl; LoadFailed with what the loader said, or what was found
    """
    _check_loader()
    command = [sys.executable, "-c", PROGRAM, str(path), " ".join(names), " ".join(absent)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"ended with {done.returncode}"]
        raise LoadFailed(f"{path.name}: {last[0]}")


def _check_loader() -> None:
    if not LOADER.exists():
        raise WrongLibc(f"this system has no {LOADER}: repaired wheels can only be proved on musl, x86-64")
