"""Pack an ELF file's relative relocations: 24 bytes each become about one bit each (DT_RELR).

A shared library's pointers to itself are listed one by one in DT_RELA: 2 MB of chromadb's 59. DT_RELR says the same as
addresses and bitmaps, and keeps each addend in place. Code is untouched; what the loader makes of the file in memory is
the same, byte for byte, and `packed` checks that before it hands anything out. musl reads DT_RELR since 1.2.4.

Format: https://maskray.me/blog/2021-10-31-relative-relocations-and-relr (now part of the generic ABI).
"""

import struct
from collections.abc import Iterable
from dataclasses import replace

from .elf import GNU_PROPERTY, LOAD, NOTE, NULL, PAGE, Elf, Segment

RELA, RELASZ, RELAENT, RELRSZ, RELR, RELRENT = 7, 8, 9, 35, 36, 37
RELACOUNT, FLAGS_1, VERNEED, VERNEEDNUM = 0x6FFFFFF9, 0x6FFFFFFB, 0x6FFFFFFE, 0x6FFFFFFF
# Entries that musl's loader never looks at (ldso/dynlink.c): their places are taken by the three new ones.
UNREAD = (RELACOUNT, VERNEED, VERNEEDNUM, FLAGS_1)
RELATIVE = 8  # R_X86_64_RELATIVE: *address = base + addend
ENTRY = struct.Struct("<QQq")
WORD = 8


def packed(elf: Elf) -> Elf:
    """The file with its relative relocations packed, and the room that this leaves unmapped.

    Returns `elf` itself where nothing is to be gained. raises ValueError if the result would load differently.
    """
    dynamic = dict(elf.dynamic())
    if RELR in dynamic or dynamic.get(RELAENT) != ENTRY.size or RELASZ not in dynamic:
        return elf
    start = elf.offset_of(dynamic[RELA])
    table = elf.data[start : start + dynamic[RELASZ]]
    entries = list(ENTRY.iter_unpack(table))
    relative = sorted(
        (address, addend) for address, info, addend in entries if info == RELATIVE and address % WORD == 0
    )
    others = [entry for entry in entries if not (entry[1] == RELATIVE and entry[0] % WORD == 0)]

    words = bitmaps([address for address, _ in relative])
    body = b"".join(ENTRY.pack(*entry) for entry in others) + struct.pack(f"<{len(words)}Q", *words)
    hole = _whole_pages(dynamic[RELA] + len(body), dynamic[RELA] + len(table))
    spare = next((s for s in elf.segments if s.kind in (NOTE, GNU_PROPERTY)), None)
    if hole is None or spare is None:
        return elf

    data = bytearray(elf.data)
    for address, addend in relative:
        struct.pack_into("<q", data, elf.offset_of(address), addend)
    data[start : start + len(table)] = body.ljust(len(table), b"\0")
    changes = {RELASZ: ENTRY.size * len(others)}
    new = {RELR: dynamic[RELA] + ENTRY.size * len(others), RELRSZ: WORD * len(words), RELRENT: WORD}
    if not _rewrite_dynamic(elf, data, changes, new):
        return elf
    segments = [segment for segment in elf.segments if segment is not spare]
    _write_segments(elf, data, _split(segments, *hole))
    result = Elf(bytes(data))
    place, size = elf.dynamic_place()
    dynamic_start = next(s.address for s in elf.segments if s.offset == place and s.kind != LOAD)
    headers = (0, elf.table_offset + len(elf.segments) * 56)
    table_place = (dynamic[RELA], dynamic[RELA] + len(table))
    same_in_memory(elf, result, [table_place, headers, (dynamic_start, dynamic_start + size)], hole)
    # Other relocations must be the same list, in the same order.
    if _others(elf) != _others(result):
        raise ValueError("packed relocations lost one that is not relative")
    return result


def bitmaps(addresses: list[int]) -> list[int]:
    """The DT_RELR table of sorted addresses, multiples of 8: an even word is an address, an odd one marks 63 words."""
    words: list[int] = []
    index = 0
    while index < len(addresses):
        words.append(addresses[index])
        base = addresses[index] + WORD
        index += 1
        while True:
            bits = 0
            while index < len(addresses) and addresses[index] < base + 63 * WORD:
                bits |= 1 << ((addresses[index] - base) // WORD)
                index += 1
            if not bits:
                break
            words.append(bits << 1 | 1)
            base += 63 * WORD
    return words


def unpack(words: list[int]) -> list[int]:
    """The addresses of a DT_RELR table: what the loader does with it."""
    addresses: list[int] = []
    base = 0
    for word in words:
        if word & 1:
            addresses += [base + bit * WORD for bit in range(63) if word >> (bit + 1) & 1]
            base += 63 * WORD
        else:
            addresses.append(word)
            base = word + WORD
    return addresses


def _whole_pages(start: int, end: int) -> tuple[int, int] | None:
    first, last = -(-start // PAGE) * PAGE, end // PAGE * PAGE
    return (first, last) if first < last else None


def _rewrite_dynamic(elf: Elf, data: bytearray, changes: dict[int, int], new: dict[int, int]) -> bool:
    """Change values, and put new entries where unread ones or spare end marks are; False where there is no room."""
    place, size = elf.dynamic_place()
    entries = [struct.unpack_from("<qQ", data, place + offset) for offset in range(0, size, 16)]
    kept = [(tag, changes.get(tag, value)) for tag, value in entries if tag not in (NULL, *UNREAD)]
    # The unread ones that there is room for stay.
    room = size // 16 - 1 - len(kept) - len(new)
    if room < 0:
        return False
    kept += [(tag, value) for tag, value in entries if tag in UNREAD and tag != RELACOUNT][:room]
    kept += new.items()
    kept += [(NULL, 0)] * (size // 16 - len(kept))
    data[place : place + size] = b"".join(struct.pack("<qQ", tag, value) for tag, value in kept)
    return True


def _split(segments: list[Segment], first: int, last: int) -> list[Segment]:
    """The same segments, the mapped one around the addresses first to last in two, without them."""
    result: list[Segment] = []
    for segment in segments:
        if segment.kind == LOAD and segment.address < first and last < segment.address + segment.file_size:
            before, after = first - segment.address, last - segment.address
            result.append(replace(segment, file_size=before, memory_size=before))
            result.append(
                replace(
                    segment,
                    offset=segment.offset + after,
                    address=segment.address + after,
                    physical=segment.physical + after,
                    file_size=segment.file_size - after,
                    memory_size=segment.memory_size - after,
                )
            )
        else:
            result.append(segment)
    return result


def _write_segments(elf: Elf, data: bytearray, segments: list[Segment]) -> None:
    count = len(elf.segments)
    if len(segments) > count:
        raise ValueError(f"{len(segments)} program headers, and room for {count}")
    table = b"".join(segment.packed() for segment in segments)
    data[elf.table_offset : elf.table_offset + count * 56] = table.ljust(count * 56, b"\0")
    struct.pack_into("<H", data, 56, len(segments))


def memory(elf: Elf) -> dict[int, bytearray]:
    """What the file is in memory when loaded at address 0, relative relocations applied, by first address."""
    image = {load.address: bytearray(elf.data[load.offset : load.offset + load.file_size]) for load in elf.loads()}
    dynamic = dict(elf.dynamic())

    def write(address: int, value: int | None) -> None:
        for start, content in image.items():
            if start <= address < start + len(content):
                if value is not None:
                    struct.pack_into("<q", content, address - start, value)
                return
        raise ValueError(f"relocation of {address:#x}, which is in no segment")

    if RELA in dynamic:
        start = elf.offset_of(dynamic[RELA])
        for address, info, addend in ENTRY.iter_unpack(elf.data[start : start + dynamic[RELASZ]]):
            if info == RELATIVE:
                write(address, addend)
    if RELR in dynamic:
        start = elf.offset_of(dynamic[RELR])
        words = list(struct.unpack_from(f"<{dynamic[RELRSZ] // WORD}Q", elf.data, start))
        for address in unpack(words):
            write(address, None)  # base 0 added to what is there
    return image


def same_in_memory(old: Elf, new: Elf, ignored: Iterable[tuple[int, int]], hole: tuple[int, int] | None = None) -> None:
    """Whether `new` has in memory all that `old` has, at its address, with its rights.

    ignored  addresses [first, end) of which the bytes may differ
    hole     of which none need be there
    raises   ValueError, naming the first address that differs or is gone
    """
    holes = [hole] if hole else []
    for load in old.loads():
        for low, high in _without([(load.address, load.address + load.memory_size)], holes):
            _covered(low, high, [(each.address, each.memory_size) for each in new.loads() if each.flags == load.flags])
    after = memory(new)
    for start, content in memory(old).items():
        for low, high in _without([(start, start + len(content))], [*holes, *ignored]):
            _covered(low, high, [(first, len(chunk)) for first, chunk in after.items()])
            for first, chunk in after.items():
                lower, upper = max(low, first), min(high, first + len(chunk))
                ours, theirs = content[lower - start : upper - start], chunk[lower - first : upper - first]
                if lower < upper and ours != theirs:
                    at = next(i for i, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b)
                    raise ValueError(f"the memory at {lower + at:#x} is another")


def _without(ranges: list[tuple[int, int]], holes: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """What is left of the ranges [first, end)."""
    for first, end in holes:
        parts = [part for low, high in ranges for part in ((low, min(high, first)), (max(low, end), high))]
        ranges = [(low, high) for low, high in parts if low < high]
    return ranges


def _covered(low: int, high: int, places: Iterable[tuple[int, int]]) -> None:
    """raises  ValueError, where an address of [low, high) is in none of the places (address, size)"""
    for first, size in sorted(places):
        if first <= low < first + size:
            low = min(high, first + size)
    if low < high:
        raise ValueError(f"the memory at {low:#x} is gone")


def _others(elf: Elf) -> list[tuple[int, int, int]]:
    dynamic = dict(elf.dynamic())
    start = elf.offset_of(dynamic[RELA])
    entries = ENTRY.iter_unpack(elf.data[start : start + dynamic[RELASZ]])
    return [entry for entry in entries if entry[1] != RELATIVE]
