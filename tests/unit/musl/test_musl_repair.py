"""The official wheels, repaired on whatever this is; that they then run on musl is shown by tests/container/musl."""

import base64
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from musl import compat, load
from musl.elf import SharedLibrary
from musl.errors import CodeChanged, MissingRuntime, PatchFailed, WrongLibc
from musl.load import LOADER, prove
from musl.patch import check_unchanged, patch
from musl.repair import LIBC, repair
from musl.verdicts import TABLE, Table
from musl.wheels import Wheel, reviewed
from tests.unit.musl.conftest import CHECKOUT, Build

LIBSTDCPP, LIBGCC = "libstdc++-0.so.6", "libgcc_s-0.so.1"
# The two functions of libstdc++ that the character table asks for.
STAND_IN = "void *_ZNSt6locale7classicEv; void *_ZSt9use_facetISt5ctypeIcEERKT_RKSt6locale;"


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory, build: Build) -> Path:
    """A folder of packages as it is before the repair: tokenizers has brought GCC's libraries (stand-ins here)."""
    folder = tmp_path_factory.mktemp("target")
    (folder / "tokenizers.libs").mkdir()
    for name in (LIBSTDCPP, LIBGCC):
        made = build(STAND_IN, "x86_64-linux-musl", f"-Wl,-soname,{name}")
        shutil.copy(made, folder / "tokenizers.libs" / name)
    return folder


@pytest.fixture(scope="session")
def repaired(wheels: Path, target: Path, table: Table) -> Path:
    repair(wheels, target, reviewed(), table, report=lambda line: None)
    return target


def test_each_file_asks_for_ours_then_for_gccs_then_for_musl(repaired: Path, onnxruntime: Wheel) -> None:
    extension = SharedLibrary.read(repaired / next(iter(onnxruntime.repair.values())))
    assert extension.needed == (compat.GLIBC, compat.CTYPE, LIBSTDCPP, LIBGCC, LIBC)
    chroma = SharedLibrary.read(repaired / "chromadb_rust_bindings/chromadb_rust_bindings.abi3.so")
    assert chroma.needed == (compat.GLIBC, LIBC)


def test_code_and_data_are_the_vendors(repaired: Path, wheels: Path) -> None:
    """Byte by byte at their addresses: what runs is what was reviewed."""
    for wheel in reviewed():
        for inside, place in wheel.repair.items():
            before, after = wheel.library(wheels / wheel.file, inside), SharedLibrary.read(repaired / place)
            assert after.executable() == before.executable()
            check_unchanged(before, after)


def test_renamed_imports_are_the_only_ones_that_differ(repaired: Path, wheels: Path, table: Table) -> None:
    for wheel in reviewed():
        for inside, place in wheel.repair.items():
            before = wheel.library(wheels / wheel.file, inside)
            expected = {(v.target(symbol), symbol.weak) for symbol, v in table.judge(wheel.name, before).items()}
            assert {(s.name, s.weak) for s in SharedLibrary.read(repaired / place).imports} == expected


def test_the_second_copy_of_onnxruntime_is_left_out(repaired: Path) -> None:
    names = {path.name for path in (repaired / "onnxruntime" / "capi").glob("*.so*")}
    assert names == {
        "onnxruntime_pybind11_state.cpython-312-x86_64-linux-musl.so",
        "libonnxruntime_providers_shared.so",
    }


def test_the_record_is_true(repaired: Path) -> None:
    for record in repaired.glob("*.dist-info/RECORD"):
        for line in record.read_text().splitlines():
            name, digest, size = line.rsplit(",", 2)
            data = (repaired / name).read_bytes()
            if digest:
                found = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
                assert (digest, int(size)) == (f"sha256={found}", len(data)), name


def test_a_changed_instruction_is_noticed(build: Build, tmp_path: Path) -> None:
    before = build("int f(void) { return 41; }")
    data = before.read_bytes()
    changed = tmp_path / "library.so"
    changed.write_bytes(data.replace(b"\xb8\x29\x00\x00\x00", b"\xb8\x2a\x00\x00\x00"))
    assert changed.read_bytes() != data
    with pytest.raises(CodeChanged, match=r"library\.so: an executable segment has changed"):
        check_unchanged(SharedLibrary.read(before), SharedLibrary.read(changed))


def test_a_changed_constant_is_noticed(build: Build, tmp_path: Path) -> None:
    before = build('const char *f(void) { return "constant text"; }')
    changed = tmp_path / "library.so"
    changed.write_bytes(before.read_bytes().replace(b"constant text", b"another  text"))
    with pytest.raises(CodeChanged, match=r"section \.rodata\S* at 0x[0-9a-f]+ has changed"):
        check_unchanged(SharedLibrary.read(before), SharedLibrary.read(changed))


def test_patchelfs_words_are_passed_on(build: Build, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    library = build("int puts(); void f(void) { puts(0); }")
    program = tmp_path / "bin" / "patchelf"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho no room >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program.with_name("python")))
    with pytest.raises(PatchFailed, match=r"library\.so: patchelf --remove-needed libc\.so\.6: no room"):
        patch(library, needed=[], rpath="", renamed={})


def test_without_libstdcpp_the_repair_stops(wheels: Path, table: Table, tmp_path: Path) -> None:
    with pytest.raises(MissingRuntime, match=r"must hold one \*\.libs/libstdc\+\+\*\.so\*, and has none: install"):
        repair(wheels, tmp_path, reviewed(), table)
    assert not list(tmp_path.iterdir())


def test_a_proof_needs_musl(tmp_path: Path) -> None:
    if LOADER.exists():
        pytest.skip("this is musl")
    with pytest.raises(WrongLibc, match=r"has no /lib/ld-musl-x86_64\.so\.1: .* can only be proved on musl"):
        prove(tmp_path / "library.so", [])


def test_another_musl_than_the_reviewed_one_is_refused(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader = tmp_path / "ld-musl"
    loader.write_text("#!/bin/sh\necho 'musl libc (x86_64)' >&2\necho 'Version 1.2.5' >&2\nexit 1\n")
    loader.chmod(0o755)
    monkeypatch.setattr(load, "LOADER", loader)
    load.check_version(table.musl)
    with pytest.raises(WrongLibc, match=r"this is musl 1\.2\.5, and 1\.2\.4 was reviewed"):
        load.check_version("1.2.4")
    loader.write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(WrongLibc, match="no version that it says"):
        load.check_version(table.musl)


def command(*words: str | Path, cwd: Path = CHECKOUT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "musl", *words], capture_output=True, text=True, cwd=cwd)


def test_the_command_says_what_is_wrong_with_a_wheel(target: Path, tmp_path: Path, wheels: Path) -> None:
    for path in wheels.glob("*.whl"):
        shutil.copy(path, tmp_path)
    altered = next(tmp_path.glob("chromadb*"))
    altered.write_bytes(altered.read_bytes() + b"\0")
    done = command("repair", "--wheels", tmp_path, "--target", target)
    assert done.returncode == 1
    assert done.stderr.startswith(f"musl: AlteredWheel: {altered.name} has sha256 ")


def test_the_command_names_a_symbol_that_was_struck_from_the_table(target: Path, tmp_path: Path, wheels: Path) -> None:
    shutil.copytree(CHECKOUT / "musl", tmp_path / "musl")
    table = tmp_path / "musl" / TABLE.name
    table.write_text(table.read_text().replace('"memcpy@GLIBC_2.14", ', ""))
    done = command("repair", "--wheels", wheels, "--target", target, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(
        "musl: UnknownSymbol: chromadb_rust_bindings.abi3.so imports what symbols.toml has no"
    )
    assert "verdict on: memcpy@GLIBC_2.14. " in done.stderr


def test_the_command_lists_what_a_wheel_imports(wheels: Path) -> None:
    done = command("symbols", next(wheels.glob("chromadb*")))
    assert done.returncode == 0, done.stderr
    assert "  renamed      strerror_r@GLIBC_2.2.5\n" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("  9 absent, 7 adapted")
