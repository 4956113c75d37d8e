"""The compatibility library compiles, and defines what the table promises: no less, and no more."""

import shutil
from pathlib import Path

import pytest

from musl import compat
from musl.elf import Import, SharedLibrary
from musl.errors import CompilerFailed, MissingFunction
from musl.verdicts import Table


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> SharedLibrary:
    return compat.build_glibc(tmp_path_factory.mktemp("compat") / compat.GLIBC)


def promised(table: Table) -> set[str]:
    """The functions that the table leaves to the library."""
    found = {symbol: verdict for (_, symbol), verdict in table.entries().items()}
    imports = {Import(*symbol.partition("@")[::2]): verdict for symbol, verdict in found.items()}
    return {v.target(symbol) for symbol, v in imports.items() if v.kind in ("adapted", "renamed")}


def test_the_library_defines_what_the_table_promises_and_nothing_else(library: SharedLibrary, table: Table) -> None:
    assert library.exports == promised(table)


def test_the_library_is_musls(library: SharedLibrary) -> None:
    assert (library.machine, library.needed) == ("x64", ("libc.so",))


def test_every_reason_names_the_source_that_holds_the_function(table: Table) -> None:
    texts = {path.name: path.read_text() for path in compat.sources()}
    for (_, symbol), verdict in table.entries().items():
        if verdict.kind in ("adapted", "renamed"):
            name = verdict.target(Import(*symbol.partition("@")[::2]))
            assert f"{name}(" in texts[verdict.why.rpartition("; ")[2]], symbol


def test_without_the_key_that_stands_for_threads_the_repair_stops(tmp_path: Path, table: Table) -> None:
    """The negative control: nothing would fail at load without it, and every lock in onnxruntime would do nothing."""
    shutil.copytree(compat.SOURCES, tmp_path / "compat")
    threads = tmp_path / "compat" / "threads.c"
    threads.write_text(threads.read_text().replace("GLIBC int __pthread_key_create(", "GLIBC int another_name("))
    lacking = compat.build_glibc(tmp_path / compat.GLIBC, compat.sources(tmp_path / "compat"))
    with pytest.raises(
        MissingFunction, match=r"libglibc\.so does not define __pthread_key_create, which symbols\.toml says"
    ):
        compat.require(lacking, promised(table))


def test_what_the_compiler_says_is_passed_on(tmp_path: Path) -> None:
    broken = tmp_path / "broken.c"
    broken.write_text("int f(void) { return unknown; }\n")
    with pytest.raises(CompilerFailed, match=r"broken\.c:1:22: error: use of undeclared identifier 'unknown'"):
        compat.build_glibc(tmp_path / "x.so", [broken])
