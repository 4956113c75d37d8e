"""Read the little of a 64-bit ELF file that slimming needs: its segments and its dynamic section.

Layouts: System V ABI, chapters 4 and 5 (https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html).
"""

import struct
from dataclasses import dataclass
from pathlib import Path

PAGE = 4096
LOAD, DYNAMIC, INTERP, NOTE, GNU_PROPERTY = 1, 2, 3, 4, 0x6474E553
NULL, NEEDED, STRTAB, SONAME, RPATH, RUNPATH = 0, 1, 5, 14, 15, 29

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_DYNAMIC = struct.Struct("<qQ")


class NotElf(ValueError):
    """The file is no 64-bit little-endian ELF file."""


@dataclass(frozen=True)
class Segment:
    """One program header; offsets, addresses and sizes in bytes."""

    kind: int
    flags: int
    offset: int
    address: int
    physical: int
    file_size: int
    memory_size: int
    alignment: int

    def packed(self) -> bytes:
        return _SEGMENT.pack(
            self.kind, self.flags, self.offset, self.address, self.physical, self.file_size, self.memory_size,
            self.alignment,
        )  # fmt: skip


class Elf:
    """An ELF file held in memory.

    data      the whole file
    segments  its program headers, in file order
    raises    NotElf
    """

    def __init__(self, data: bytes) -> None:
        if data[:6] != b"\x7fELF\x02\x01" or len(data) < _HEADER.size:
            raise NotElf("no 64-bit little-endian ELF header")
        self.data = data
        header = _HEADER.unpack_from(data)
        self.table_offset, entry_size, count = header[5], header[9], header[10]
        if entry_size != _SEGMENT.size:
            raise NotElf(f"program headers of {entry_size} bytes, expected {_SEGMENT.size}")
        self.segments = [
            Segment(*_SEGMENT.unpack_from(data, self.table_offset + index * _SEGMENT.size)) for index in range(count)
        ]

    @classmethod
    def read(cls, path: Path) -> "Elf | None":
        """The file at `path`, or None where it is no ELF file."""
        with path.open("rb") as file:
            if file.read(4) != b"\x7fELF":
                return None
            file.seek(0)
            return cls(file.read())

    def loads(self) -> list[Segment]:
        """The segments that are mapped into memory; nothing else of the file is read at run time."""
        return [segment for segment in self.segments if segment.kind == LOAD]

    def offset_of(self, address: int) -> int:
        """Where in the file the byte at this virtual address lies."""
        for segment in self.loads():
            if segment.address <= address < segment.address + segment.file_size:
                return segment.offset + address - segment.address
        raise NotElf(f"address {address:#x} lies in no segment")

    def address_of(self, offset: int) -> int:
        """Where in memory the byte at this place of the file lies. raises NotElf where it is not mapped"""
        for segment in self.loads():
            if segment.offset <= offset < segment.offset + segment.file_size:
                return segment.address + offset - segment.offset
        raise NotElf(f"offset {offset:#x} lies in no mapped segment")

    def dynamic(self) -> list[tuple[int, int]]:
        """The entries (tag, value) of the dynamic section, without the end mark; empty for a static file."""
        entries: list[tuple[int, int]] = []
        start, size = self.dynamic_place()
        for offset in range(start, start + size, _DYNAMIC.size):
            tag, value = _DYNAMIC.unpack_from(self.data, offset)
            if tag == NULL:
                break
            entries.append((tag, value))
        return entries

    def dynamic_place(self) -> tuple[int, int]:
        """File offset and bytes of the dynamic section; (0, 0) for a static file."""
        return next(((s.offset, s.file_size) for s in self.segments if s.kind == DYNAMIC), (0, 0))

    def strings(self, *tags: int) -> list[str]:
        """The texts that dynamic entries of these tags name, e.g. `strings(NEEDED)`."""
        entries = self.dynamic()
        tables = [value for tag, value in entries if tag == STRTAB]
        if not tables:
            return []
        table = self.offset_of(tables[0])
        return [self._text(table + value) for tag, value in entries if tag in tags]

    def interpreter(self) -> str | None:
        """The loader that the program asks for, or None for a library."""
        for segment in self.segments:
            if segment.kind == INTERP:
                return self._text(segment.offset)
        return None

    def _text(self, offset: int) -> str:
        return self.data[offset : self.data.index(b"\0", offset)].decode()
