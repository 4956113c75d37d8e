"""What a shared library says about itself: processor, libraries, imports, exports, and its bytes by address."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSegment, DynamicTag
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection, GNUVerSymSection
from elftools.elf.sections import Section as FileSection
from elftools.elf.sections import SymbolTableSection
from elftools.elf.segments import Segment

from musl.errors import NotElf

MAGIC = b"\x7fELF"

Kind = TypeVar("Kind", bound=FileSection)


@dataclass(frozen=True, order=True)
class Import:
    """A name that must come from elsewhere, e.g. memcpy of version GLIBC_2.14; version "" where the file names none."""

    name: str
    version: str
    weak: bool = field(compare=False, default=False)

    def __str__(self) -> str:
        return f"{self.name}@{self.version}" if self.version else self.name


@dataclass(frozen=True)
class Section:
    """A part of the file that is mapped into memory."""

    name: str
    address: int
    size: int
    data: bytes


class SharedLibrary:
    """A 64-bit ELF shared library, read whole.

    name       for messages
    machine    as pyelftools names it: "x64", "AArch64"
    needed     the libraries it asks for
    imports    undefined dynamic symbols, weak ones as well
    exports    defined dynamic symbols
    raises     NotElf
    """

    def __init__(self, data: bytes, name: str) -> None:
        self.name = name
        try:
            self._elf = ELFFile(io.BytesIO(data))
            self.machine: str = self._elf.get_machine_arch()
            if self._elf["e_type"] != "ET_DYN":
                raise NotElf(f"{name}: an ELF file, but no shared library")
            self.needed = tuple(
                tag.needed  # type: ignore[attr-defined]  # pyelftools gives this kind of tag the attribute by name
                for tag in self._tags()
                if tag["d_tag"] == "DT_NEEDED"
            )
            symbols = list(self._symbols())
        except ELFError as error:
            raise NotElf(f"{name}: no readable ELF file: {error}") from error
        self.imports = frozenset(found for found, defined in symbols if not defined)
        self.exports = frozenset(found.name for found, defined in symbols if defined)

    @classmethod
    def read(cls, path: Path) -> "SharedLibrary":
        return cls(path.read_bytes(), path.name)

    def sections(self) -> Iterator[Section]:
        """The sections that are mapped and have bytes in the file."""
        for section in self._elf.iter_sections():
            if section["sh_flags"] & 2 and section["sh_type"] != "SHT_NOBITS":  # SHF_ALLOC
                yield Section(section.name, section["sh_addr"], section["sh_size"], section.data())

    def executable(self) -> list[tuple[int, bytes]]:
        """Address and bytes of each segment that may be executed."""
        return [(s["p_vaddr"], s.data()) for s in self._loads() if s["p_flags"] & 1]  # PF_X

    def bytes_at(self, address: int, size: int) -> bytes:
        """What the loader maps at these addresses; shorter where they reach beyond the segment."""
        for segment in self._loads():
            start = address - segment["p_vaddr"]
            if 0 <= start < segment["p_filesz"]:
                return segment.data()[start : start + size]
        return b""

    def _loads(self) -> Iterator[Segment]:
        return self._elf.iter_segments("PT_LOAD")

    def _tags(self) -> Iterator[DynamicTag]:
        for segment in self._elf.iter_segments("PT_DYNAMIC"):
            if isinstance(segment, DynamicSegment):
                yield from segment.iter_tags()

    def _symbols(self) -> Iterator[tuple[Import, bool]]:
        """Each named dynamic symbol, and whether it is defined here."""
        table = self._one(SymbolTableSection, "SHT_DYNSYM")
        if table is None:
            raise NotElf(f"{self.name}: no section with dynamic symbols, so its imports cannot be judged")
        versions = self._versions()
        indices = self._one(GNUVerSymSection, "SHT_GNU_versym")
        for number, symbol in enumerate(table.iter_symbols()):
            if not symbol.name:
                continue
            index = indices.get_symbol(number)["ndx"] if indices else 0
            version = versions.get(index & 0x7FFF, "") if isinstance(index, int) else ""
            weak = symbol["st_info"]["bind"] == "STB_WEAK"
            yield Import(symbol.name, version, weak), symbol["st_shndx"] != "SHN_UNDEF"

    def _versions(self) -> dict[int, str]:
        """Version names by the number that symbols refer to them with."""
        wanted = self._one(GNUVerNeedSection, "SHT_GNU_verneed")
        if wanted is None:
            return {}
        return {entry["vna_other"] & 0x7FFF: entry.name for _, entries in wanted.iter_versions() for entry in entries}

    def _one(self, kind: type[Kind], name: str) -> Kind | None:
        """The one section of a type, as pyelftools' class for it."""
        for section in self._elf.iter_sections():
            if section["sh_type"] == name and isinstance(section, kind):
                return section
        return None
