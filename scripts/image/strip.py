"""Rewrite ELF files so that they hold what the loader maps and nothing else.

Symbol tables, debug information, comments and section headers are read by debuggers and linkers, never by the loader
(System V ABI, chapter 5). What is mapped stays byte for byte at its address. The base image has no `strip`, and `strip`
leaves gaps where patchelf has moved things to the end of a file.
"""

import struct
from dataclasses import replace
from pathlib import Path

from .elf import LOAD, PAGE, Elf, Segment
from .relocations import packed, same_in_memory


def stripped(elf: Elf) -> bytes:
    """The file with its mapped segments alone, in order of address, each as close to the last as paging allows.

    A segment's file offset keeps its remainder modulo the page size, as mmap demands. The program headers must lie in
    the first mapped segment, as every linker puts them, or after patchelf in another one.
    """
    loads = sorted((load for load in elf.loads() if load.file_size), key=lambda load: load.offset)
    merged = _merged(loads)
    out = bytearray()
    moved: list[tuple[int, int, int]] = []  # first byte, end, new first byte
    for start, end in merged:
        shift = (start - len(out)) % PAGE
        out += b"\0" * shift
        moved.append((start, end, len(out)))
        out += elf.data[start:end]

    def place(offset: int) -> int | None:
        for start, end, new in moved:
            if start <= offset < end:
                return offset - start + new
        return None

    table = place(elf.table_offset)
    if place(0) != 0 or table is None:
        raise ValueError("headers outside the mapped segments")
    for index, segment in enumerate(elf.segments):
        new = _placed(segment, place(segment.offset))
        out[table + index * 56 : table + (index + 1) * 56] = new.packed()
    out[32:40] = struct.pack("<Q", table)
    out[40:48] = bytes(8)  # e_shoff
    out[58:64] = struct.pack("<HHH", 64, 0, 0)  # e_shentsize, e_shnum, e_shstrndx
    return bytes(out)


def _merged(loads: list[Segment]) -> list[tuple[int, int]]:
    """File ranges of the segments; ranges that touch or overlap become one."""
    ranges: list[tuple[int, int]] = []
    for load in loads:
        start, end = load.offset, load.offset + load.file_size
        if ranges and start <= ranges[-1][1]:
            ranges[-1] = (ranges[-1][0], max(end, ranges[-1][1]))
        else:
            ranges.append((start, end))
    return ranges


def _placed(segment: Segment, offset: int | None) -> Segment:
    if offset is not None:
        return replace(segment, offset=offset)
    if segment.file_size and segment.kind != LOAD:
        raise ValueError(f"program header of type {segment.kind:#x} covers bytes that are never mapped")
    # Nothing of it is in the file (.bss, the stack's flags): only the remainder modulo the page size must hold.
    return replace(segment, offset=segment.address % PAGE if segment.kind == LOAD else 0)


def strip_tree(root: Path) -> int:
    """Strip every ELF file under `root`; returns the bytes saved. raises ValueError if one would load differently"""
    saved = 0
    for path in sorted(root.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        elf = Elf.read(path)
        if elf is None or not elf.loads():
            continue
        small = packed(elf)
        new = stripped(small)
        table = small.address_of(small.table_offset)
        same_in_memory(small, Elf(new), [(0, 64), (table, table + 56 * len(small.segments))])
        if len(new) < len(elf.data):
            mode = path.stat().st_mode
            path.write_bytes(new)
            path.chmod(mode)
            saved += len(elf.data) - len(new)
    return saved
