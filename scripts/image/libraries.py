"""Follow shared libraries: which ones a tree still needs, which are orphans, which are missing."""

import os
from collections.abc import Iterable
from pathlib import Path

from .elf import NEEDED, RPATH, RUNPATH, Elf

# musl is loader and C library in one, and answers by itself to every name that starts so
# (https://git.musl-libc.org/cgit/musl/tree/ldso/dynlink.c, load_library).
LIBC = tuple(f"lib{part}." for part in ("c", "pthread", "rt", "m", "dl", "util", "xnet"))
SYSTEM_FOLDERS = ("lib", "usr/local/lib", "usr/lib")


class MissingLibrary(ValueError):
    """A file needs a library that the tree does not hold."""


def inside(root: Path, path: Path) -> Path:
    """Where a path leads when `root` is `/`: absolute links are followed below `root`."""
    for _ in range(16):
        if not path.is_symlink():
            return path
        target = os.readlink(path)
        path = root / target.lstrip("/") if target.startswith("/") else path.parent / target
    raise MissingLibrary(f"{path}: too many links")


def run_paths(path: Path) -> list[Path]:
    """The folders that an ELF file itself names for its libraries."""
    elf = Elf.read(path)
    own = [part for value in elf.strings(RPATH, RUNPATH) for part in value.split(":") if part] if elf else []
    return [Path(part.replace("$ORIGIN", str(path.parent))) for part in own]


def needed(root: Path, path: Path, inherited: Iterable[Path] = ()) -> dict[str, Path | None]:
    """The libraries that the ELF file at `path` asks for, and where the loader finds each (None: nowhere).

    inherited  folders that those who asked for this file name: musl looks there too, whichever tag names them
    """
    elf = Elf.read(path)
    if elf is None:
        return {}
    folders = [*run_paths(path), *inherited, *(root / folder for folder in SYSTEM_FOLDERS)]
    found: dict[str, Path | None] = {}
    for name in elf.strings(NEEDED):
        if name.startswith(LIBC):
            continue
        there = (inside(root, folder / name) for folder in folders)
        found[name] = next((place for place in there if place.is_file()), None)
    return found


def closure(root: Path, starts: Iterable[Path]) -> set[Path]:
    """Every library that the ELF files `starts` need, directly or through each other.

    What a library among the starts cannot find by itself counts as found where a file that needs it shows the way.

    raises  MissingLibrary, naming who asks for what
    """
    reached: set[Path] = set()
    missing: set[tuple[Path, str]] = set()
    found: set[tuple[Path, str]] = set()
    waiting: list[tuple[Path, list[Path]]] = [(path, []) for path in starts]
    while waiting:
        path, inherited = waiting.pop()
        folders = [*run_paths(path), *inherited]
        for name, place in needed(root, path, inherited).items():
            if place is None:
                missing.add((path, name))
                continue
            found.add((path, name))
            real = Path(os.path.normpath(place))
            if real not in reached:
                reached.add(real)
                waiting.append((real, folders))
    for path, name in sorted(missing - found):
        raise MissingLibrary(f"{path.relative_to(root)} needs {name}, which is not in the tree")
    return reached


def drop_orphans(root: Path) -> list[Path]:
    """Delete the libraries in the system folders that nothing needs, and links that lead nowhere; returns them.

    Programs and extension modules anywhere in the tree count as wanted; a library in a system folder only when needed.
    """
    system = [root / folder for folder in SYSTEM_FOLDERS]
    candidates = {path for folder in system if folder.is_dir() for path in folder.glob("*.so*") if path.is_file()}
    candidates = {path for path in candidates if not path.name.startswith(("ld-musl-", "libc.musl-"))}
    starts = [path for path in root.rglob("*") if not path.is_symlink() and path.is_file() and path not in candidates]
    reached = closure(root, starts)
    dropped = []
    for path in sorted(candidates):
        if inside(root, path) not in reached:
            path.unlink()
            dropped.append(path)
    return dropped
