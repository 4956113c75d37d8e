"""The table of what a wheel may import from glibc, each name with a verdict and its reason: symbols.toml."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from musl.elf import Import, SharedLibrary
from musl.errors import RefusedSymbol, UnknownLibrary, UnknownSymbol, WrongLibc, WrongMachine

TABLE = Path(__file__).with_name("symbols.toml")
MACHINE = "x64"  # pyelftools' name for x86-64
MUSL = re.compile(r"libc\.(so|musl-.*)$")  # glibc's is libc.so.6

Kind = Literal["same", "adapted", "renamed", "absent", "refused"]


@dataclass(frozen=True)
class Verdict:
    """What becomes of an import.

    same     one ABI on both sides: nothing to do
    adapted  the compatibility library defines the name
    renamed  musl has the name with another meaning: this file alone is pointed at the library's function
    absent   weak, and defined on neither side
    refused  known, and not wanted
    """

    kind: Kind
    why: str

    def target(self, symbol: Import) -> str:
        """The name under which the import is looked up in the end."""
        return "glibc_" + symbol.name.lstrip("_") if self.kind == "renamed" else symbol.name


class Table:
    """Verdicts by wheel and symbol.

    musl       the version that the verdicts are on
    libraries  the names of libraries that a wheel may need, each with what stands for it
    """

    def __init__(
        self, musl: str, libraries: dict[str, str], groups: Iterable[dict[str, Any]], name: str = "the table"
    ) -> None:
        self.musl = musl
        self.libraries = libraries
        self.name = name
        self._entries: dict[tuple[str | None, str], Verdict] = {}
        for group in groups:
            self._add(group)

    @classmethod
    def load(cls, path: Path = TABLE) -> "Table":
        found = tomllib.loads(path.read_text())
        return cls(found["musl"], found["libraries"], found["group"], path.name)

    def _add(self, group: dict[str, Any]) -> None:
        verdict = Verdict(group["verdict"], group["why"])
        if verdict.kind not in get_args(Kind) or not verdict.why:
            raise ValueError(f"{self.name}: {group}: a group needs a reason, and one of {', '.join(get_args(Kind))}")
        for wheel in group.get("wheels", [None]):
            for symbol in group["symbols"]:
                if (wheel, symbol) in self._entries:
                    raise ValueError(f"{self.name}: {symbol} has two verdicts")
                self._entries[wheel, symbol] = verdict

    def entries(self) -> dict[tuple[str | None, str], Verdict]:
        """All verdicts, by wheel (None: any) and symbol as it is written, e.g. memcpy@GLIBC_2.14."""
        return dict(self._entries)

    def look_up(self, wheel: str, symbol: Import) -> Verdict | None:
        """The verdict on an import, or None: a wheel's own entry goes before a general one, and one of all versions,
        which only a refusal can be, comes last."""
        for owner in (wheel, None):
            for text in (str(symbol), symbol.name):
                verdict = self._entries.get((owner, text))
                if verdict and (text == str(symbol) or verdict.kind == "refused"):
                    return verdict
        return None

    def judge(self, wheel: str, library: SharedLibrary) -> dict[Import, Verdict]:
        """A verdict for every import of a file of this wheel.

        raises  WrongMachine, WrongLibc, UnknownLibrary, UnknownSymbol, RefusedSymbol
        """
        self._check_platform(library)
        verdicts = {symbol: self.look_up(wheel, symbol) for symbol in sorted(library.imports)}
        unknown = [str(symbol) + " (weak)" * symbol.weak for symbol, verdict in verdicts.items() if verdict is None]
        if unknown:
            raise UnknownSymbol(
                f"{library.name} imports what {self.name} has no verdict on: {', '.join(unknown)}. "
                "Compare what glibc and musl make of it, and enter one (musl/README.md)"
            )
        judged = {symbol: verdict for symbol, verdict in verdicts.items() if verdict is not None}
        refused = [f"{symbol} ({verdict.why})" for symbol, verdict in judged.items() if verdict.kind == "refused"]
        if refused:
            raise RefusedSymbol(f"{library.name} imports what {self.name} refuses: {', '.join(refused)}")
        strong = [str(s) for s, verdict in judged.items() if verdict.kind == "absent" and not s.weak]
        if strong:
            raise UnknownSymbol(f"{library.name} needs what may only be absent where it is weak: {', '.join(strong)}")
        return judged

    def _check_platform(self, library: SharedLibrary) -> None:
        if library.machine != MACHINE:
            raise WrongMachine(f"{library.name} is built for {library.machine}: only {MACHINE} (x86-64) was reviewed")
        if any(MUSL.match(name) for name in library.needed):
            raise WrongLibc(f"{library.name} is already built for musl (it needs {', '.join(library.needed)})")
        if "libc.so.6" not in library.needed:
            needed = ", ".join(library.needed) or "none"
            raise WrongLibc(f"{library.name} is built for another C library than glibc (it needs {needed})")
        unknown = [name for name in library.needed if name not in self.libraries]
        if unknown:
            raise UnknownLibrary(f"{library.name} needs {', '.join(unknown)}, which {self.name} does not know")
