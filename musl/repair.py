"""The repair, step by step: check, judge, build, unpack, patch, prove. It stops at the first thing it does not know."""

import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from musl import compat
from musl.elf import Import, SharedLibrary
from musl.errors import MissingRuntime
from musl.load import check_version, prove
from musl.patch import patch
from musl.verdicts import Table, Verdict
from musl.wheels import Wheel, find

FOLDER = "musl.libs"  # beside the packages, as wheels keep their own libraries
LIBC = "libc.musl-x86_64.so.1"  # Alpine's name for musl


@dataclass(frozen=True)
class Runtime:
    """The target's one copy of GCC's libraries, which a musllinux wheel has brought."""

    libstdcpp: Path
    libgcc: Path

    @classmethod
    def find(cls, target: Path) -> "Runtime":
        """raises MissingRuntime unless there is exactly one libstdc++, with its libgcc_s beside it"""
        libstdcpp = _only(target, "*.libs/libstdc++*.so*")
        return cls(libstdcpp, _only(target, f"{libstdcpp.parent.name}/libgcc_s*.so*"))


def repair(
    wheels: Path, target: Path, reviewed: Iterable[Wheel], table: Table, report: Callable[[str], None] = print
) -> None:
    """Unpack the reviewed wheels in `wheels` into `target`, repaired for musl.

    target  a folder of packages in which tokenizers, or another musllinux wheel, has put libstdc++
    raises  RepairError; nothing is unpacked before every wheel has been judged
    """
    found = find(wheels, reviewed)
    runtime = Runtime.find(target)
    judged: list[tuple[Wheel, str, dict[Import, Verdict]]] = []
    for wheel, path in found:
        wheel.check(path)
        for inside in wheel.repair:
            judged.append((wheel, inside, table.judge(wheel.name, wheel.library(path, inside))))

    library = compat.build_glibc(target / FOLDER / compat.GLIBC)
    compat.build_ctype(target / FOLDER / compat.CTYPE, runtime.libstdcpp)
    compat.require(library, (v.target(s) for _, _, verdicts in judged for s, v in verdicts.items() if ours(v)))

    for wheel, path in found:
        wheel.unpack(path, target)
    for wheel, inside, verdicts in judged:
        place = target / wheel.repair[inside]
        point_at(place, verdicts, target, runtime)
        counts = Counter(verdict.kind for verdict in verdicts.values())
        report(
            f"{place.name}: {len(verdicts)} imports: " + ", ".join(f"{n} {kind}" for kind, n in sorted(counts.items()))
        )
    for wheel, _ in found:
        wheel.record(target)


def prove_repaired(wheels: Path, target: Path, reviewed: Iterable[Wheel], table: Table) -> None:
    """Load every repaired file, and look up what the loader does not ask for: weak names, there or absent as judged.

    raises  WrongLibc, also where this is another musl than the verdicts are on; LoadFailed
    """
    check_version(table.musl)
    for wheel, path in find(wheels, reviewed):
        for inside, place in wheel.repair.items():
            verdicts = table.judge(wheel.name, wheel.library(path, inside))
            weak = [v.target(s) for s, v in verdicts.items() if s.weak and v.kind != "absent"]
            absent = [s.name for s, v in verdicts.items() if v.kind == "absent"]
            prove(target / place, weak, absent)


def ours(verdict: Verdict) -> bool:
    """Whether the compatibility library must define the name."""
    return verdict.kind in ("adapted", "renamed")


def point_at(path: Path, verdicts: dict[Import, Verdict], target: Path, runtime: Runtime) -> None:
    """Have the library at `path` look for what it imports in ours, in GCC's and in musl.

    raises  PatchFailed, CodeChanged
    """
    needed, folders = [compat.GLIBC], [target / FOLDER]
    if any(name.startswith(("libstdc++.", "libgcc_s.")) for name in SharedLibrary.read(path).needed):
        needed += [compat.CTYPE, runtime.libstdcpp.name, runtime.libgcc.name]
        folders.append(runtime.libstdcpp.parent)
    rpath = ":".join("$ORIGIN/" + os.path.relpath(folder, path.parent) for folder in folders)
    renamed = {symbol.name: verdict.target(symbol) for symbol, verdict in verdicts.items() if verdict.kind == "renamed"}
    patch(path, needed=[*needed, LIBC], rpath=rpath, renamed=renamed)


def _only(target: Path, pattern: str) -> Path:
    found = sorted(target.glob(pattern))
    if len(found) != 1:
        names = ", ".join(str(path.relative_to(target)) for path in found) or "none: install tokenizers' wheel first"
        raise MissingRuntime(f"{target} must hold one {pattern}, and has {names}")
    return found[0]
