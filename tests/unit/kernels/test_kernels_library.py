"""The library as a file: what it needs, what it shows, and what happens without it."""

import logging
from pathlib import Path

import onnxruntime as ort
import pytest

from app.embedding import kernels
from kernels import __main__ as command
from kernels import build as building
from musl.elf import SharedLibrary
from tests.unit.kernels.conftest import variant


def test_it_needs_no_library_and_four_functions(widest: Path) -> None:
    """So that one file serves musl and glibc."""
    library = SharedLibrary.read(widest)
    assert list(library.needed) == []
    assert {each.name for each in library.imports} == {"malloc", "free", "memset", "memmove"}
    assert library.exports == {"RegisterCustomOps", "kernels_variant"}


def test_the_same_sources_give_the_same_bytes(widest: Path, tmp_path: Path) -> None:
    assert building.build(tmp_path / "again.so").read_bytes() == widest.read_bytes()


def test_the_command_makes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([str(tmp_path / "folder" / "library.so")]) == 0
    assert f"made {tmp_path}/folder/library.so" in capsys.readouterr().out
    assert variant(tmp_path / "folder" / "library.so") in ("avx512", "avx2")
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["library.so"]


def test_on_another_processor_the_command_makes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert command.main([str(tmp_path / "library.so")]) == 0
    assert "no kernels for Linux on aarch64" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_what_the_compiler_says_is_told_and_the_older_library_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    older = tmp_path / "library.so"
    older.write_bytes(b"older")
    monkeypatch.setattr(building, "OBJECTS", (("cpu.c", "-includenowhere.h"),))
    assert command.main([str(older)]) == 1
    assert "error" in capsys.readouterr().err
    assert older.read_bytes() == b"older"
    assert [path.name for path in tmp_path.iterdir()] == ["library.so"]


def test_the_service_says_which_instruction_set_is_used(widest: Path, avx2: Path) -> None:
    assert kernels.register(ort.SessionOptions(), widest) == variant(widest)
    assert kernels.register(ort.SessionOptions(), avx2) == "avx2"


def test_without_the_library_nothing_is_registered(tmp_path: Path) -> None:
    assert kernels.register(ort.SessionOptions(), tmp_path / "library.so") == ""


@pytest.mark.parametrize("content", [b"", b"\x7fELF of another kind"])
def test_a_library_that_cannot_be_loaded_is_told_and_left(
    content: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "library.so"
    broken.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert kernels.register(ort.SessionOptions(), broken) == ""
    assert f"{broken} is not used" in caplog.text
