"""Slimming an ELF file: what the loader maps stays the same, byte for byte, and nothing else stays at all."""

from dataclasses import replace
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from hypothesis import given
from hypothesis import strategies as st

from scripts.image.elf import LOAD, NEEDED, NULL, SONAME, Elf, NotElf
from scripts.image.relocations import RELASZ, RELR, RELRSZ, bitmaps, memory, packed, same_in_memory, unpack
from scripts.image.strip import strip_tree, stripped


def read(path: Path) -> Elf:
    elf = Elf.read(path)
    assert elf is not None
    return elf


def mapped(elf: Elf) -> dict[int, bytes]:
    """What each segment holds, by address; the program headers themselves, which stripping rewrites, blanked."""
    table = range(elf.table_offset + len(elf.segments) * 56)
    found = {}
    for load in elf.loads():
        content = bytearray(elf.data[load.offset : load.offset + load.file_size])
        if load.offset == 0:
            content[: len(table)] = bytes(len(table))
        found[load.address] = bytes(content)
    return found


def test_a_library_is_read(library: Path) -> None:
    elf = read(library)
    assert elf.strings(SONAME) == ["libtable.so"]
    assert elf.strings(NEEDED) == ["libc.so.6"]
    assert elf.interpreter() is None


def test_what_is_no_elf_file_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("#!/bin/sh")
    assert Elf.read(tmp_path / "text") is None
    with pytest.raises(NotElf, match="no 64-bit"):
        Elf(b"\x7fELF\x01" + bytes(100))


def test_stripping_keeps_what_is_mapped_and_nothing_else(library: Path) -> None:
    elf = read(library)
    slim = Elf(stripped(elf))
    assert mapped(slim) == mapped(elf)
    assert len(slim.data) < len(elf.data)
    assert all(load.offset % 4096 == load.address % 4096 for load in slim.loads())
    assert slim.strings(NEEDED) == elf.strings(NEEDED)


def test_stripping_twice_changes_nothing_more(library: Path) -> None:
    once = stripped(read(library))
    assert stripped(Elf(once)) == once


def test_packed_relocations_load_to_the_same_memory(library: Path) -> None:
    elf = read(library)
    after = packed(elf)
    before, now = dict(elf.dynamic()), dict(after.dynamic())
    assert RELR not in before
    assert now[RELASZ] < before[RELASZ] / 100
    assert now[RELRSZ] < before[RELASZ] / 100
    table = symbol_address(library, "table")
    assert pointers(after, table) == pointers(elf, table)
    assert len(set(pointers(elf, table))) == 5000
    assert len(stripped(after)) < len(stripped(elf)) - before[RELASZ] / 2


def changed(elf: Elf, index: int, **fields: int) -> Elf:
    """The file with one of its program headers changed."""
    data, place = bytearray(elf.data), elf.table_offset + 56 * index
    data[place : place + 56] = replace(elf.segments[index], **fields).packed()
    return Elf(bytes(data))


def test_what_is_lost_or_changed_in_memory_is_noticed(library: Path) -> None:
    elf = read(library)
    headers = [(0, elf.table_offset + 56 * len(elf.segments))]
    same_in_memory(elf, elf, headers)
    code = next(i for i, each in enumerate(elf.segments) if each.kind == LOAD and each.flags & 1)
    segment = elf.segments[code]
    for worse in (
        changed(elf, code, kind=NULL),
        changed(elf, code, memory_size=16, file_size=16),
        changed(elf, code, file_size=16),
        changed(elf, code, flags=4),
    ):
        with pytest.raises(ValueError, match="is gone"):
            same_in_memory(elf, worse, headers)
    data = bytearray(elf.data)
    data[segment.offset + 8] ^= 1
    with pytest.raises(ValueError, match=rf"at {segment.address + 8:#x} is another"):
        same_in_memory(elf, Elf(bytes(data)), headers)
    same_in_memory(elf, Elf(bytes(data)), [*headers, (segment.address + 8, segment.address + 9)])
    same_in_memory(
        elf, changed(elf, code, kind=NULL), headers, (segment.address, segment.address + segment.memory_size)
    )


def test_a_file_that_is_packed_already_is_left_alone(library: Path) -> None:
    once = packed(read(library))
    assert packed(once) is once


def symbol_address(path: Path, name: str) -> int:
    with path.open("rb") as file:
        section = ELFFile(file).get_section_by_name(".dynsym")
        assert isinstance(section, SymbolTableSection)
        symbols = section.get_symbol_by_name(name)
        assert symbols
        return int(symbols[0]["st_value"])


def pointers(elf: Elf, table: int) -> list[int]:
    """The 5,000 pointers of the library's table as the loader would leave them."""
    for start, content in memory(elf).items():
        if start <= table < start + len(content):
            view = memoryview(content)[table - start : table - start + 8 * 5000].cast("Q")
            return list(view)
    raise AssertionError("the table is in no segment")


@given(st.sets(st.integers(0, 5000)))
def test_bitmaps_say_the_same_as_the_list(numbers: set[int]) -> None:
    addresses = sorted(8 * number for number in numbers)
    words = bitmaps(addresses)
    assert unpack(words) == addresses
    assert len(words) <= max(len(addresses), 0)


def test_a_tree_is_stripped_in_place_and_modes_are_kept(library: Path, tmp_path: Path) -> None:
    copy = tmp_path / "lib" / "libtable.so"
    copy.parent.mkdir()
    copy.write_bytes(library.read_bytes())
    copy.chmod(0o755)
    (copy.parent / "link.so").symlink_to("libtable.so")
    (copy.parent / "text").write_text("not a library")
    before = copy.stat().st_size
    saved = strip_tree(tmp_path)
    assert saved == before - copy.stat().st_size > 0
    assert copy.stat().st_mode & 0o777 == 0o755
    assert (copy.parent / "link.so").is_symlink()
    assert (copy.parent / "text").read_text() == "not a library"
