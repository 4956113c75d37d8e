"""Point a library at other libraries and other names, and prove that nothing else of it has changed."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from musl.elf import SharedLibrary
from musl.errors import CodeChanged, PatchFailed

# What linking is made of, and all that patchelf has to change. Relocations are not among it.
LINKING = re.compile(r"\.(dynamic|dynsym|dynstr|hash|gnu\.hash|gnu\.version(_[rd])?|interp|note\..*)$")


def patch(path: Path, *, needed: Iterable[str], rpath: str, renamed: Mapping[str, str]) -> None:
    """Change the dynamic section of the file at `path` in place.

    needed   the libraries it shall ask for, in this order, in place of all it asks for now
    rpath    where to look for them
    renamed  imports that get another name: old → new
    raises   PatchFailed, CodeChanged
    """
    before = SharedLibrary.read(path)
    for old in before.needed:
        _patchelf(path, "--remove-needed", old)
    for new in reversed(list(needed)):  # each is put in front
        _patchelf(path, "--add-needed", new)
    _patchelf(path, "--set-rpath", rpath)
    if renamed:
        with tempfile.NamedTemporaryFile("w", suffix=".names") as names:
            names.write("".join(f"{old} {new}\n" for old, new in renamed.items()))
            names.flush()
            _patchelf(path, "--rename-dynamic-symbols", names.name)
    check_unchanged(before, SharedLibrary.read(path))


def check_unchanged(before: SharedLibrary, after: SharedLibrary) -> None:
    """Compare code and data, byte by byte at their addresses; sections that serve linking alone may differ.

    raises  CodeChanged, naming the first part that differs
    """
    if before.executable() != after.executable():
        raise CodeChanged(f"{after.name}: an executable segment has changed")
    for section in before.sections():
        if not LINKING.match(section.name) and after.bytes_at(section.address, section.size) != section.data:
            raise CodeChanged(f"{after.name}: section {section.name} at {section.address:#x} has changed")


def _patchelf(path: Path, *arguments: str) -> None:
    program = Path(sys.executable).with_name("patchelf")
    done = subprocess.run([str(program), *arguments, str(path)], capture_output=True, text=True)
    if done.returncode:
        raise PatchFailed(f"{path.name}: patchelf {' '.join(arguments)}: {done.stderr.strip()}")
