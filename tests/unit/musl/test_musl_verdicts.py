"""The table knows what the reviewed wheels import, and stops at everything else, saying at what."""

from pathlib import Path

import pytest

from musl.elf import Import, SharedLibrary
from musl.errors import NotElf, RefusedSymbol, UnknownLibrary, UnknownSymbol, WrongLibc, WrongMachine
from musl.verdicts import TABLE, Table
from tests.unit.musl.conftest import Build


def without(symbol: str, tmp_path: Path) -> Table:
    """The product's table with one symbol struck out."""
    text = TABLE.read_text()
    assert text.count(f'"{symbol}"') == 1
    path = tmp_path / "symbols.toml"
    path.write_text(text.replace(f'"{symbol}",', "").replace(f'"{symbol}"', ""))
    return Table.load(path)


def test_every_import_of_the_official_wheels_has_a_verdict(
    official: dict[str, list[SharedLibrary]], table: Table
) -> None:
    for wheel, libraries in official.items():
        for library in libraries:
            assert table.judge(wheel, library).keys() == library.imports


def test_no_entry_is_left_over(official: dict[str, list[SharedLibrary]], table: Table) -> None:
    imported = {str(symbol) for libraries in official.values() for library in libraries for symbol in library.imports}
    listed = {symbol for (_, symbol), verdict in table.entries().items() if verdict.kind != "refused"}
    assert listed == imported


@pytest.mark.parametrize(
    ("wheel", "symbol"),
    [
        ("chromadb", "memcpy@GLIBC_2.14"),
        ("chromadb", "newlocale@GLIBC_2.3"),
        ("onnxruntime", "strfromf128@GLIBC_2.26"),
        ("onnxruntime", "_ZNSt6locale7classicEv@GLIBCXX_3.4"),
        ("onnxruntime", "_ITM_registerTMCloneTable"),
        ("onnxruntime", "__pthread_key_create@GLIBC_2.2.5"),
    ],
)
def test_a_symbol_struck_from_the_table_stops_the_repair(
    wheel: str, symbol: str, official: dict[str, list[SharedLibrary]], tmp_path: Path
) -> None:
    weak = r" \(weak\)" if symbol.startswith(("_ITM", "__pthread_key")) else ""
    struck = without(symbol, tmp_path)
    with pytest.raises(UnknownSymbol, match=rf"imports what symbols.toml has no verdict on: {symbol}{weak}\. "):
        struck.judge(wheel, official[wheel][0])


def test_the_key_that_stands_for_threads_is_adapted(official: dict[str, list[SharedLibrary]], table: Table) -> None:
    (found,) = {s for library in official["onnxruntime"] for s in library.imports if s.name == "__pthread_key_create"}
    assert found.weak
    verdict = table.look_up("onnxruntime", found)
    assert verdict is not None
    assert verdict.kind == "adapted"


def test_an_unknown_import_is_named_with_its_version(build: Build, table: Table) -> None:
    library = SharedLibrary.read(build("int mallopt(int, int); int f(void) { return mallopt(1, 2); }"))
    with pytest.raises(UnknownSymbol, match=r"library\.so imports .* no verdict on: mallopt@GLIBC_2\.2\.5\. "):
        table.judge("chromadb", library)


def test_an_unknown_weak_import_counts(build: Build, table: Table) -> None:
    source = (
        "void __pthread_unwind(void) __attribute__((weak)); void f(void) { if (__pthread_unwind) __pthread_unwind(); }"
    )
    with pytest.raises(UnknownSymbol, match=r"__pthread_unwind\S* \(weak\)"):
        table.judge("chromadb", SharedLibrary.read(build(source + "char *getenv(char *); void g(void) { getenv(0); }")))


def test_another_version_of_a_known_name_is_unknown(table: Table) -> None:
    assert table.look_up("chromadb", Import("memcpy", "GLIBC_2.14"))
    assert table.look_up("chromadb", Import("memcpy", "GLIBC_2.2.5")) is None


def test_what_may_be_absent_must_be_weak(build: Build, table: Table) -> None:
    library = SharedLibrary.read(
        build("int sdallocx(void); char *getenv(char *); void f(void) { sdallocx(); getenv(0); }")
    )
    with pytest.raises(UnknownSymbol, match="only be absent where it is weak: sdallocx"):
        table.judge("chromadb", library)


def test_a_network_client_in_onnxruntime_is_refused(build: Build, table: Table) -> None:
    library = SharedLibrary.read(build("int connect(); int f(void) { return connect(0, 0, 0); }"))
    assert table.judge("chromadb", library)
    with pytest.raises(RefusedSymbol, match=r"connect@GLIBC_2\.2\.5 \(a network client"):
        table.judge("onnxruntime", library)


def test_another_processor_is_named(build: Build, table: Table) -> None:
    library = SharedLibrary.read(build("void f(void) {}", "aarch64-linux-gnu.2.28"))
    with pytest.raises(WrongMachine, match=r"library\.so is built for AArch64: only x64"):
        table.judge("chromadb", library)


def test_a_library_for_musl_is_named(build: Build, table: Table) -> None:
    library = SharedLibrary.read(build("int puts(); void f(void) { puts(0); }", "x86_64-linux-musl"))
    with pytest.raises(WrongLibc, match=r"library\.so is already built for musl \(it needs libc\.so\)"):
        table.judge("chromadb", library)


def test_a_library_without_a_c_library_is_named(build: Build, table: Table) -> None:
    library = SharedLibrary.read(build("void f(void) {}", "x86_64-linux-gnu.2.28", "-nostdlib"))
    with pytest.raises(WrongLibc, match=r"another C library than glibc \(it needs none\)"):
        table.judge("chromadb", library)


def test_an_unknown_library_is_named(build: Build, table: Table) -> None:
    other = build("int other(void) { return 1; }", "x86_64-linux-gnu.2.28", "-Wl,-soname,libother.so.1")
    source = "int other(void); int puts(); int f(void) { puts(0); return other(); }"
    with pytest.raises(UnknownLibrary, match=r"needs libother\.so\.1"):
        table.judge("chromadb", SharedLibrary.read(build(source, "x86_64-linux-gnu.2.28", str(other))))


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"text" * 100, b"\x7fELF\x02\x01\x01" + bytes(100)])
def test_what_is_no_library_is_refused(data: bytes) -> None:
    with pytest.raises(NotElf, match=r"^odd\.so: "):
        SharedLibrary(data, "odd.so")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('verdict = "fine"\nwhy = "x"\nsymbols = []', "one of same"),
        ('verdict = "same"\nwhy = ""\nsymbols = []', "needs a reason"),
        ('verdict = "same"\nwhy = "x"\nsymbols = ["a", "a"]', "a has two verdicts"),
    ],
)
def test_a_table_that_says_too_little_or_too_much_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "symbols.toml"
    path.write_text(f"musl = '1.2.5'\n[libraries]\n[[group]]\n{text}\n")
    with pytest.raises(ValueError, match=message):
        Table.load(path)
