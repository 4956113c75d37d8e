"""Wheels and small libraries to repair, on any Linux: zig compiles for glibc, musl and other processors alike."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from musl.elf import SharedLibrary
from musl.verdicts import Table
from musl.wheels import Wheel, reviewed

CHECKOUT = Path(__file__).resolve().parents[3]
GLIBC = "x86_64-linux-gnu.2.28"

Build = Callable[..., Path]


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """build(source, target=GLIBC, *flags): a shared library from C source text."""

    def compile_text(source: str, target: str = GLIBC, *flags: str) -> Path:
        folder = tmp_path_factory.mktemp("library")
        (folder / "source.c").write_text(source)
        command = [sys.executable, "-m", "ziglang", "cc", "-target", target, "-O1", "-shared", "-fPIC", "-w", *flags]
        subprocess.run([*command, "-o", folder / "library.so", folder / "source.c"], check=True)
        return folder / "library.so"

    return compile_text


@pytest.fixture(scope="session")
def wheels(pytestconfig: pytest.Config) -> Path:
    """The official wheels that were reviewed, downloaded once (42 MB), by the hashes of requirements.txt."""
    folder: Path = pytestconfig.cache.mkdir("glibc-wheels")
    if {path.name for path in folder.glob("*.whl")} != {wheel.file for wheel in reviewed()}:
        pins = folder / "pins.txt"
        pins.write_text("".join(pin(wheel.name) for wheel in reviewed()))
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
        platforms = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
        tags = ["--python-version", "3.12", *(word for name in platforms for word in ("--platform", name))]
        subprocess.run(
            [*pip, "--require-hashes", "--only-binary=:all:", *tags, "--dest", folder, "-r", pins], check=True
        )
    return folder


def pin(name: str) -> str:
    """The lines of requirements.txt for one package."""
    found = re.search(rf"^{name}==(.*\\\n)*.*\n", (CHECKOUT / "requirements.txt").read_text(), re.MULTILINE)
    assert found, name
    return found.group()


@pytest.fixture(scope="session")
def table() -> Table:
    return Table.load()


@pytest.fixture(scope="session")
def official(wheels: Path) -> dict[str, list[SharedLibrary]]:
    """The libraries to repair, as they are in the official wheels, by package."""
    return {w.name: [w.library(wheels / w.file, inside) for inside in w.repair] for w in reviewed()}


@pytest.fixture
def onnxruntime() -> Wheel:
    return next(wheel for wheel in reviewed() if wheel.name == "onnxruntime")
